"""The processes: one folder per department, and intake, relay, scheduler beside them."""
