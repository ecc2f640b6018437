"""The page of a batch: what the ledger and the manifest know, put into the report's types and written to the home."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from blocks.settings import Settings
from blocks.warehouses import is_made, open_warehouse
from blocks.warehouses.base import Warehouse
from flows import slots
from flows.context import Context, make_context
from flows.state import known_edges, open_outbox
from governance.errors import ConfigurationError
from governance.freshness import declared_freshness
from governance.manifest import owner_of, table_edges
from governance.model import CheckResult, Column, Dataset
from governance.report import render
from governance.report_data import (
    CheckReport,
    DatasetReport,
    EventCounts,
    LayerReport,
    PastCheck,
    QuarantineCount,
    ReportData,
    StepTime,
    StreamReport,
)  # fmt: skip

Summary = Mapping[str, Any]
LAYER = ("layer", "status", "checks", "failed")
STREAM = ("status", "read", "published", "unchanged", "quarantined", "deleted", "bytes", "seconds", "warning")
HISTORY = 12
"""Slots of a check's history."""


def write_report(context: Context, summary: Summary) -> Path:
    """Write `reports/<slot>.html` and `reports/latest.html`; gives the former."""
    with open_warehouse(context.settings) as warehouse:
        page = render(collect(context, summary, warehouse))
    folder = context.settings.home / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{summary['slot']}.html"
    for target in (path, folder / "latest.html"):
        target.write_text(page, encoding="utf-8")
    return path


def rewrite(settings: Settings, slot: str | None) -> Path:
    """The report of a slot that ran, written again. Raises ConfigurationError when there is none."""
    rows = _ended(settings) if is_made(settings) else []
    if not rows:
        raise ConfigurationError("the report", "no batch has ended here yet", "run one with `hallmark run`")
    wanted = slots.parse(slot) if slot else None
    found = next(((at, run, body) for at, run, body in rows if wanted is None or at == wanted), None)
    if found is None:
        known = ", ".join(dict.fromkeys(slots.show(at) for at, _, _ in rows[:5]))
        raise ConfigurationError(f"slot {slot}", "no batch of it has ended", f"use one of these: {known}")
    return write_report(make_context(slots.show(found[0]), None, None, found[1]), json.loads(found[2]))


def _ended(settings: Settings) -> list[tuple[datetime, str, str]]:
    """(slot, run id, summary) of every batch that came to its end, the newest first."""
    sql = "SELECT slot, run_id, summary FROM ops.batches WHERE summary IS NOT NULL ORDER BY slot DESC, started_at DESC"
    with open_warehouse(settings) as warehouse:
        return [(slot, run_id, summary) for slot, run_id, summary in warehouse.execute(sql)]


def publish_artifacts(summary: Summary) -> None:
    """The batch on its Prefect page: streams and gates as tables, the rest in words."""
    columns = ("source", "stream", "status", "read", "published", "unchanged", "quarantined", "seconds")
    rows = [{c: s[c] for c in columns} for s in summary["streams"]]
    create_table_artifact(key="hallmark-streams", table=rows, description=f"Streams of slot {summary['slot']}")
    failures = [
        {k: f[k] for k in ("check_id", "severity", "failed_rows", "observed")}
        for x in summary["layers"]
        for f in x["failures"]
    ]
    create_table_artifact(
        key="hallmark-failed-checks", table=failures, description=f"Failed checks of slot {summary['slot']}"
    )
    lines = [f"# Slot {summary['slot']}: {summary['state']}", ""]
    lines += [
        f"- **{x['layer']}** {x['status']}: {x['checks']} checks, {x['failed']} failed" for x in summary["layers"]
    ]
    lines += ["", f"Report: `{summary['report']}`"]
    create_markdown_artifact(key="hallmark-batch", markdown="\n".join(lines), description="The batch in words")
    publish_stream_artifacts(summary["streams"], f"slot {summary['slot']}")


def publish_stream_artifacts(streams: Iterable[Summary], of: str) -> None:
    """A table for each stream, by a key of its own: Prefect keeps the versions, which are the stream's history."""
    for found in streams:
        row = {c: found[c] for c in STREAM} | {"error": (found["error"] or {}).get("cause")}
        key = f"stream-{found['source']}-{found['stream']}".replace("_", "-")
        name = f"{found['source']}.{found['stream']}"
        create_table_artifact(key=key, table=[row], description=f"Stream {name} of {of}")


def collect(context: Context, summary: Summary, warehouse: Warehouse) -> ReportData:
    """Everything that the page shows."""
    manifest = context.manifest
    with open_outbox(context.settings) as outbox:
        states = [s for counts in outbox.counts().values() for s in counts.items()]
    events = EventCounts(
        delivered=sum(n for s, n in states if s == "delivered"), buried=sum(n for s, n in states if s == "buried"),
        waiting=sum(n for s, n in states if s in ("pending", "claimed", "retry")),
    )  # fmt: skip
    datasets = _datasets(context, summary, warehouse)
    shown = {d.dataset.name for d in datasets}
    return ReportData(
        slot=summary["slot"], run_id=summary["run_id"], state=summary["state"], generated_at=context.settings.clock(),
        streams=tuple(_stream(s) for s in summary["streams"]),
        layers=tuple(LayerReport(**{k: x[k] for k in LAYER}) for x in summary["layers"]),
        datasets=tuple(datasets),
        quarantine=tuple(_quarantine(summary, warehouse)),
        table_edges=tuple(e for e in table_edges(manifest) if {e.source, e.target} <= shown),
        column_edges=tuple(known_edges(warehouse)),
        steps=tuple(StepTime(**s) for x in summary["layers"] for s in x["steps"]), events=events,
    )  # fmt: skip


