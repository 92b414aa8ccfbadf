"""The scheduler: one process that keeps what is computed from readings up to date, and old readings small."""
