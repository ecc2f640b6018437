"""A running stand-in, in threads of this process: `with Server() as slack`, then talk to `slack.url`."""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs

from tests.slack.picture import picture
from tests.slack.rules import Refused
from tests.slack.workspace import Channel, Workspace

Kind = Literal["429", "500", "503", "slow", "reset", "accept-then-die", "not-json"] | str
"""Any other one is an error's code, such as `invalid_auth`."""


@dataclass
class Fault:
    """Befalls the nth call that matches from when it was set, and `times` - 1 after it."""

    method: re.Pattern[str]
    nth: int
    kind: Kind
    times: int
    seen: int = 0

    def befalls(self, method: str) -> bool:
        """Counts a call that matches; whether it is one of those."""
        if not self.method.fullmatch(method):
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times


@dataclass
class Call:
    """A call and its answer."""

    method: str
    body: dict[str, Any]
    at: float
    answer: dict[str, Any] = field(default_factory=dict)


class Server:
    """Slack on 127.0.0.1 with the channels of these names; a context manager."""

    token = "xoxb-" + "local"
    retry_after = 2
    slow = 30.0
    """Seconds that a slow answer takes, or until the server ends."""

    def __init__(
        self, *channels: str, now: Callable[[], float] = time.time, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.workspace = Workspace(now, clock)
        for name in channels or ("data-platform",):
            self.workspace.add(name)
        self.calls: list[Call] = []
        self._faults: list[Fault] = []
        self._over = threading.Event()

    def __enter__(self) -> Server:
        self._http = _Http(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._http.shutdown()
        self._http.server_close()

    @property
    def url(self) -> str:
        """Of the Web API."""
        return f"http://127.0.0.1:{self._http.server_port}/api/"

    def webhook(self, name: str = "data-platform") -> str:
        """The address of an incoming webhook of a channel."""
        return f"http://127.0.0.1:{self._http.server_port}/services/secret-part/{name}"

    def channel(self, name: str = "data-platform") -> Channel:
        """By its name."""
        return next(c for c in self.workspace.channels.values() if c.name == name)

    def picture(self, name: str = "data-platform") -> str:
        """The channel and its threads, as text."""
        return picture(self.channel(name))

    def fail(self, method: str, kind: Kind, nth: int = 1, times: int = 1) -> None:
        """The nth call of a method (a pattern) fails from now; `webhook` is a method too."""
        self._faults.append(Fault(re.compile(method), nth, kind, times))

    def answer(self, method: str, body: dict[str, Any], token: str) -> tuple[int, dict[str, str], str, str]:
        """Status, headers, content, and what befalls the connection."""
        call = Call(method, body, self.workspace.clock())
        self.calls.append(call)
        befalling = [f.kind for f in self._faults if f.befalls(method)]
        kind = befalling[0] if befalling else ""
        if kind == "slow":
            self._over.wait(self.slow)
        if kind == "reset":
            return 0, {}, "", kind
        if kind in ("500", "503"):
            return int(kind), {}, "an upstream error", ""
        if kind == "not-json":
            return 200, {"Content-Type": "text/html"}, "<html>a captive portal</html>", ""
        try:
            with self.workspace.lock:
                if kind == "429":
                    raise Refused("ratelimited")
                if kind and kind not in ("slow", "accept-then-die"):
                    raise Refused(kind)
                call.answer = self._done(method, body, token)
        except Refused as refused:
            call.answer = {"ok": False, "error": refused.code, **refused.more,
                           "response_metadata": {"messages": list(refused.causes)}}  # fmt: skip
        return self._written(method, call.answer, kind)

    def _done(self, method: str, body: dict[str, Any], token: str) -> dict[str, Any]:
        if method == "webhook":
            return self.workspace.post(body, self.channel(str(body.pop("_channel"))))
        if not token:
            raise Refused("not_authed")
        if token != self.token:
            raise Refused("invalid_auth")
        methods: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "chat.postMessage": self.workspace.post, "chat.update": self.workspace.update,
            "conversations.history": self.workspace.history, "conversations.list": self.workspace.listed,
            "conversations.replies": lambda asked: self.workspace.history(asked, replies=True),
        }  # fmt: skip
        if method not in methods:
            raise Refused("unknown_method")
        return methods[method](body)

    def _written(self, method: str, answer: dict[str, Any], kind: str) -> tuple[int, dict[str, str], str, str]:
        limited = answer.get("error") == "ratelimited"
        headers = {"Retry-After": str(self.retry_after)} if limited else {}
        if method != "webhook":
            return 429 if limited else 200, {**headers, "Content-Type": "application/json"}, json.dumps(answer), kind
        statuses = {"ratelimited": 429, "channel_is_archived": 410, "no_service": 404, "invalid_token": 403}
        status = 200 if answer["ok"] else statuses.get(str(answer["error"]), 400)
        return status, headers, "ok" if answer["ok"] else str(answer["error"]), kind


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that was reset on purpose is no error."""


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            parts = self.path.strip("/").split("/")
            if self.headers.get("Content-Type", "").startswith("application/json"):
                body = json.loads(raw)
            else:
                body = {k: v[-1] for k, v in parse_qs(raw).items()}
            token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            method = "webhook" if parts[0] == "services" else parts[-1]
            if method == "webhook":
                body["_channel"] = parts[-1]
            status, headers, content, befalls = server.answer(method, body, token)
            if befalls in ("reset", "accept-then-die"):
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.close_connection = True
                self.connection.close()
                return
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content.encode()))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content.encode())

        def log_message(self, *_: object) -> None:
            """Silent."""

    return Handler
