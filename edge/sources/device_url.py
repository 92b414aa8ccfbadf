"""The address of a device that is asked over HTTP, and what proves the agent to it and it to the agent."""

from __future__ import annotations

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from edge.configuration import ConfiguredPath, SettingsModel

_PORTS = {"http": 80, "https": 443}


class DeviceUrl(SettingsModel):
    """Keys of every source that asks a device over HTTP."""

    url: Annotated[str, Field(max_length=2000)]
    username: str | None = None
    password_file: ConfiguredPath | None = None
    """With it the agent answers a device's challenge: digest access where the device offers it, else basic."""
    ca_file: ConfiguredPath | None = None
    """Certificates that the device's must chain to, or be; without it, the system's."""
    verify_host: bool = True
    """False: the certificate need not name the host, as a device's own doesn't; only with ``ca_file``."""

    @field_validator("url")
    @classmethod
    def _usable(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            usable = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable or not url.isascii() or any(character <= " " for character in url):
            msg = "not a URL such as http://192.168.1.20/path or https://camera.example/path"
            raise ValueError(msg)
        if "@" in parts.netloc:
            msg = "no user or password in the URL: use username and password_file"
            raise ValueError(msg)
        return url

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.username is None) != (self.password_file is None):
            msg = "username and password_file belong together: give both, or neither"
            raise ValueError(msg)
        if not self.verify_host and self.ca_file is None:
            msg = "verify_host = false needs ca_file: name the file of the device's own certificate there"
            raise ValueError(msg)
        return self

    @property
    def is_tls(self) -> bool:
        """Whether the connection is TLS."""
        return urlsplit(self.url).scheme == "https"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or _PORTS[parts.scheme]

    @property
    def target(self) -> str:
        """Path and query, as they are asked for."""
        parts = urlsplit(self.url)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
