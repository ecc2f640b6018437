"""What a few batches tell the catalog, small and of every kind: datasets, lineage, gates, stale marks and runs.

A later slot changes what an earlier one told: a column comes, an input goes, a check that failed passes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from governance.model import Event

BEGIN = datetime(2026, 11, 22, tzinfo=UTC)
INPUTS = {"silver.people": ["bronze.crm__people"], "silver.hours": ["bronze.crm__hours", "bronze.crm__people"],
          "gold.pay": ["silver.people", "silver.hours"], "exposure.board": ["gold.pay"]}  # fmt: skip
BRONZE = ("crm__people", "crm__hours")


def told(slot: int) -> list[Event]:
    """The events of a slot, from 1, as the ledger has them."""
    run_id, at = f"run-{slot}", BEGIN + timedelta(hours=6 * slot)
    found: list[Event] = []

    def tell(what: str, subject: str, cause: str = "", /, **data: Any) -> None:
        known = {"slot": f"{at:%Y-%m-%dT%H:%M:%SZ}", "run_id": run_id, "owner": "delivery"}
        when = at + timedelta(milliseconds=len(found))
        found.append(Event.of(f"hallmark.{what}.v1", subject, f"{run_id}/{cause}", when, **{**known, **data}))

    run = {"pipeline": "batch", "state": "running", "started_at": at.isoformat(), "tasks": [_task("ingest-crm")]}
    tell("run.started", "batch", run=run)
    for table in BRONZE:
        tell("load.published", f"crm.{table[5:]}", load_id=f"load-{slot}")
        _dataset(tell, f"bronze.{table}", slot, "bronze")
        columns = [c["name"] for c in _columns(slot)]
        source = f"postgres:crm.public.{table[5:]}"
        edges = [_edge(f"{source}.{c}", f"bronze.{table}.{c}") for c in columns]
        origin = {"name": source, "layer": "source", "columns": [{"name": c, "type": "text"} for c in columns]}
        tell("lineage.published", f"bronze.{table}", edges=edges, pipeline="ingest-crm", sql="", origin=origin)
        _gate(tell, f"bronze.{table}", "bronze", failed=slot % 3 == 1)
    for name, inputs in INPUTS.items():
        layer = name.partition(".")[0]
        if layer == "exposure":
            tell("dataset.published", name, layer="gold", kind="exposure", label="Board", url="https://bi.example/1")
            tell("lineage.published", name, edges=[], inputs=inputs, pipeline="", sql="")
            continue
        _dataset(tell, name, slot, layer)
        if slot % 2:
            tell("dataset.stale", name, data_as_of=at.isoformat())
        kept = inputs if slot % 3 else inputs[:1]
        edges = [_edge(f"{i}.id", f"{name}.id", f"slot_{slot}(id)") for i in kept]
        tell("lineage.published", name, edges=edges, inputs=kept, pipeline="transform", sql=f"SELECT {slot}")
        _gate(tell, name, layer, failed=(slot + len(name)) % 2 == 0)
    end = {**run, "state": "failed" if slot % 3 == 0 else "completed", "tasks": [_task("ingest-crm", "completed")],
           "finished_at": (at + timedelta(minutes=9)).isoformat()}  # fmt: skip
    tell(f"run.{end['state']}", "batch", "end", run=end)
    return found


def _task(name: str, state: str = "pending") -> dict[str, str]:
    return {"name": name, "state": state}


def _columns(slot: int) -> list[dict[str, Any]]:
    columns = [{"name": "id", "type": "BIGINT"}, {"name": "name", "type": "VARCHAR", "pii": "name"}]
    return columns + [{"name": "since", "type": "DATE", "tags": ["Business.Added"]}] * (slot > 1)


def _dataset(tell: Any, name: str, slot: int, layer: str) -> None:
    profile = {"rows": 10 * slot, "columns": [{"name": "id", "nulls": 0, "distinct": 10 * slot, "mean": 1.5}]}
    tell(
        "dataset.published", name, layer=layer, description=f"Rows of {name}.", columns=_columns(slot), tier="tier2",
        domain="People", primary_key=["id"], tags=["odd"] if slot % 2 else ["even"], profile=profile,
    )  # fmt: skip


def _edge(source: str, target: str, expression: str = "") -> dict[str, str]:
    return {"source": source, "target": target, "expression": expression}


def _gate(tell: Any, name: str, layer: str, *, failed: bool) -> None:
    check = {"layer": layer, "dataset": name, "severity": "warning", "rows": 10, "threshold": "none"}
    bad = {"success": False, "failed_rows": 2, "observed": "2 rows", "query": f"SELECT id FROM {name}",
           "sample": {"columns": ["id"], "rows": [["1"], ["2"]]}}  # fmt: skip
    checks = [
        {**check, "check_id": f"{name}.id.not_null", "type": "not_null", "column": "id", "success": True},
        {**check, "check_id": f"{name}.name.set", "type": "accepted_values", "column": "name", "success": True}
        | (bad if failed else {}),
        {**check, "check_id": f"{name}.rows", "type": "expression_is_true", "success": True},
    ]
    tell(f"gate.{'failed' if failed else 'passed'}", name, checks=checks)
