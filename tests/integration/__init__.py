"""Against real PostgreSQL and Valkey."""
