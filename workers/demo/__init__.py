"""The demonstration: sample orders, a simulated outside world and staff, a live board, and a summary."""
