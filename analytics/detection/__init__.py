"""Detectors of anomalies, changes and faults: arrays in, arrays out."""
