"""A private broker that speaks TLS, with certificates that a test makes and exchanges."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from standalone.account import give, server_account
from standalone.broker import PrivateBroker
from standalone.free_port import LOOPBACK
from standalone.mosquitto import Mosquitto

_LISTENER = "cafile {folder}/{name}.ca\ncertfile {folder}/{name}.crt\nkeyfile {folder}/{name}.key\n"


class Authority:
    """A certificate authority of a test's own, and the certificate that it gives to the broker."""

    def __init__(self, folder: Path, name: str) -> None:
        if shutil.which("openssl") is None:
            pytest.skip("there is no openssl command to make certificates with")
        self.name = name
        folder.mkdir(parents=True, exist_ok=True)
        self.certificate = folder / f"{name}.ca"
        self._folder = folder
        authority_key = folder / f"{name}.ca.key"
        _openssl(
            "req", "-x509", *_NEW_KEY, authority_key, "-out", self.certificate, "-subj", f"/CN={name}", "-days", 200
        )
        self.issue()

    def issue(self, first_day: int = -1, last_day: int = 90) -> None:
        """Make a new key and certificate for the broker, in the place of the ones before; days are counted from now."""
        request, certificate, key, own = (self._folder / f"{self.name}.{end}" for end in ("csr", "crt", "key", "conf"))
        own.write_text(_SIGNING.format(folder=self._folder, name=self.name, host=LOOPBACK))
        (self._folder / f"{self.name}.index").write_text("")
        _openssl("req", *_NEW_KEY, key, "-out", request, "-subj", "/CN=broker")
        first, last = (f"{datetime.now(UTC) + timedelta(days=days):%Y%m%d%H%M%SZ}" for days in (first_day, last_day))
        valid = ("-startdate", first, "-enddate", last)
        _openssl("ca", "-batch", "-notext", "-config", own, *valid, "-in", request, "-out", certificate)
        for file in (self.certificate, certificate, key):
            give(file, server_account(), 0o644)


class TlsBroker(PrivateBroker):
    """Like ``PrivateBroker``; ``authority`` may be exchanged between ``stop`` and ``start``."""

    def __init__(
        self, folder: Path, users: Mapping[str, str], authority: Authority, mosquitto: Mosquitto | None = None
    ) -> None:
        super().__init__(folder, users, mosquitto)
        self.authority = authority

    def reload(self) -> None:
        """Have the running broker read its files anew: certificates, passwords, rights."""
        os.kill(self.pid, signal.SIGHUP)

    def _write(self, name: str, text: str) -> None:
        if name == "mosquitto.conf":
            listener, rest = text.split("\n", 1)
            own = _LISTENER.format(folder=self.authority.certificate.parent, name=self.authority.name)
            text = f"{listener}\n{own}{rest}"
        super()._write(name, text)

    def _line(self) -> socket.socket:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it is readiness that is asked here
        line = super()._line()
        try:
            return context.wrap_socket(line, server_hostname=self.host)
        except BaseException:
            line.close()
            raise


_SIGNING = """\
[ca]
default_ca = own
[own]
certificate = {folder}/{name}.ca
private_key = {folder}/{name}.ca.key
database = {folder}/{name}.index
rand_serial = yes
new_certs_dir = {folder}
default_md = sha256
policy = any
x509_extensions = names
[any]
commonName = supplied
[names]
subjectAltName = IP:{host}
"""
_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout")


def _openssl(*arguments: str | int | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
