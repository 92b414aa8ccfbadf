"""Vendors' payloads into readings: pure functions, allow-lists, each saying what it was made from."""
