"""A proxy between the connector and the emulated Snowflake; what becomes of statements is in `snowflake_faults.py`."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.snowflake_faults import LOGIN, Proxy, Statement


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        if url.path == "/session/v1/login-request":
            self._handle(LOGIN, "", lambda: self._login(body))
        elif url.path == "/queries/v1/query-request":
            request_id = parse_qs(url.query).get("requestId", [""])[0]
            self._handle(_json(self.headers, body)["sqlText"], request_id, lambda: self._send(body))
        else:
            if url.path == "/session" and "delete" in url.query:
                self.proxy.end((self.headers.get("Authorization") or "")[17:-1])
            self._answer(*self._send(body))

    def do_PUT(self) -> None:
        self._answer(*self._send(self.rfile.read(int(self.headers.get("Content-Length") or 0))))

    def do_GET(self) -> None:
        self._answer(*self._send(b""))

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _handle(self, sql: str, request_id: str, forward: Callable[[], tuple[int, bytes]]) -> None:
        token = (self.headers.get("Authorization") or "")[17:-1]
        statement = Statement(sql, token, request_id, forward, self._answer, self._reset)
        if sql != LOGIN:
            self.proxy.handle(statement)
        elif found := [fault for fault in self.proxy.faults if fault.pattern == LOGIN and fault.meets(LOGIN)]:
            found[0].act(statement)
        else:
            self._answer(*forward())

    def _login(self, body: bytes) -> tuple[int, bytes]:
        status, answered = self._send(body)
        found = json.loads(answered)
        user = _json(self.headers, body)["data"].get("LOGIN_NAME", "")
        found["data"]["sessionId"] = self.proxy.log_in(found["data"]["token"], user)
        return status, json.dumps(found).encode()

    def _send(self, body: bytes) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(*self.proxy.upstream, timeout=120)
        kept = {k: v for k, v in self.headers.items() if k.lower() not in ("content-length", "connection")}
        connection.request(self.command, self.path, body, kept)
        answer = connection.getresponse()
        found = answer.status, answer.read()
        connection.close()
        return found

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def shutdown_request(self, request: Any) -> None:
        """Only closes: what was reset is closed already, and shutting it down first would end it in good order."""
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is gone is what is tested."""


@contextmanager
def proxy(
    variables: dict[str, str], lock_seconds: float = 1, host: str = "127.0.0.1"
) -> Iterator[tuple[Proxy, dict[str, str]]]:
    """A proxy before the emulator that the variables lead to, and the variables that lead to the proxy."""
    upstream = (variables["HALLMARK_SNOWFLAKE_HOST"], int(variables["HALLMARK_SNOWFLAKE_PORT"]))
    handler = type("Handler", (_Handler,), {})
    with _Server((host, 0), handler) as server:
        made = Proxy(upstream, server.server_address[1], lock_seconds)
        handler.proxy = made  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield made, {**variables, "HALLMARK_SNOWFLAKE_HOST": host, "HALLMARK_SNOWFLAKE_PORT": str(made.port)}
        finally:
            server.shutdown()


def _json(headers: Any, body: bytes) -> dict[str, Any]:
    text = gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body
    found: dict[str, Any] = json.loads(text)
    return found
