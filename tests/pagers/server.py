"""What both servers share: HTTP on a port of its own, faults on demand, a rate, and the alerts with their log.

with PagerDutyServer() as server: …; server.alerts has what a person would see. Sources are in the two modules.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self
from urllib.parse import parse_qs, urlsplit

Fault = Literal["slow", "reset", "die"]
"""slow: answers late; reset: nothing was done and the connection breaks; die: it was done, and no answer comes."""


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers or {}


@dataclass
class Entry:
    """A line of an alert's log."""

    at: datetime
    verb: str
    by: str
    said: str = ""


@dataclass
class Alert:
    """What is open, or was."""

    key: str
    summary: str
    severity: str
    at: datetime
    body: dict[str, Any]
    status: Literal["triggered", "acknowledged", "resolved"] = "triggered"
    person: str = ""
    """Who changed its state last; empty: the program."""
    changed: datetime | None = None
    log: list[Entry] = field(default_factory=list)
    number: int = 0

    def move(self, status: Any, at: datetime, by: str = "", said: str = "") -> None:
        """Change its state; one that is resolved stays so."""
        if self.status == "resolved":
            return
        self.status, self.person, self.changed = status, by, at
        self.log.append(Entry(at, status, by or "hallmark", said))


class PagerServer:
    """A context manager. `clock` is that of alerts and rates."""

    per_minute = 120

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.clock = clock
        self.alerts: list[Alert] = []
        self.requests: list[tuple[str, str, dict[str, Any]]] = []
        """(method, path, body) of what was understood."""
        self.refusals: list[tuple[int, Any]] = []
        self.retry_after: str | None = None
        """The header of a 429."""
        self._faults: list[Fault | int | None] = []
        self._made: dict[str, deque[datetime]] = {}
        self._lock = threading.RLock()

    def fail(self, fault: Fault | int, times: int = 1) -> None:
        """The next requests fail so; a number is a status."""
        self._faults += [fault] * times

    def after(self, served: int, fault: Fault | int) -> None:
        """So many requests are served, then one fails so."""
        self._faults += [None] * served + [fault]

    def route(self, method: str, path: str, query: dict[str, list[str]], headers: Any, raw: bytes) -> tuple[int, Any]:
        """The answer. Raises Refused."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        """The address of the machine."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def open(self, key: str) -> Alert | None:
        """The alert of a key that is not over."""
        return next((a for a in reversed(self.alerts) if a.key == key and a.status != "resolved"), None)

    def triggered(self, key: str, summary: str, severity: str, body: dict[str, Any]) -> Alert:
        """A new alert, or one more line of an open one."""
        with self._lock:
            alert = self.open(key)
            if alert is None:
                alert = Alert(key, summary, severity, self.clock(), body, number=len(self.alerts) + 1)
                alert.changed = alert.at
                self.alerts.append(alert)
            alert.log.append(Entry(self.clock(), "triggered", "hallmark", summary))
            return alert

    def states(self) -> list[tuple[str, str]]:
        """(summary, state) of each alert, as they came."""
        return [(a.summary, a.status) for a in self.alerts]

    def acknowledge(self, key: str, by: str = "Ada Person") -> None:
        """A person does."""
        alert = self.open(key)
        assert alert is not None, f"no open alert of {key}"
        alert.move("acknowledged", self.clock(), by)

    def resolve(self, key: str, by: str = "Ada Person") -> None:
        """A person does."""
        alert = self.open(key)
        assert alert is not None, f"no open alert of {key}"
        alert.move("resolved", self.clock(), by)

    def paced(self, key: str, refusal: Any) -> None:
        """Count a call of a key over the last 60 s."""
        now, made = self.clock(), self._made.setdefault(key, deque())
        while made and made[0] <= now - timedelta(seconds=60):
            made.popleft()
        if len(made) >= self.per_minute:
            raise Refused(429, refusal, {"Retry-After": self.retry_after} if self.retry_after else {})
        made.append(now)

    def __enter__(self) -> Self:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                owner.answered(self, raw)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answered(self, handler: BaseHTTPRequestHandler, raw: bytes) -> None:
        """One request."""
        with self._lock:
            fault = self._faults.pop(0) if self._faults else None
        if fault == "slow":
            time.sleep(1.0)
        if fault == "reset":
            broken(handler)
            return
        address = urlsplit(handler.path)
        status, body, headers = 200, None, {}
        try:
            if isinstance(fault, int):
                wait = {"Retry-After": self.retry_after} if self.retry_after and fault in (429, 503) else {}
                raise Refused(fault, {"message": f"told to answer {fault}"}, wait)
            with self._lock:
                query = parse_qs(address.query)
                status, body = self.route(handler.command, address.path, query, handler.headers, raw)
        except Refused as refused:
            status, body, headers = refused.status, refused.body, refused.headers
            self.refusals.append((status, body))
        if fault == "die":
            broken(handler)
            return
        out = json.dumps(body).encode()
        handler.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json", "Content-Length": str(len(out))}.items():
            handler.send_header(name, value)
        with suppress(OSError):  # whoever asked may have waited long enough
            handler.end_headers()
            handler.wfile.write(out)


def broken(handler: BaseHTTPRequestHandler) -> None:
    """End the connection by a reset."""
    handler.close_connection = True
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def stamp(at: datetime) -> str:
    """RFC 3339."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parsed(raw: bytes, refusal: Any) -> dict[str, Any]:
    """The body, which is an object."""
    try:
        found = json.loads(raw)
    except ValueError:
        raise Refused(400, refusal) from None
    if not isinstance(found, dict):
        raise Refused(400, refusal)
    return found
