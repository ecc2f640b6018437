"""Values to whoever collects metrics, by OTLP over HTTP. What is measured, and when, is not here.

OpenTelemetry's own variables say where to: https://opentelemetry.io/docs/specs/otel/protocol/exporter/. Without an
endpoint nothing of its SDK is imported. The points are made here, not by the SDK's instruments: those begin at zero
with each process and say so, and these processes live for minutes (see `flows/metrics.py`).
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from blocks.limited import within
from governance.errors import ConfigurationError, HallmarkError, UnreachableError

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricsData, ResourceMetrics
    from requests import Response

SECONDS = 5.0
"""For the request and its repetitions."""
WHAT = "the collector of metrics"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


@dataclass(frozen=True)
class Series:
    """All points of one metric."""

    name: str
    unit: str
    """As UCUM writes it: `s`, `By`, `{row}`."""
    description: str
    points: Sequence[tuple[Mapping[str, str], float]]
    since: datetime | None = None
    """Of a total that only grows: when it began at zero. None: a value that goes up and down."""


def configured() -> bool:
    """Whether the environment says where metrics go."""
    off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or os.environ.get("OTEL_METRICS_EXPORTER") == "none"
    return not off and any(os.environ.get(name) for name in _ENDPOINTS)


def export(series: Sequence[Series]) -> None:
    """Bring them to the collector; of none at all, only see whether it takes them. It takes 8 s at most.

    Raises ConfigurationError where it refuses them, UnreachableError where it does not answer.
    """
    protocol = next((os.environ[name] for name in _PROTOCOLS if os.environ.get(name)), "http/protobuf")
    if protocol != "http/protobuf":
        remedy = f"set {_PROTOCOLS[0]} to http/protobuf, and the endpoint to the port of HTTP (4318)"
        raise ConfigurationError(WHAT, f"the protocol {protocol} is not spoken here", remedy)
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics.export import MetricExportResult
    from requests import Session

    _quiet()
    session, statuses = Session(), list[int]()

    def note(response: Response, *_: object, **__: object) -> None:
        statuses.append(response.status_code)

    session.hooks["response"].append(note)

    def push() -> MetricExportResult:
        return OTLPMetricExporter(timeout=SECONDS, session=session).export(_data(series))

    try:
        if within(SECONDS + 3, push) is MetricExportResult.SUCCESS:
            return
    except TimeoutError:
        statuses.clear()
    raise _words(statuses[-1] if statuses else None)


def _words(status: int | None) -> HallmarkError:
    remedy = f"start it, or correct {_ENDPOINTS[1]}"
    if status is None:
        return UnreachableError(WHAT, f"it does not answer within {SECONDS:g} s", remedy)
    if status in (408, 429) or status >= 500:
        return UnreachableError(WHAT, f"it answers with status {status}", remedy)
    return ConfigurationError(WHAT, f"it answers with status {status}", f"{remedy} and OTEL_EXPORTER_OTLP_HEADERS")


def _quiet() -> None:
    """The exporter logs each try with the address, in which there may be a key; what it comes to is said once."""
    logger = logging.getLogger("opentelemetry.exporter")
    if logger.propagate:
        logger.addHandler(logging.NullHandler())
        logger.propagate = False


def _data(series: Sequence[Series]) -> MetricsData:
    from opentelemetry.sdk.metrics.export import MetricsData

    return MetricsData(resource_metrics=[_resource_metrics(series)] if series else [])


def _resource_metrics(series: Sequence[Series]) -> ResourceMetrics:
    from opentelemetry.sdk.metrics.export import (
        AggregationTemporality,
        Gauge,
        Metric,
        NumberDataPoint,
        ResourceMetrics,
        ScopeMetrics,
        Sum,
    )
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    at = time.time_ns()
    metrics = []
    for one in series:
        since = round(one.since.timestamp() * 1e6) * 1000 if one.since else 0
        points = [NumberDataPoint(dict(attributes), since, at, value) for attributes, value in one.points]
        data = Sum(points, AggregationTemporality.CUMULATIVE, is_monotonic=True) if one.since else Gauge(points)
        metrics.append(Metric(one.name, one.description, one.unit, data))
    # Not Resource.create: it names each process by a random id, and each run would begin series of its own.
    resource = Resource({"service.name": "hallmark"}).merge(OTELResourceDetector().detect())
    return ResourceMetrics(resource, [ScopeMetrics(InstrumentationScope("hallmark"), metrics, "")], "")
