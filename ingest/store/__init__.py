"""All SQL: one module a subject; nothing else knows a column name."""
