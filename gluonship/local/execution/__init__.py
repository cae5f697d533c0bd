"""What makes jobs and containers really run on this machine: processes, storage, logs, metrics, time."""
