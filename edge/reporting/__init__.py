"""Report rules: what of a device's readings goes to the platform, decided between the sources and the spool."""
