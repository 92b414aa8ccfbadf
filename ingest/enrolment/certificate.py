"""The certificate that devices know the enrolment service by."""

from __future__ import annotations

import hashlib
import ssl
from pathlib import Path

from edge.configuration import ConfigurationError

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


def fingerprint(certificate_file: Path) -> bytes:
    """Return the SHA-256 of the first certificate of a PEM file, in DER form: the one that the service shows.

    Raises
    ------
    ConfigurationError
        The file cannot be read or holds no certificate.
    """
    try:
        text = certificate_file.read_text(encoding="utf-8")
        start = text.index(_BEGIN)
        der = ssl.PEM_cert_to_DER_cert(text[start : text.index(_END, start) + len(_END)])
    except (OSError, ValueError) as error:
        msg = f"enrolment.certificate_file: {certificate_file} cannot be read as a PEM certificate: {error}"
        raise ConfigurationError(msg) from None
    return hashlib.sha256(der).digest()


def server_context(certificate_file: Path, key_file: Path) -> ssl.SSLContext:
    """Return the TLS side of the service.

    Raises
    ------
    ConfigurationError
        Certificate or key cannot be read, or do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate_file, key_file)
    except (OSError, ssl.SSLError) as error:
        msg = (
            f"enrolment.certificate_file {certificate_file} and enrolment.key_file {key_file} cannot be used: {error}; "
            "both must be PEM, belong together and be readable by this user"
        )
        raise ConfigurationError(msg) from None
    return context
