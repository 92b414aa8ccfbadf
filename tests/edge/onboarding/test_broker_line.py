"""TLS to the broker: each reason for a failure is told apart, against servers with certificates made for it."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest

from edge.broker_settings import BrokerSettings
from edge.onboarding.broker_line import line_findings
from edge.onboarding.finding import Finding, Grade

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a certificate authority's ``ca.pem`` and ``ca.key``."""
    if shutil.which("openssl") is None:
        pytest.skip("the openssl command, which makes the certificates, is not installed")
    folder = tmp_path_factory.mktemp("authority")
    make_authority(folder, "ca")
    return folder


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def make_authority(folder: Path, name: str) -> None:
    subject = f"/CN=test authority {name}"
    options = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", subject]
    openssl(folder, "req", "-x509", *options, "-keyout", f"{name}.key", "-out", f"{name}.pem")


def certificate(folder: Path, host: str, first: datetime, last: datetime) -> Path:
    """Return a file with a certificate for a host, valid between two times, and its key."""
    (folder / "index").write_text("")
    (folder / "serial").write_text("01\n")
    (folder / "ca.conf").write_text(
        "[ca]\ndefault_ca=own\n[own]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\n"
        "policy=any\nx509_extensions=names\nunique_subject=no\n[any]\ncommonName=supplied\n"
        f"[names]\nsubjectAltName=DNS:{host}\n"
    )
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl(folder, "req", *new_key, "-subj", f"/CN={host}", "-keyout", "server.key", "-out", "server.csr")
    span = ["-startdate", f"{first:%Y%m%d%H%M%SZ}", "-enddate", f"{last:%Y%m%d%H%M%SZ}"]
    signed_by = ["-config", "ca.conf", "-cert", "ca.pem", "-keyfile", "ca.key"]
    openssl(folder, "ca", "-batch", "-notext", *signed_by, *span, "-in", "server.csr", "-out", "server.pem")
    both = folder / "both.pem"
    both.write_text((folder / "server.pem").read_text() + (folder / "server.key").read_text())
    return both


@contextmanager
def server(tls: Path | None) -> Iterator[int]:
    """Yield the port of a server that greets one client with TLS, or (None) with plain text."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)

        def serve() -> None:
            with suppress(OSError), listening.accept()[0] as line:
                if tls is None:
                    line.recv(10)
                    line.sendall(b"plain text\n")
                    return
                context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
                context.load_cert_chain(tls)
                with context.wrap_socket(line, server_side=True) as wrapped:
                    wrapped.recv(1)

        thread = Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(10)


def last_of(host: str, port: int, ca_file: Path | None) -> Finding:
    return list(line_findings(BrokerSettings(host=host, port=port, ca_file=ca_file), 5))[-1]


@pytest.mark.parametrize(
    ("host", "first", "last", "grade", "said"),
    [
        ("localhost", -1, 100, Grade.OK, "valid until"),
        ("localhost", -1, 10, Grade.WARNING, "valid until"),
        ("localhost", -20, -10, Grade.WRONG, "has expired"),
        ("localhost", 10, 20, Grade.WRONG, "not valid yet"),
        ("broker.example.org", -1, 100, Grade.WRONG, "for another name than localhost"),
    ],
)
def test_certificates_are_told_apart(  # noqa: PLR0917 - a table
    authority: Path, host: str, first: int, last: int, grade: Grade, said: str
) -> None:
    file = certificate(authority, host, NOW + timedelta(days=first), NOW + timedelta(days=last))
    with server(file) as port:
        finding = last_of("localhost", port, authority / "ca.pem")
    assert (finding.check, finding.grade) == ("tls", grade)
    assert said in finding.text.en


def test_a_certificate_of_another_authority(authority: Path, tmp_path: Path) -> None:
    make_authority(tmp_path, "other")
    file = certificate(authority, "localhost", NOW - timedelta(days=1), NOW + timedelta(days=50))
    with server(file) as port:
        finding = last_of("localhost", port, tmp_path / "other.pem")
    assert (finding.check, finding.grade) == ("tls", Grade.WRONG)
    assert "not issued by what" in finding.text.en


def test_a_port_without_tls(authority: Path) -> None:
    with server(None) as port:
        finding = last_of("localhost", port, authority / "ca.pem")
    assert (finding.check, finding.grade) == ("tls", Grade.WRONG)
    assert "does not speak TLS" in finding.text.en


def test_a_file_that_holds_no_certificates(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    with server(None) as port:
        finding = last_of("localhost", port, tmp_path / "ca.pem")
    assert (finding.check, finding.grade) == ("tls", Grade.WRONG)
    assert "no file of certificates" in finding.text.en


def test_a_broker_that_does_not_listen_and_a_name_that_is_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    refused = last_of("127.0.0.1", port, None)
    assert (refused.check, refused.grade) == ("network", Grade.WRONG)
    assert "is not reached" in refused.text.en
    unknown = last_of("no-such-host.invalid", port, Path("ca.pem"))
    assert (unknown.check, unknown.grade) == ("network", Grade.WRONG)
    assert "no address is known" in unknown.text.en
