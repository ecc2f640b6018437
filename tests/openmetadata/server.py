"""A running stand-in, in a thread of this process: `with Server() as server`, then talk to `server.url`."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from tests.openmetadata import app, seeds
from tests.openmetadata.faults import Fault, Kind
from tests.openmetadata.gate import Call, Gate
from tests.openmetadata.snapshot import snapshot
from tests.openmetadata.state import State
from tests.openmetadata.tokens import Tokens


class Protocol(H11Protocol):
    """HTTP, whose requests know their connection, so that a fault can close it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Notes the connection."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class Server:
    """An OpenMetadata server on 127.0.0.1; a context manager."""

    def __init__(self, state: State | None = None, *, tokens: Tokens | None = None, port: int = 0) -> None:
        self.state = state or seeds.sown(State())
        self.tokens = tokens or Tokens()
        self._gate = Gate(app.application(), self.state, self.tokens)
        self._port = port
        self._socket: socket.socket | None = None
        self._uvicorn: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Server:
        self._socket = bound(self._port)
        self._port = self._socket.getsockname()[1]
        self.up()
        return self

    def __exit__(self, *exc: object) -> None:
        self.down()
        assert self._socket is not None
        self._socket.close()

    @property
    def url(self) -> str:
        """Where it answers; ends with /api."""
        return f"http://127.0.0.1:{self._port}/api"

    @property
    def token(self) -> str:
        """The bot's token."""
        return self.tokens.bot

    @property
    def admin_token(self) -> str:
        """The token of a person who may do all."""
        return self.tokens.admin

    @property
    def calls(self) -> list[Call]:
        """Every request since the start, in order of arrival."""
        return self._gate.calls

    @property
    def writes(self) -> list[Call]:
        """The requests that changed something, or tried to."""
        return [call for call in self.calls if call.writes]

    @property
    def latency(self) -> float:
        """Seconds that each answer takes longer."""
        return self._gate.latency

    @latency.setter
    def latency(self, seconds: float) -> None:
        self._gate.latency = seconds

    @property
    def search_delay(self) -> float:
        """Seconds until search, and what is read from it, knows of a write."""
        return self.state.setting.search_delay

    @search_delay.setter
    def search_delay(self, seconds: float) -> None:
        self.state.setting.search_delay = seconds

    def snapshot(self, *, times: bool = False) -> dict[str, Any]:
        """What a user would see, without ids, times and versions: two servers with the same content have the same.

        `times`: with those that clients sent.
        """
        with self.state.lock:
            return snapshot(self.state, times=times)

    def deny(self, *operations: str) -> None:
        """The bot's policy refuses these from now on, of those in `gate.py`; none named: all is allowed again."""
        self.state.setting.denied = set(operations)

    def expired_token(self) -> str:
        """A token of the bot whose time is over."""
        return self.tokens.made("ingestion-bot", bot=True, lifetime=-60)

    def rotate_token(self) -> str:
        """The bot's token is another from now on."""
        return self.tokens.rotate()

    def fail(self, method: str, path_regex: str, nth: int, kind: Kind, times: int = 1) -> Fault:
        """The nth request from now (from 1) that matches fails, and `times` - 1 after it; `method` may be `*`."""
        fault = Fault(method, re.compile(path_regex), nth, kind, times)
        self._gate.faults.append(fault)
        return fault

    def release(self) -> None:
        """Stalled requests go on, and no fault befalls any more."""
        for fault in self._gate.faults:
            fault.released.set()
        self._gate.faults.clear()

    def down(self) -> None:
        """Refuses connections; those that are open are closed."""
        if self._uvicorn is None or self._thread is None:
            return
        self._uvicorn.should_exit = self._uvicorn.force_exit = True
        self._thread.join()
        self._uvicorn = None
        # Bound and not listening: the port is refused, and nobody else can have it.
        self._socket = bound(self._port)

    def up(self) -> None:
        """Answers again, on the same port."""
        if self._uvicorn is not None:
            return
        config = uvicorn.Config(self._gate, http=Protocol, ws="none", lifespan="off", log_level="error", loop="asyncio")
        self._uvicorn = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._uvicorn.run, args=([self._socket],), daemon=True)
        self._thread.start()
        while not self._uvicorn.started:
            if not self._thread.is_alive():
                raise RuntimeError("The stand-in of OpenMetadata did not start")
            time.sleep(0.005)


def bound(port: int) -> socket.socket:
    """A socket that has the port, and does not listen yet."""
    # Named as TCP, because asyncio sends at once (TCP_NODELAY) only over sockets that are: 40 ms per answer.
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", port))
    return made
