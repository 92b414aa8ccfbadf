"""What runs beside the devices of a store; imports pydantic, paho-mqtt and the standard library alone."""
