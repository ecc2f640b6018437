"""What is measured of a ledger and an outbox, on every warehouse; and that Grafana can read the dashboard."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from blocks.settings import Settings
from blocks.state import state_database
from blocks.warehouses import open_warehouse
from blocks.warehouses.base import Batch
from flows import metrics
from governance.model import CheckResult, Event
from governance.outbox import Outbox

DEPLOY = Path(__file__).resolve().parents[2] / "deploy" / "observability"


def test_every_warehouse_answers_the_same(settings: Settings) -> None:
    batch, now = Batch("r", datetime(2026, 11, 22, tzinfo=UTC)), datetime.now(UTC)
    cost = "warehouse VARCHAR, flow VARCHAR, team VARCHAR, slot TIMESTAMP WITH TIME ZONE, credits NUMERIC(38, 9)"
    with open_warehouse(settings) as warehouse:
        assert metrics.begun(warehouse) is None
        warehouse.ledger.start_batch(batch)
        warehouse.ledger.touch("crm", ["teams"])
        warehouse.ledger.set_status("crm", "teams", "held")
        check = CheckResult(
            dataset="bronze.x", layer="bronze", check_id="c", type="unique", severity="info", success=False
        )
        warehouse.ledger.gates(batch, [check], published=True)
        warehouse.ledger.finish_batch(batch, "completed", {"streams": [], "layers": [], "seconds": 2.5})
        warehouse.execute(f"CREATE TABLE gold.mrt_platform_cost ({cost}, cost_usd NUMERIC(38, 6))")
        rows = [("w", "ingest", "t", datetime(2026, 11, day, tzinfo=UTC), day, day * 3) for day in range(1, 8)]
        names = ("warehouse", "flow", "team", "slot", "credits", "cost_usd")
        warehouse.insert("gold.mrt_platform_cost", names, [*rows, ("w", "other", "t", None, 90, 270)])
        since, found = metrics.begun(warehouse), metrics.of_ledger(warehouse, now)
    assert since and abs((now - since).total_seconds()) < 600
    told = {(name, *sorted(a.values())): v for name, points in found.items() for a, v in points if v}
    at = told.pop(("hallmark_last_success_timestamp_seconds", "all"))
    told.pop(("hallmark_last_success_age_seconds", "all"), None)
    assert at == pytest.approx(now.timestamp(), abs=600)
    assert told == {
        ("hallmark_gate_checks_total", "bronze", "bronze.x", "failed", "info"): 1,
        ("hallmark_stopped", "bronze", "crm", "held", "teams"): 1,
        ("hallmark_stage_seconds", "all", "batch"): 2.5,
        ("hallmark_runs_total", "completed"): 1,
        ("hallmark_slot_timestamp_seconds", "begun"): batch.slot.timestamp(),
        ("hallmark_slot_timestamp_seconds", "completed"): batch.slot.timestamp(),
        ("hallmark_cost_usd", "ingest", "t", "w"): 66,
        ("hallmark_cost_credits", "ingest", "t", "w"): 22,
    }


def test_what_waits_is_told_with_its_age(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, now=datetime(2026, 11, 22, 12, tzinfo=UTC))
    made = partial(Event.of, "hallmark.run.failed.v1", "batch")
    with Outbox(state_database(settings)) as outbox:
        outbox.put([made("a", datetime(2026, 11, 22, 10, tzinfo=UTC))], ["slack", "file"])
        outbox.put([made("b", datetime(2026, 11, 22, 11, tzinfo=UTC))], ["slack"])
        outbox.ack(outbox.claim("file"))
    found = {name: {frozenset(a.items()): v for a, v in p} for name, p in metrics.of_outbox(settings).items()}
    ages = found["hallmark_outbox_oldest_seconds"]
    assert ages == {frozenset({("destination", "slack")}): 7200.0, frozenset({("destination", "file")}): 0.0}
    depth = found["hallmark_outbox_depth"]
    assert depth[frozenset({("destination", "slack"), ("status", "pending")})] == 2
    assert sum(depth.values()) == 2 and len(depth) == 8


def test_the_dashboard_is_one_that_can_be_imported() -> None:
    board = json.loads((DEPLOY / "grafana" / "hallmark.json").read_text("utf-8"))
    panels = board["panels"]
    assert len({p["id"] for p in panels}) == len(panels) and board["schemaVersion"] >= 39 and "id" not in board
    cells = [
        (x, y)
        for p in panels
        for x in range(p["gridPos"]["x"], p["gridPos"]["x"] + p["gridPos"]["w"])
        for y in range(p["gridPos"]["y"], p["gridPos"]["y"] + p["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells) and max(x for x, _ in cells) == 23
    sources = {json.dumps(t["datasource"]) for p in panels for t in p.get("targets", ())}
    assert sources == {json.dumps({"type": "prometheus", "uid": "${datasource}"})}
