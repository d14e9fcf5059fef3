"""Time and rescue: due retries, due waits, overdue tasks, and batches whose message is gone."""
