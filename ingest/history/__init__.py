"""Histories: readings as files. Old data in (backfill), readings in force out (export)."""
