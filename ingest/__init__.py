"""From the broker to the tables: MQTT session, one transaction a write, acknowledgement, and all SQL."""
