"""Starts the whole platform on one machine, for the demo and the tests: environment, database, broker, processes."""
