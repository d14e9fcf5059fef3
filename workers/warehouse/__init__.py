"""The warehouse: stock, reservations, preparation, packing and inspection."""
