"""Backups of the database by PostgreSQL's own programs, with a manifest that a restore is checked against."""
