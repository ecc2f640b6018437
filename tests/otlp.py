"""A collector of metrics: OTLP over HTTP, taken apart by OpenTelemetry's own messages; it can fail.

It also stands for any other address that is asked for: what came is in `requests`.
"""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

Key = tuple[str, frozenset[tuple[str, str]]]


@dataclass
class Pushed:
    """One push: what each series of it was."""

    resource: dict[str, str]
    values: dict[Key, float] = field(default_factory=dict)
    starts: set[int] = field(default_factory=set)
    """Of totals, nanoseconds."""
    totals: set[str] = field(default_factory=set)
    units: dict[str, str] = field(default_factory=dict)

    def of(self, name: str, **attributes: str) -> float:
        """The value of one series."""
        return self.values[name, frozenset(attributes.items())]

    def names(self) -> set[str]:
        return {name for name, _ in self.values}

    def attributes(self) -> dict[str, set[str]]:
        """metric → all attributes that its series have."""
        found: dict[str, set[str]] = {}
        for name, attributes in self.values:
            found.setdefault(name, set()).update(key for key, _ in attributes)
        return found

    def words(self, attribute: str) -> set[str]:
        """The values of an attribute."""
        return {value for _, attributes in self.values for key, value in attributes if key == attribute}


@dataclass
class Collector:
    """What it answers, and what it got."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    """Of the next answers, one after the other; 200 after that."""
    stall: float = 0.0
    drip: float = 0.0
    """Seconds between the bytes of an answer."""
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    """(method, path, headers)"""
    pushes: list[Pushed] = field(default_factory=list)

    def take(self, body: bytes) -> bytes:
        request = ExportMetricsServiceRequest.FromString(body)
        for part in request.resource_metrics:
            pushed = Pushed({a.key: a.value.string_value for a in part.resource.attributes})
            for metric in (m for scope in part.scope_metrics for m in scope.metrics):
                kind = metric.WhichOneof("data")
                if kind == "sum":
                    assert metric.sum.is_monotonic
                    cumulative = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
                    assert metric.sum.aggregation_temporality == cumulative
                    pushed.totals.add(metric.name)
                pushed.units[metric.name] = metric.unit
                for point in getattr(metric, kind).data_points:
                    assert 0 <= time.time_ns() - point.time_unix_nano < 60e9
                    key = metric.name, frozenset((a.key, a.value.string_value) for a in point.attributes)
                    assert key not in pushed.values, f"twice: {key}"
                    pushed.values[key] = getattr(point, point.WhichOneof("value"))
                    if kind == "sum":
                        pushed.starts.add(point.start_time_unix_nano)
            self.pushes.append(pushed)
        return ExportMetricsServiceResponse().SerializeToString()


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on a port of its own."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            collector.requests.append((self.command, self.path, dict(self.headers)))
            time.sleep(collector.stall)
            status, said = collector.statuses.pop(0) if collector.statuses else 200, b""
            if status == 200 and self.path.endswith("/v1/metrics"):
                said = collector.take(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
            head = f"HTTP/1.1 {status} X\r\nLocation: /elsewhere\r\nContent-Length: {len(said)}\r\n\r\n".encode()
            try:
                for byte in head if collector.drip else (head,):
                    self.wfile.write(bytes([byte]) if isinstance(byte, int) else byte)
                    time.sleep(collector.drip)
                self.wfile.write(said)
            except ConnectionError:
                self.close_connection = True

        do_GET = do_POST = do_HEAD = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    collector.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
