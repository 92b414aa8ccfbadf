"""Releases of the agent: announced by the platform, signed, installed beside the present one, and taken back if ill."""
