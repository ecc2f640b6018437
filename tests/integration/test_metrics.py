"""What a real batch of the sample pushes, to a real receiver; dashboard and monitors ask for nothing else.

The heartbeat is here too: what ends well gives it, and neither ever stands in the way of the data.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from blocks import heartbeat, otlp
from blocks.settings import Settings
from flows import metrics
from flows.doctor import examine
from flows.metrics import METRICS
from tests.homes import SLOT1, SLOT2, Home
from tests.otlp import Collector, Pushed, collecting

DEPLOY = Path(__file__).resolve().parents[2] / "deploy" / "observability"
FIXED = {
    "hallmark_rows_total", "hallmark_load_bytes_total", "hallmark_stage_seconds", "hallmark_gate_checks_total",
    "hallmark_outbox_depth", "hallmark_outbox_oldest_seconds", "hallmark_incidents_open",
    "hallmark_last_success_timestamp_seconds",
}  # fmt: skip
SECRET = "4f1c-secret-ping"


@pytest.fixture(scope="module")
def pushed(waved: Home, new_home: Callable[[Home], Home], prefect_server: str) -> Iterator[tuple[Home, Collector]]:
    """A home after two slots, the second of which was pushed as it ended."""
    home = new_home(waved)
    with collecting() as collector:
        home.variables |= {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        home.variables |= {"HALLMARK_HEARTBEAT_URL": f"{collector.url}/ping/{SECRET}"}
        home.summary = home.run()
        yield home, collector


def paths(collector: Collector) -> list[str]:
    return [f"{method} {path}" for method, path, _ in collector.requests]


def test_a_batch_pushes_once_and_gives_one_sign_of_life(pushed: tuple[Home, Collector]) -> None:
    home, collector = pushed
    assert home.summary["state"] == "completed"
    assert paths(collector)[:2] == ["POST /v1/metrics", f"GET /ping/{SECRET}"]


def test_every_metric_is_pushed_as_it_is_declared(pushed: tuple[Home, Collector]) -> None:
    one = pushed[1].pushes[0]
    assert one.names() == set(METRICS) >= FIXED
    assert one.attributes() == {name: set(metric.attributes) for name, metric in METRICS.items()}
    assert one.totals == {name for name, metric in METRICS.items() if metric.total}
    assert one.units == {name: metric.unit for name, metric in METRICS.items()}
    assert one.resource == {"service.name": "hallmark"}


def test_the_values_are_those_of_the_ledger(pushed: tuple[Home, Collector]) -> None:
    home, collector = pushed
    one = collector.pushes[0]
    for source, stream, *counts, size in home.rows(
        "SELECT source, stream, sum(rows_read), sum(rows_published), sum(rows_unchanged), sum(rows_quarantined), "
        "sum(bytes) FROM ops.loads GROUP BY ALL"
    ):
        of = {"layer": "bronze", "source": source, "stream": stream}
        told = [one.of("hallmark_rows_total", **of, status=s) for s in ("published", "unchanged", "quarantined")]
        assert [sum(told), *told] == counts, stream
        assert one.of("hallmark_load_bytes_total", **of) == (size or 0)
        assert one.of("hallmark_stopped", **of, status="failed") == 0
        assert 0 <= one.of("hallmark_last_success_age_seconds", **of) < 3600
    for layer in home.summary["layers"][1:]:
        for step in layer["steps"]:
            of = {"layer": layer["layer"], "stage": step["name"].split()[1]}
            assert one.of("hallmark_stage_seconds", **of) == step["seconds"]
    assert one.of("hallmark_stage_seconds", layer="all", stage="batch") == home.summary["seconds"]
    failed = sum(
        v for (name, a), v in one.values.items() if name.startswith("hallmark_gate") and ("status", "failed") in a
    )
    assert failed == home.value("SELECT count(*) FROM ops.gates WHERE NOT success") > 0
    assert [one.of("hallmark_runs_total", status=s) for s in ("completed", "failed")] == [2, 0]
    for status in ("begun", "completed"):
        at = one.of("hallmark_slot_timestamp_seconds", status=status)
        assert datetime.fromtimestamp(at, UTC) == datetime.fromisoformat(SLOT2)
    assert sum(v for (name, _), v in one.values.items() if name == "hallmark_outbox_depth") == 0, "all was delivered"
    usd = sum(v for (name, _), v in one.values.items() if name == "hallmark_cost_usd")
    newest = "SELECT DISTINCT slot FROM gold.mrt_platform_cost WHERE slot IS NOT NULL ORDER BY slot DESC LIMIT 4"
    sql = f"SELECT sum(cost_usd) FROM gold.mrt_platform_cost WHERE slot IN ({newest})"
    assert usd == pytest.approx(float(home.value(sql))) and usd > 0


def test_totals_go_on_where_another_process_left_them(pushed: tuple[Home, Collector], prefect_server: str) -> None:
    home, collector = pushed
    before = collector.pushes[0]
    began = home.value("SELECT min(started_at) FROM ops.batches")
    assert before.starts == {round(began.timestamp() * 1e6) * 1000}, "no process is a new beginning"
    collector.requests.clear()
    with home.environment():
        from flows.watch import watch

        watch()
    assert paths(collector) == ["POST /v1/metrics", f"GET /ping/{SECRET}"]
    after = collector.pushes[-1]
    same = {k: v for k, v in before.values.items() if k[0] in before.totals}
    gates = "hallmark_gate_checks_total"  # the watch has checks of its own
    assert all(after.values[k] == v or (k[0] == gates and after.values[k] > v) for k, v in same.items())
    assert after.starts == before.starts


def test_nothing_to_do_is_a_good_end_and_a_failed_batch_is_none(
    pushed: tuple[Home, Collector], prefect_server: str, tmp_path: Path
) -> None:
    home, collector = pushed
    collector.requests.clear()
    assert home.run(slot=SLOT1)["state"] == "nothing_to_do"
    assert paths(collector) == ["POST /v1/metrics", f"GET /ping/{SECRET}"]
    collector.requests.clear()
    sources = tmp_path / "sources.yml"
    text = home.sources.read_text("utf-8") if home.sources else ""
    assert "public.teams" in text
    sources.write_text(text.replace("public.teams", "public.no_such_table"), "utf-8")
    broken = Home(home.path, sources, home.variables)
    assert broken.run(stream="crm.teams")["state"] == "failed"
    assert paths(collector) == ["POST /v1/metrics"], "a dead man's switch is kept quiet by success alone"
    told = collector.pushes[-1]
    of = {"layer": "bronze", "source": "crm", "stream": "teams"}
    assert told.of("hallmark_stopped", **of, status="failed") == 1
    assert told.of("hallmark_runs_total", status="failed") == 1


def test_a_delivery_pushes_the_outbox_and_leaves_the_warehouse_alone(
    pushed: tuple[Home, Collector], prefect_server: str
) -> None:
    home, collector = pushed
    collector.requests.clear()
    with home.environment():
        from flows.deliver import deliver

        deliver()
    assert paths(collector) == ["POST /v1/metrics"]
    assert home.hallmark("deliver", "--json").code == 0
    assert paths(collector) == ["POST /v1/metrics"] * 2
    wanted = {"hallmark_outbox_depth", "hallmark_outbox_oldest_seconds", "hallmark_incidents_open"}
    assert [x.names() for x in collector.pushes[-2:]] == [wanted] * 2


@pytest.mark.parametrize("how", ["refuse", "stall", "500"])
def test_what_does_not_answer_costs_some_seconds_and_a_line_each(
    pushed: tuple[Home, Collector], prefect_server: str, how: str, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    home, _ = pushed
    monkeypatch.setattr(otlp, "SECONDS", 1.0)
    monkeypatch.setattr(heartbeat, "SECONDS", 1.0)
    with collecting() as other:
        url = "http://127.0.0.1:1" if how == "refuse" else other.url
        other.stall, other.statuses = 60.0 if how == "stall" else 0.0, [500] * 99
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"{url}/{SECRET}", "HALLMARK_HEARTBEAT_URL": f"{url}/ping/{SECRET}"}
        mute = Home(home.path, home.sources, variables)
        began = time.monotonic()
        with caplog.at_level(logging.DEBUG):
            assert mute.run(slot=SLOT1)["state"] == "nothing_to_do"
        assert time.monotonic() - began < 15
    lines = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING and r.name == "hallmark"]
    assert [line.partition(":")[0] for line in lines] == [
        "metrics are missing until the next push", "no heartbeat was sent",
    ]  # fmt: skip
    said = "".join(lines) + "".join(capfd.readouterr())
    assert SECRET not in said, "an address may be a secret"
    assert f"ping/{SECRET}" not in caplog.text


def test_a_warehouse_that_is_held_leaves_the_outbox_to_tell(
    pushed: tuple[Home, Collector], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    home, collector = pushed
    with home.environment():
        monkeypatch.setattr(metrics, "WAIT", 0.5)
        with holding_elsewhere(home):
            metrics.push(Settings.load())
    assert "hallmark_outbox_depth" in collector.pushes[-1].names()
    assert "hallmark_rows_total" not in collector.pushes[-1].names()
    assert "metrics are missing" in caplog.text


def holding_elsewhere(home: Home) -> Any:
    """Another process has the warehouse open."""
    import subprocess
    import sys
    from contextlib import contextmanager

    @contextmanager
    def hold() -> Iterator[None]:
        code = (
            f"import duckdb; c = duckdb.connect({str(home.path / 'warehouse.duckdb')!r}); print(1, flush=True); input()"
        )
        with subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1, text=True) as process:
            assert process.stdout and process.stdout.readline()
            yield
            process.communicate("\n")

    return hold()


def test_the_doctor_tells_of_both(pushed: tuple[Home, Collector], tmp_path: Path) -> None:
    home, collector = pushed

    def told(**variables: str) -> dict[str, Any]:
        with Home(tmp_path).environment(**variables):
            return {f["check"]: f for f in examine(Settings.load()) if f["check"] in ("metrics", "heartbeat")}

    assert {name: f["ok"] for name, f in told().items()} == {"metrics": True, "heartbeat": True}
    assert "not set" in told()["metrics"]["detail"] and "not set" in told()["heartbeat"]["detail"]
    collector.requests.clear()
    well = told(**home.variables)
    assert {name: f["ok"] for name, f in well.items()} == {"metrics": True, "heartbeat": True}
    assert paths(collector) == ["POST /v1/metrics"], "to look is no sign of life"
    bad = f"http://127.0.0.1:1/{SECRET}"
    ill = told(OTEL_EXPORTER_OTLP_ENDPOINT=bad, HALLMARK_HEARTBEAT_URL=bad)
    assert not ill["metrics"]["ok"] and not ill["heartbeat"]["ok"]
    assert ill["metrics"]["remedy"] and ill["heartbeat"]["remedy"] and SECRET not in json.dumps(ill)


# --- dashboard and monitors ------------------------------------------------------------------------------


def asked_by_grafana() -> Iterator[tuple[str, str]]:
    """(panel, expression)"""
    board = json.loads((DEPLOY / "grafana" / "hallmark.json").read_text("utf-8"))
    for panel in board["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["query"]["query"]


def monitors() -> list[dict[str, Any]]:
    return list(json.loads((DEPLOY / "datadog" / "monitors.json").read_text("utf-8")))


def selections(text: str, matcher: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """metric → (attribute, wanted) of each selection in an expression."""
    found = re.findall(r"(hallmark_\w+)(?:\{([^}]*)\})?", text)
    return [(name, re.findall(matcher, inside)) for name, inside in found]


def check(where: str, text: str, groups: list[str], matcher: str, extra: set[str], one: Pushed) -> None:
    """What is asked for is what is pushed: names, attributes, and values of those that have fixed words."""
    asked = selections(text, matcher)
    assert asked, where
    for name, matchers in asked:
        assert name in one.names(), f"{where}: {name} is not pushed"
        has = one.attributes()[name] | extra
        for attribute, wanted in matchers:
            assert attribute in has, f"{where}: {name} has no {attribute}"
            if attribute not in extra:
                words = {dict(a)[attribute] for n, a in one.values if n == name and attribute in dict(a)}
                assert set(wanted.split("|")) <= words, f"{where}: {attribute} of {name} is never {wanted}"
        assert {g.strip() for g in groups} <= has, f"{where}: {name} cannot be grouped by {groups}"


def test_the_dashboard_asks_for_what_is_pushed(pushed: tuple[Home, Collector]) -> None:
    one = pushed[1].pushes[0]
    for title, text in asked_by_grafana():
        groups = [g for inside in re.findall(r"\bby \(([^)]*)\)", text) for g in inside.split(",")]
        check(title, text, groups, r'(\w+)=~?"([^"]*)"', {"job"}, one)
        assert text.count("(") == text.count(")"), title
    shown = {name for _, text in asked_by_grafana() for name, _ in selections(text, "()()")}
    assert shown == set(METRICS), "each is on the dashboard"
    legends = json.loads((DEPLOY / "grafana" / "hallmark.json").read_text("utf-8"))
    for panel in legends["panels"]:
        for target in panel.get("targets", ()):
            grouped = set(re.findall(r"\w+", " ".join(re.findall(r"\bby \(([^)]*)\)", target["expr"]))))
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= grouped, panel["title"]


@pytest.mark.parametrize("monitor", monitors(), ids=lambda m: m["name"])
def test_a_monitor_asks_for_what_is_pushed(monitor: dict[str, Any], pushed: tuple[Home, Collector]) -> None:
    query, options = monitor["query"], monitor["options"]
    groups = [g for inside in re.findall(r"\bby \{([^}]*)\}", query) for g in inside.split(",")]
    check(monitor["name"], query, groups, r"!?(\w+):([\w.]+)", {"service"}, pushed[1].pushes[0])
    shape = r"(sum|max|min|avg|pct_change)\((avg\()?last_(5m|10m|15m|30m|1h|2h|4h|1d)(\),last_1d)?\):.+ [<>] [\d.]+"
    assert re.fullmatch(shape, query)
    assert options["thresholds"]["critical"] == float(query.rpartition(" ")[2])
    assert set(monitor) == {"name", "type", "query", "message", "tags", "priority", "options"}
    assert monitor["type"] == "query alert" and 1 <= monitor["priority"] <= 5
    assert "docs/oncall.md" in monitor["message"] and re.search(r"@(pagerduty|slack)-", monitor["message"])
    for named in re.findall(r"\{\{(\w+)\.name\}\}", monitor["name"] + monitor["message"]):
        assert named in groups, f"{named} is no group of it"
    counted = {name for name, _ in selections(query, "()()") if METRICS[name].total}
    assert query.count(".as_count()") >= len(counted), "a total is looked at by its increase"
