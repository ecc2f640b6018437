"""A small HTTP server that answers as it is told: a catalog of release 2.0 to a probe, and one answer to all else."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Peer:
    """What it answers, and the tokens that it was sent."""

    def __init__(self, status: int = 200, headers: Mapping[str, str] | None = None, body: bytes = b"{}") -> None:
        self.status, self.headers, self.body = status, dict(headers or {}), body
        self.version = b'{"version": "2.0.6.0"}'
        self.stall = 0.0
        """Seconds that an answer other than to a probe takes."""
        self.good: str | None = None
        """The only token that is not refused."""
        self.tokens: list[str] = []
        self.url = ""


class Many(ThreadingHTTPServer):
    """With room for all that connect at a time; the library's five are refused beyond that."""

    request_queue_size = 64


@contextmanager
def serving(peer: Peer) -> Iterator[Peer]:
    """Serve it on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path.endswith("/system/version"):
                self.reply(200, {}, peer.version)
                return
            peer.tokens.append((self.headers.get("Authorization") or "").removeprefix("Bearer "))
            time.sleep(peer.stall)
            if peer.good is not None and peer.tokens[-1] != peer.good:
                self.reply(401, {}, b'{"code": 401, "message": "Not Authorized! Invalid Token"}')
            else:
                self.reply(peer.status, peer.headers, peer.body)

        do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815

        def reply(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = Many(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    peer.url = f"http://127.0.0.1:{server.server_port}/api"
    try:
        yield peer
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def refusing() -> Iterator[str]:
    """The address of a port at which nobody listens, and nobody else can."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/api"
