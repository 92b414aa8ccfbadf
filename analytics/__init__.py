"""From the tables to numbers, their evidence, and the interfaces that show them."""
