"""Where webhooks arrive: POST /pagerduty and POST or PUT /openmetadata on one address, in a thread of this process.

202 for what was taken, known or not; 400 for what cannot be read; 401 without a right signature; 404 for another path
and for a sender without a secret; 405, 408 and 413 for another method, a body that does not come, and one too large;
500 where it could not be done, so that it is sent again.

What PagerDuty says is done as it says, once and within its tolerance. OpenMetadata's payload is not interpreted: it is
a sign that the catalog is to be asked now, at most once in some seconds, so that a replay can do no harm.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import uvicorn

from governance.inbound.heard import Heard
from governance.inbound.pagerduty import event_of
from governance.inbound.signatures import TOLERANCE, fresh, verify_openmetadata, verify_pagerduty

LOG = logging.getLogger("hallmark")
BODY_LIMIT = 512 * 1024
BODY_SECONDS = 10.0
AT_ONCE = 32
NUDGES = timedelta(seconds=5)
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Receiver:
    """Listens while it is entered; `url` is where. TLS is the business of what stands in front of it."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        heard: Callable[[Heard], None],
        nudged: Callable[[], None] = lambda: None,
        pagerduty: Sequence[str] = (),
        openmetadata: Sequence[str] = (),
        tolerance: timedelta = TOLERANCE,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`heard` takes what a person did in PagerDuty, `nudged` is called when the catalog told of something.

        `pagerduty` and `openmetadata` are their secrets, the old one too while it is rotated. Both are called in
        threads, and by several at once.
        """
        self._host, self._port, self._tolerance, self._clock = host, port, tolerance, clock
        self._heard, self._nudged = heard, nudged
        self._pagerduty, self._openmetadata = tuple(pagerduty), tuple(openmetadata)
        self._seen: dict[str, datetime] = {}
        self._nudged_at = datetime.min.replace(tzinfo=UTC)
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        """Raises OSError where the address cannot be had."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((self._host, self._port))
        except OSError:
            self._socket.close()
            raise
        config = uvicorn.Config(
            self, ws="none", lifespan="off", log_config=None, access_log=False, server_header=False,
            limit_concurrency=AT_ONCE, timeout_keep_alive=5, timeout_graceful_shutdown=2,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="webhooks", daemon=True)
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.005)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop listening."""
        self._server.should_exit = True
        self._thread.join(5)
        self._socket.close()

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One request (ASGI, https://asgi.readthedocs.io/en/latest/specs/www.html)."""
        if scope["type"] != "http":
            return
        status = await self._status(scope, receive)
        headers = [(b"content-length", b"0"), *([(b"connection", b"close")] if status in (408, 413) else [])]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async def _status(self, scope: Message, receive: Receive) -> int:
        path, method = scope["path"], scope["method"]
        taken = {"/pagerduty": (self._pagerduty, ("POST",)), "/openmetadata": (self._openmetadata, ("POST", "PUT"))}
        secrets, methods = taken.get(path, ((), ()))
        if not secrets:
            return 404
        if method not in methods:
            return 405
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _body(receive)
        except TimeoutError:
            return 408
        if isinstance(body, int):
            return body
        given = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if path == "/openmetadata":
            if not verify_openmetadata(secrets, body, given.get("x-om-signature", "")):
                return 401
            return await self._done(self._nudged) if self._due() else 202
        if not verify_pagerduty(secrets, body, given.get("x-pagerduty-signature", "")):
            return 401
        try:
            id_, at, told = event_of(body)
        except ValueError:
            return 400
        if told is None or not self._new(id_, at):
            return 202
        status = await self._done(lambda: self._heard(told))
        if status != 202:
            with self._lock:
                self._seen.pop(id_, None)
        return status

    def _new(self, id_: str, at: datetime) -> bool:
        """Whether it is neither old nor here already."""
        with self._lock:
            now = self._clock()
            self._seen = {i: t for i, t in self._seen.items() if fresh(t, now, self._tolerance)}
            if id_ in self._seen or not fresh(at, now, self._tolerance):
                return False
            self._seen[id_] = at
            return True

    def _due(self) -> bool:
        """Whether the catalog is to be asked again: what it tells within `NUDGES` of another time, asking finds."""
        with self._lock:
            now = self._clock()
            if now - self._nudged_at < NUDGES:
                return False
            self._nudged_at = now
            return True

    async def _done(self, do: Callable[[], None]) -> int:
        try:
            await asyncio.to_thread(do)
        except Exception as error:  # noqa: BLE001 - whoever sent it sends it again
            LOG.warning("a webhook could not be heeded: %s", " ".join(str(error).split())[:300])
            return 500
        return 202


async def _body(receive: Receive) -> bytes | int:
    """The whole body; or the status of one that is too large, or of a sender that went away before its end."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return 400
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > BODY_LIMIT:
            return 413
        if not message.get("more_body"):
            return b"".join(parts)