def _stream(found: Summary) -> StreamReport:
    names = set(StreamReport.model_fields) - {"error", "warning"}
    error = (found["error"] or {}).get("cause", "")
    return StreamReport(**{k: found[k] for k in names}, error=error, warning=found["warning"] or "")


def _datasets(context: Context, summary: Summary, warehouse: Warehouse) -> list[DatasetReport]:
    catalog = warehouse.catalog()
    checks, fresh = _checks(summary, warehouse), {f.dataset: f for f in declared_freshness(context.manifest)}
    builds = {
        r["dataset"]: r for r in warehouse.query("SELECT * FROM ops.builds WHERE run_id = ?", (summary["run_id"],))
    }
    published = warehouse.execute(
        "SELECT dataset, max(published_at), max(slot) FROM ops.builds WHERE status = 'published' GROUP BY dataset "
        "UNION ALL SELECT 'bronze.' || source || '__' || stream, max(finished_at), max(slot) FROM ops.loads "
        "WHERE status IN ('published', 'duplicate') GROUP BY source, stream"
    )
    last = {name: (at, slot) for name, at, slot in published}
    found = []
    for dataset in _known(context, catalog, builds):
        schema, _, table = dataset.name.partition(".")
        build, when = builds.get(dataset.name, {}), last.get(dataset.name)
        status = build.get("status") or (_bronze_status(summary, table) if schema == "bronze" else "")
        age = fresh.get(dataset.name)
        limit = age and (age.warn_after or age.error_after)
        as_of = summary.get("stale", {}).get(dataset.name) or (slots.show(when[1]) if when else None)
        found.append(DatasetReport(
            dataset=_typed(dataset, catalog.get(schema, {}).get(table, {})), status=status,
            rows_before=build.get("rows_before"), rows_after=_count(warehouse, catalog, schema, table),
            published_at=when[0] if when else None, data_as_of=as_of, stale=dataset.name in summary.get("stale", {}),
            freshness=f"within {limit.total_seconds() / 3600:g} h" if limit else "", checks=tuple(checks[dataset.name]),
        ))  # fmt: skip
    return found


def _known(context: Context, catalog: Mapping[str, Any], builds: Mapping[str, Any]) -> list[Dataset]:
    """Declared datasets that are there or should be, what is made of them, and streams that dbt does not declare."""
    declared = context.datasets
    there = {f"{schema}.{table}" for schema, tables in catalog.items() for table in tables}
    there |= {name for name, build in builds.items() if build["status"] == "blocked"}
    above: dict[str, set[str]] = defaultdict(set)
    for edge in table_edges(context.manifest):
        above[edge.target].add(edge.source)
    shown = [d for d in declared if d.name in there or (d.kind == "exposure" and above[d.name] & there)]
    names = {d.name for d in declared}
    for name in sorted(n for n in there - names if n.startswith("bronze.")):
        if owner := owner_of(name, context.bronze_owners):
            columns = tuple(Column(name=c) for c in catalog["bronze"][name.partition(".")[2]])
            shown.append(Dataset(name=name, layer="bronze", owner=owner, columns=columns))
    return shown


def _typed(dataset: Dataset, types: Mapping[str, str]) -> Dataset:
    columns = tuple(c.model_copy(update={"type": types.get(c.name, c.type)}) for c in dataset.columns)
    return dataset.model_copy(update={"columns": columns})


def _count(warehouse: Warehouse, catalog: Mapping[str, Any], schema: str, table: str) -> int | None:
    if table not in catalog.get(schema, {}):
        return None
    return int(warehouse.execute(f'SELECT count(*) FROM {schema}."{table}"')[0][0])


def _bronze_status(summary: Summary, table: str) -> str:
    return next((str(s["status"]) for s in summary["streams"] if f"{s['source']}__{s['stream']}" == table), "")


def _checks(summary: Summary, warehouse: Warehouse) -> dict[str, list[CheckReport]]:
    """dataset → its checks as they last ran, each with its verdicts in the last slots."""
    history: dict[str, list[PastCheck]] = defaultdict(list)
    newest: dict[str, CheckResult] = {}
    for row in warehouse.query(
        'SELECT * FROM ops.gates WHERE slot <= CAST(? AS TIMESTAMPTZ) ORDER BY "at", check_id', (summary["slot"],)
    ):
        past = PastCheck(slot=slots.show(row["slot"]), success=row["success"])
        if history[row["check_id"]] and history[row["check_id"]][-1].slot == past.slot:
            history[row["check_id"]].pop()
        history[row["check_id"]].append(past)
        names = {"column": row["column_name"], **{k: row[k] for k in CheckResult.model_fields if k in row}}
        newest[row["check_id"]] = CheckResult(**names)
    found: dict[str, list[CheckReport]] = defaultdict(list)
    for check_id, result in newest.items():
        found[result.dataset].append(CheckReport(result=result, history=tuple(history[check_id][-HISTORY:])))
    return found


def _quarantine(summary: Summary, warehouse: Warehouse) -> list[QuarantineCount]:
    rows = warehouse.query(
        "SELECT q.source, q.stream, q.reason_code, min(q.reason) AS reason, count(*) AS waiting, "
        'count(CASE WHEN l.run_id = ? THEN 1 END) AS "rows" '
        "FROM ops.quarantine q LEFT JOIN ops.loads l ON l.load_id = q.load_id "
        "WHERE q.replayed_at IS NULL GROUP BY q.source, q.stream, q.reason_code ORDER BY waiting DESC",
        (summary["run_id"],),
    )
    return [QuarantineCount(**row) for row in rows]
