"""S3 for tests: moto's server, and in front of it one that fails on demand."""

from __future__ import annotations

import http.client
import os
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

SLOW, EXPIRED, DENIED, RESET = "SlowDown", "ExpiredToken", "AccessDenied", "reset"
STATUS = {SLOW: 503, EXPIRED: 403, DENIED: 403}


def aws_environment(url: str) -> dict[str, str]:
    """The variables that lead to this S3, and to no other."""
    return {
        "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_ENDPOINT_URL": url, "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing",
    }  # fmt: skip


def use(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """This process works on this S3."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    for name, value in aws_environment(url).items():
        monkeypatch.setenv(name, value)


@contextmanager
def moto(host: str = "127.0.0.1") -> Iterator[str]:
    """URL of an empty S3."""
    server = ThreadedMotoServer(ip_address=host, port=0, verbose=False)
    server.start()
    at, port = server.get_host_and_port()
    try:
        yield f"http://{at}:{port}"
    finally:
        server.stop()


@dataclass
class Fault:
    """What happens to the next requests that match."""

    kind: str
    matches: Callable[[str, str], bool]
    """(method, path with query) → whether it is meant."""
    times: int
    then: Callable[[], object] = lambda: None
    """Called when it happens."""
    after: int = 0
    """Requests that it lets pass before."""


@dataclass
class Faulty:
    """A server in front of S3, and what it does to requests."""

    url: str = ""
    faults: list[Fault] = field(default_factory=list)
    seen: list[tuple[str, str, str]] = field(default_factory=list)
    """(method, path, access key) of every request."""
    lock: Any = field(default_factory=threading.Lock)

    def fail(self, kind: str, method: str, word: str, times: int = 1, **how: Any) -> None:
        """Let the next requests of a method fail whose path holds a word."""
        self.faults.append(Fault(kind, lambda m, p: m == method and word in p, times, **how))

    def due(self, method: str, path: str, key: str) -> Fault | None:
        """What happens to a request."""
        with self.lock:
            self.seen.append((method, path, key))
            for fault in self.faults:
                if not fault.times or not fault.matches(method, path):
                    continue
                if fault.after:
                    fault.after -= 1
                else:
                    fault.times -= 1
                    fault.then()
                    return fault
        return None


@contextmanager
def faulty(behind: str) -> Iterator[Faulty]:
    """A server that hands everything on to `behind`, but what it is told to fail."""
    state, host = Faulty(), behind.removeprefix("http://")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            _, _, key = self.headers.get("Authorization", "").partition("Credential=")
            fault = state.due(self.command, self.path, key.partition("/")[0])
            length = int(self.headers.get("Content-Length", 0))
            if fault and fault.kind == RESET:
                self.rfile.read(length // 2)
                linger = struct.pack("ii", 1, 0)  # closing sends a reset
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.close_connection = True
                return
            body = self.rfile.read(length)
            if fault and "delete" in self.path:  # S3 answers each key by itself
                keys = re.findall(rb"<Key>(.*?)</Key>", body)
                of_key = f"<Code>{fault.kind}</Code><Message>no</Message>".encode()
                errors = b"".join(b"<Error><Key>%b</Key>%b</Error>" % (key, of_key) for key in keys)
                self.answer(200, [], b"<DeleteResult>%b</DeleteResult>" % errors)
                return
            if fault:
                text = f"<Error><Code>{fault.kind}</Code><Message>no</Message></Error>".encode()
                self.answer(STATUS[fault.kind], [], text)
                return
            inner = http.client.HTTPConnection(host)
            inner.request(self.command, self.path, body, dict(self.headers))
            found = inner.getresponse()
            self.answer(found.status, found.getheaders(), found.read())
            inner.close()

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any  # noqa: N815

        def answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                    self.send_header(name, value)
            length = {n.lower(): v for n, v in headers}.get("content-length") if self.command == "HEAD" else None
            self.send_header("Content-Length", length or str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def objects(bucket: str, url: str | None = None) -> dict[str, int]:
    """Key → bytes of all that is in a bucket."""
    import boto3

    client = boto3.Session().client("s3", endpoint_url=url)
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {e["Key"]: e["Size"] for page in pages for e in page.get("Contents", ())}


def write_credentials(path: Path, key: str) -> None:
    """A file of credentials, as a renewal leaves it."""
    path.write_text(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = testing\n")
