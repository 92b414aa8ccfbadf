"""The wire contract between agents and ingest: documents, topics, and how they are written as bytes."""
