"""The site model as a documented set of CSV files: read, validated, imported as a new registry version."""
