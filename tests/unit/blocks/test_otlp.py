"""What a collector gets, and what is said of one that does not take it; bounded in time, and without its address."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from blocks import otlp
from governance.errors import ConfigurationError, HallmarkError, UnreachableError
from tests.otlp import Collector, collecting

SINCE = datetime(2026, 11, 22, tzinfo=UTC)
SERIES = [
    otlp.Series("rows_total", "{row}", "Rows.", [({"stream": "a"}, 3), ({"stream": "b"}, 2.5)], SINCE),
    otlp.Series("depth", "", "Depth.", [({}, 0)]),
]


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with collecting() as found:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.url)
        yield found


def test_values_arrive_as_they_are_and_no_process_is_named(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=secret")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    otlp.export(SERIES)
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=prod,service.name=x")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "other")
    otlp.export(SERIES)
    one, two = collector.pushes
    assert one.values == {
        ("rows_total", frozenset({("stream", "a")})): 3, ("rows_total", frozenset({("stream", "b")})): 2.5,
        ("depth", frozenset()): 0,
    }  # fmt: skip
    assert one.totals == {"rows_total"} and one.starts == {int(SINCE.timestamp() * 1e9)}
    assert one.units == {"rows_total": "{row}", "depth": ""}
    assert one.resource == {"service.name": "hallmark"}
    assert two.resource == {"service.name": "other", "deployment.environment.name": "prod"}
    assert collector.requests[0][2]["api-key"] == "secret"


def test_of_nothing_it_is_seen_whether_it_is_taken(collector: Collector) -> None:
    otlp.export([])
    assert len(collector.requests) == 1 and not collector.pushes


@pytest.mark.parametrize(
    ("status", "kind"), [(401, ConfigurationError), (404, ConfigurationError), (500, UnreachableError)]
)
def test_a_refusal_is_said_once_without_the_address(
    collector: Collector, status: int, kind: type[HallmarkError], monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"{collector.url}/secret-path")
    collector.statuses = [status] * 9
    with pytest.raises(kind, match=str(status)) as caught:
        otlp.export(SERIES)
    assert "secret-path" not in str(caught.value)
    assert "secret-path" not in "".join(capfd.readouterr())


def test_what_may_pass_is_tried_again(collector: Collector) -> None:
    collector.statuses = [503]
    otlp.export(SERIES)
    assert len(collector.requests) == 2 and len(collector.pushes) == 1


@pytest.mark.parametrize("how", ["stall", "drip", "refuse"])
def test_it_takes_no_longer_than_it_may(
    collector: Collector, how: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(otlp, "SECONDS", 0.5)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "10000")  # milliseconds by the standard, seconds to the SDK
    if how == "refuse":
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    else:
        setattr(collector, how, 9.0 if how == "stall" else 0.1)
    began = time.monotonic()
    with pytest.raises(UnreachableError):
        otlp.export(SERIES)
    assert time.monotonic() - began < 4.5
    assert capfd.readouterr() == ("", ""), "what it comes to is said by who called"


def test_another_protocol_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with pytest.raises(ConfigurationError, match="http/protobuf"):
        otlp.export(SERIES)


@pytest.mark.parametrize(
    ("variables", "configured"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, True),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://x/v1/metrics"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_METRICS_EXPORTER": "none"}, False),
    ],
)
def test_the_standard_variables_say_whether(
    variables: dict[str, str], configured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert otlp.configured() is configured


def test_without_them_nothing_is_imported() -> None:
    code = (
        "import sys; from blocks.settings import Settings; from flows import metrics, pulse; "
        "metrics.push(Settings(home='/nowhere')); pulse.check_metrics(); "
        "print(*sorted(n for n in sys.modules if n.startswith(('opentelemetry.sdk', 'opentelemetry.exporter'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stdout + done.stderr
