"""What helps an operator before and beside the running agent: a first configuration, an examination, a search."""
