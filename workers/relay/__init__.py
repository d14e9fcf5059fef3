"""The outbox, sent to the outside world."""
