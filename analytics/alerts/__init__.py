"""Alerts: what detectors find in a store's hours, and what becomes of it."""
