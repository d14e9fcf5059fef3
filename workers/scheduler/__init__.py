"""Time and rescue: due retries, due waits, overdue tasks, batches whose message is gone, and anchors."""
