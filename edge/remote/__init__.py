"""Remote configuration at the agent: checked, kept, tried, and taken back where it does not work."""
