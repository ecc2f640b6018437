"""TLS in front of a PostgreSQL that was built without it: the answer to SSLRequest, then bytes both ways."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

SSL_REQUEST = bytes.fromhex("0000000804d2162f")


@contextlib.contextmanager
def tls_proxy(port: int, certificate: Path, key: Path) -> Iterator[int]:
    """The port that takes TLS for the server behind `port`; nothing else is let through."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=serve, args=(client,), daemon=True).start()

    def serve(plain: socket.socket) -> None:
        with contextlib.suppress(OSError), plain:
            if plain.recv(8) != SSL_REQUEST:
                return
            plain.sendall(b"S")
            with (
                context.wrap_socket(plain, server_side=True) as client,
                socket.create_connection(("127.0.0.1", port)) as server,
            ):
                threading.Thread(target=pump, args=(server, client), daemon=True).start()
                pump(client, server)

    def pump(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()
