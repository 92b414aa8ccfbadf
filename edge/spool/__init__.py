"""Store-and-forward on the device: sealed batches in one SQLite file, trimmed only on acknowledgement."""
