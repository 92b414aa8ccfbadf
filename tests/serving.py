"""A web application served as in production, on a free loopback port, for as long as a test needs it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvicorn
from fastapi import FastAPI

DEADLINE_S = 20.0


@contextmanager
def served(app: FastAPI) -> Iterator[httpx.Client]:
    """Serve an application and yield a client of it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, ws="none", proxy_headers=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="web", daemon=True)
        thread.start()
        try:
            _wait_until_started(server, thread)
            port = listening.getsockname()[1]
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE_S, trust_env=False) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join(DEADLINE_S)
    assert not thread.is_alive()


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not server.started:
        assert thread.is_alive(), "the server ended before it had started"
        assert time.monotonic() < deadline, "the server didn't start in time"
        time.sleep(0.005)
