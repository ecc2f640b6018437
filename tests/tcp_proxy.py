"""A TCP proxy that does to a connection what networks do: resets it, stalls it, or ends it at a chosen byte."""

from __future__ import annotations

import select
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit, urlunsplit


@dataclass
class Fault:
    """What becomes of connections once the server has sent so many bytes over one."""

    kind: Literal["reset", "truncate", "stall"]
    after: int
    """Bytes from the server that are passed on."""
    times: int = 1
    """Connections that it befalls."""


class TcpProxy:
    """Between a client and the server of a URL; a context manager. `url` leads through it."""

    def __init__(self, url: str, host: str = "127.0.0.1") -> None:
        parts = urlsplit(url)
        assert parts.hostname and parts.port
        self._server = (parts.hostname, parts.port)
        self._listener = socket.create_server((host, 0))
        port = self._listener.getsockname()[1]
        user, at, _ = parts.netloc.rpartition("@")
        self.url = urlunsplit(parts._replace(netloc=f"{user}{at}{host}:{port}"))
        self.fault: Fault | None = None
        self.befallen = 0
        """Connections that a fault has ended."""
        self.connections = 0
        self._guard, self._closed = threading.Lock(), threading.Event()

    def __enter__(self) -> TcpProxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._closed.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client, socket.create_connection(self._server) as server:
            self._pass(client, server)

    def _pass(self, client: socket.socket, server: socket.socket) -> None:
        """Both ways in one thread: a socket that another thread waits for is not closed by closing it."""
        sent = 0
        while not self._closed.is_set():
            for one in select.select([client, server], [], [], 0.1)[0]:
                if not (data := one.recv(1 << 16)):
                    return
                if one is client:
                    server.sendall(data)
                elif fault := self._befalls(sent + len(data)):
                    client.sendall(data[: max(0, fault.after - sent)])
                    self._break(fault, client)
                    return
                else:
                    client.sendall(data)
                    sent += len(data)

    def _befalls(self, sent: int) -> Fault | None:
        with self._guard:
            if self.fault is None or sent < self.fault.after or self.fault.times == 0:
                return None
            self.fault.times -= 1
            self.befallen += 1
            return self.fault

    def _break(self, fault: Fault, client: socket.socket) -> None:
        if fault.kind == "stall":
            self._closed.wait()
        if fault.kind == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
