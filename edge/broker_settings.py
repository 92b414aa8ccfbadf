"""Where the MQTT broker is: the one table that agents and ingest have in common."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from edge.configuration import ConfiguredPath, SettingsModel


class BrokerSettings(SettingsModel):
    """``[broker]``: where the MQTT broker is, and what proves either side to the other."""

    host: Annotated[str, Field(min_length=1)]
    port: Annotated[int, Field(ge=1, le=65535)] = 8883
    username: str | None = None
    """None: the agent's id, respectively the worker's name."""
    password_file: ConfiguredPath | None = None
    ca_file: ConfiguredPath | None = None
    """Certificates that the broker's certificate must chain to; with it the connection is TLS."""
    keep_alive_s: Annotated[int, Field(ge=5, le=3600)] = 30

    @field_validator("ca_file")
    @classmethod
    def _tls_beyond_this_machine(cls, ca_file: ConfiguredPath | None, info: ValidationInfo) -> ConfiguredPath | None:
        host = info.data.get("host", "")
        if ca_file is None and host and not _is_loopback(host):
            kind = "tls_required"
            raise PydanticCustomError(
                kind, "a broker that is not on this machine needs TLS: name the file of its CA certificate here"
            )
        return ca_file

    def password(self) -> str | None:
        """Return the password, read anew from its file so that a changed one is taken up; None where there is none.

        Raises
        ------
        OSError
            The file cannot be read.
        """
        return None if self.password_file is None else self.password_file.read_text(encoding="utf-8").rstrip("\r\n")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
