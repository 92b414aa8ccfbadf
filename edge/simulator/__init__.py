"""A seeded district of stores whose truth is known: for demos and tests, never for evidence."""
