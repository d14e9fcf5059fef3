"""The messages, as the outside knows them."""
