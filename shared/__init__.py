"""What every process stands on. Never imports a worker."""
