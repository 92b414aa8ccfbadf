"""How an archive comes onto the device, and what keeps it from coming."""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from update_tools.signing import openssl

from edge.update import fetching
from edge.update.announcement import Announcement
from edge.update.fetching import fetch
from edge.update.problems import ReleaseDelayed

CONTENT = os.urandom(300_000)
SHA = sha256(CONTENT).hexdigest()
Routes = dict[str, Callable[[BaseHTTPRequestHandler], None]]


def announced(url: str, sha: str = SHA) -> Announcement:
    return Announcement(version="1.2.3", url=url, sha256=sha)


def problem(url: str, folder: Path, ca_file: Path | None = None, sha: str = SHA) -> str:
    with pytest.raises(ReleaseDelayed) as caught:
        fetch(announced(url, sha), folder, ca_file)
    assert not list(folder.glob("*.zip"))
    assert caught.value.problem.zh
    return caught.value.problem.en


@pytest.fixture
def incoming(tmp_path: Path) -> Path:
    return tmp_path / "incoming"


def test_a_file_that_was_copied_to_the_device(tmp_path: Path, incoming: Path) -> None:
    (tmp_path / "copied.zip").write_bytes(CONTENT)
    archive = fetch(announced(str(tmp_path / "copied.zip")), incoming, None)
    assert archive.read_bytes() == CONTENT
    assert archive.parent == incoming
    (tmp_path / "copied.zip").unlink()
    assert fetch(announced(str(tmp_path / "copied.zip")), incoming, None) == archive, "it was there already"


def test_a_folder_that_it_was_copied_to(tmp_path: Path, incoming: Path) -> None:
    (tmp_path / "smartstore-1.2.3.zip").write_bytes(CONTENT)
    assert fetch(announced(str(tmp_path)), incoming, None).read_bytes() == CONTENT


def test_what_is_left_of_other_releases_is_removed(tmp_path: Path, incoming: Path) -> None:
    incoming.mkdir()
    for name in ("other.zip", f"{SHA}.part"):
        (incoming / name).write_bytes(b"half")
    (incoming / f"{SHA}.zip").write_bytes(b"damaged")
    (tmp_path / "copied.zip").write_bytes(CONTENT)
    archive = fetch(announced(str(tmp_path / "copied.zip")), incoming, None)
    assert list(incoming.iterdir()) == [archive]
    assert archive.read_bytes() == CONTENT


def test_what_cannot_be_had_or_is_another_file_is_said(
    tmp_path: Path, incoming: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "No such file" in problem(str(tmp_path / "absent.zip"), incoming)
    (tmp_path / "copied.zip").write_bytes(CONTENT[:-1])
    said = problem(str(tmp_path / "copied.zip"), incoming)
    assert "does not have the announced SHA-256" in said
    assert sha256(CONTENT[:-1]).hexdigest() not in said, "it may be a secret file of root's"
    os.mkfifo(tmp_path / "pipe.zip")
    assert "is no plain file" in problem(str(tmp_path / "pipe.zip"), incoming)
    assert "is no plain file" in problem("/dev/zero", incoming)
    (tmp_path / "copied.zip").write_bytes(CONTENT)
    monkeypatch.setattr(fetching, "_MAX_ARCHIVE_BYTES", len(CONTENT) - 1)
    assert "too large" in problem(str(tmp_path / "copied.zip"), incoming)
    monkeypatch.setattr(fetching, "_MAX_ARCHIVE_BYTES", len(CONTENT))
    monkeypatch.setattr(fetching, "_room", lambda _file: fetching._RESERVE_BYTES + len(CONTENT) - 1)
    assert "the disk is too full" in problem(str(tmp_path / "copied.zip"), incoming)


def test_it_may_not_take_for_ever(tmp_path: Path, incoming: Path) -> None:
    (tmp_path / "copied.zip").write_bytes(CONTENT)
    clock = iter([0.0, *range(2000, 10_000, 2000)])
    with pytest.raises(ReleaseDelayed, match="it takes too long"):
        fetch(announced(str(tmp_path / "copied.zip")), incoming, None, lambda: next(clock))


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    certificate, key = tmp_path / "server.pem", tmp_path / "server-key.pem"
    how = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost".split()
    openssl(*how, "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate)
    return certificate, key


@contextmanager
def serving(routes: Routes, certificate: tuple[Path, Path] | None) -> Iterator[str]:
    """Yield the address of a server on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            routes[self.path](self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http{'s' if certificate else ''}://localhost:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def sends(content: bytes, length: int | None = None) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content) if length is None else length))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def leads_to(url: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", url)
        handler.end_headers()

    return answer


def test_from_a_server_whose_certificate_is_trusted(
    certificate: tuple[Path, Path], incoming: Path, tmp_path: Path
) -> None:
    routes: Routes = {"/r.zip": sends(CONTENT), "/on": leads_to("/r.zip"), "/cut": sends(CONTENT[:5000], len(CONTENT))}
    routes["/none"] = lambda handler: handler.send_error(404)
    with serving(routes, certificate) as https, serving({"/r.zip": sends(CONTENT)}, None) as http:
        routes["/down"] = leads_to(f"{http}/r.zip")
        assert fetch(announced(f"{https}/r.zip"), incoming, certificate[0]).read_bytes() == CONTENT
        assert fetch(announced(f"{https}/on"), tmp_path / "second", certificate[0]).read_bytes() == CONTENT
        third = tmp_path / "third"
        assert "CERTIFICATE_VERIFY_FAILED" in problem(f"{https}/r.zip", third)
        assert "HTTP 404" in problem(f"{https}/none", third, certificate[0])
        assert "without HTTPS" in problem(f"{https}/down", third, certificate[0])
        assert "not have the announced SHA-256" in problem(f"{https}/r.zip", third, certificate[0], sha="0" * 64)
        assert "not have the announced SHA-256" in problem(f"{https}/cut", third, certificate[0])
        other = https.replace("localhost", "127.0.0.1")
        assert "CERTIFICATE_VERIFY_FAILED" in problem(f"{other}/r.zip", third, certificate[0])
    assert "refused" in problem(f"{https}/r.zip", tmp_path / "fourth", certificate[0])
    assert "No such file" in problem(f"{https}/r.zip", tmp_path / "fourth", tmp_path / "absent.pem")
