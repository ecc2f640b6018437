"""What is measured of a home, and how it is called: the ledger and the outbox, as series for `blocks/otlp.py`.

Totals are those of the ledger since its first run, cumulative, with that run as their start. The processes that push
live for minutes: counters of their own would begin at zero each time, which Prometheus drops or takes for resets, and
deltas are refused by Prometheus and lost with each push that fails. A total of the ledger is the same whoever pushes
it and however often, and the next push makes good for one that was lost. So no attribute names a run or a process.

Every combination of a status with what it is of is there from the beginning, zero as it may be: an increase from
nothing to one is none to Prometheus and Datadog. Attributes hold declared names and fixed words, no value of a row.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from blocks import otlp
from blocks.settings import Settings
from blocks.warehouses import is_made, open_warehouse
from blocks.warehouses.ledger import STREAMS
from flows.state import open_incidents, open_outbox
from governance.errors import HallmarkError

if TYPE_CHECKING:
    from blocks.warehouses.sql import SqlWarehouse

LOG = logging.getLogger("hallmark")
MOST = 2000
"""Points of a metric, as in OpenTelemetry's SDK. What is beyond is left out, and said."""
WAIT = 5.0
"""Seconds for a warehouse that another process holds."""
DAY = 4
"""Slots of a day."""
Points = list[tuple[dict[str, str], float]]
Measured = dict[str, Points]
Incidents = Mapping[tuple[str, str], int]
"""(state, severity) → how many."""
STATUSES = ("published", "unchanged", "quarantined", "deleted")
SEVERITIES = ("info", "warning", "critical")
OPEN = ("open", "acknowledged", "muted")
WAITING = ("pending", "claimed", "retry", "buried")
RUNS = ("completed", "failed", "partial")
STREAM_STOPPED = ("failed", "held")
LAYER_STOPPED = ("blocked", "failed", "skipped")


@dataclass(frozen=True)
class Metric:
    """How a metric is declared. The dashboards and monitors of deploy/observability are tested against it."""

    unit: str
    attributes: tuple[str, ...]
    description: str
    total: bool = False
    """Only grows."""


METRICS = {
    "hallmark_rows_total": Metric(
        "{row}", ("layer", "source", "stream", "status"), "Rows that loads brought, by what became of them.", True
    ),
    "hallmark_load_bytes_total": Metric("By", ("layer", "source", "stream"), "Bytes that loads landed.", True),
    "hallmark_runs_total": Metric("{run}", ("status",), "Runs that ended, by how.", True),
    "hallmark_gate_checks_total": Metric(
        "{check}", ("layer", "dataset", "severity", "status"), "Checks that gates ran, by their result.", True
    ),
    "hallmark_stopped": Metric(
        "{stopped}", ("layer", "source", "stream", "status"), "1 for a stream or layer that its last run left so."
    ),
    "hallmark_stage_seconds": Metric(
        "s", ("layer", "source", "stream", "stage"), "How long a stage of the newest batch took."
    ),
    "hallmark_slot_timestamp_seconds": Metric("s", ("status",), "The newest slot: begun, and completed."),
    "hallmark_last_success_timestamp_seconds": Metric(
        "s", ("layer", "source", "stream"), "When a stream or layer was last published, or the last batch completed."
    ),
    "hallmark_last_success_age_seconds": Metric(
        "s", ("layer", "source", "stream"), "How long ago that was, for who cannot subtract from the time of day."
    ),
    "hallmark_outbox_depth": Metric("{delivery}", ("destination", "status"), "Deliveries that did not arrive yet."),
    "hallmark_outbox_oldest_seconds": Metric("s", ("destination",), "Age of the oldest event that waits; 0 for none."),
    "hallmark_incidents_open": Metric("{incident}", ("status", "severity"), "Incidents that are not resolved."),
    "hallmark_cost_usd": Metric(
        "{USD}", ("warehouse", "flow", "team"), "Cost of the newest day of slots in gold.mrt_platform_cost."
    ),
    "hallmark_cost_credits": Metric("{credit}", ("warehouse", "flow", "team"), "Credits of the same day."),
}


def push(settings: Settings, ledger: bool = True) -> None:
    """Measure, and bring it to the collector; only where one is configured. Never raises: a line says what failed.

    Without `ledger` the warehouse is left alone: what it tells changes with a batch.
    """
    if not otlp.configured():
        return
    found, since, failed = Measured(), None, list[str]()
    for part in (of_outbox, of_incidents):
        try:
            found |= part(settings)
        except Exception as error:  # noqa: BLE001 - what can be measured is, and nothing here stops the data
            failed.append(_why(error))
    try:
        if ledger and is_made(settings):
            with open_warehouse(settings, WAIT) as warehouse:
                since = begun(warehouse)
                found |= of_ledger(warehouse, settings.clock()) if since else {}
    except Exception as error:  # noqa: BLE001 - as above
        failed.append(_why(error))
    try:
        otlp.export(list(series(found, since)))
    except Exception as error:  # noqa: BLE001 - as above
        failed.append(_why(error))
    if failed:
        LOG.warning("metrics are missing until the next push: %s", "; ".join(failed))


def _why(error: Exception) -> str:
    """Of an error that is not ours the name alone: its text may hold an address with a password."""
    return f"{error.what}: {error.cause}" if isinstance(error, HallmarkError) else type(error).__name__


def series(found: Mapping[str, Points], since: datetime | None) -> Iterable[otlp.Series]:
    """What was found, as it is declared."""
    for name, points in found.items():
        metric = METRICS[name]
        if len(points) > MOST:
            LOG.warning("%s has %d series, of which %d are pushed", name, len(points), MOST)
        start = since if metric.total else None
        yield otlp.Series(name, metric.unit, metric.description, points[:MOST], start)


def of_outbox(settings: Settings) -> Measured:
    """Every destination that anything was for within a month."""
    with open_outbox(settings) as outbox:
        counts, oldest = outbox.counts(), outbox.oldest()
    now = settings.clock()
    depth = [({"destination": d, "status": s}, n.get(s, 0)) for d, n in counts.items() for s in WAITING]
    ages = {d: max(0.0, (now - oldest[d]).total_seconds()) if d in oldest else 0.0 for d in counts}
    return {
        "hallmark_outbox_depth": list(depth),
        "hallmark_outbox_oldest_seconds": [({"destination": d}, age) for d, age in ages.items()],
    }


def incident_counts(settings: Settings) -> Incidents:
    """How many incidents are not resolved, as the state database has them."""
    with open_incidents(settings) as store:
        return store.counts()


def of_incidents(settings: Settings) -> Measured:
    """Every state and severity."""
    every = {(state, severity): 0 for state in OPEN for severity in SEVERITIES} | dict(incident_counts(settings))
    return {"hallmark_incidents_open": [({"status": s, "severity": v}, n) for (s, v), n in every.items()]}


def begun(warehouse: SqlWarehouse) -> datetime | None:
    """When the first run of the ledger began: all totals were zero."""
    found = warehouse.execute("SELECT started_at FROM ops.batches ORDER BY started_at LIMIT 1")
    return found[0][0] if found else None


def of_ledger(warehouse: SqlWarehouse, now: datetime) -> Measured:
    """What the ledger knows, in some few small queries."""
    loads, success = of_loads(warehouse)
    stopped = [
        ({"layer": "bronze", "source": source, "stream": stream, "status": status}, float(status == state))
        for source, stream, state in warehouse.execute(f"SELECT source, stream, status FROM {STREAMS} AS s")
        for status in STREAM_STOPPED
    ]
    for layer, at in warehouse.execute(
        "SELECT layer, max(published_at) FROM ops.builds WHERE status = 'published' GROUP BY layer"
    ):
        success.append(({"layer": layer}, at))
    ended = {s: (n, at) for s, n, at in warehouse.execute("SELECT state, count(*), max(finished_at) FROM ops.batches "
                                                          "GROUP BY state")}  # fmt: skip
    if "completed" in ended:
        success.append(({"layer": "all"}, ended["completed"][1]))
    slots = warehouse.ledger.slots()
    newest = {"begun": [s for s, _ in slots], "completed": [s for s, state in slots if state == "completed"]}
    stages, layers = of_summary(warehouse)
    return loads | of_gates(warehouse) | of_cost(warehouse) | {
        "hallmark_stopped": stopped + layers,
        "hallmark_stage_seconds": stages,
        "hallmark_runs_total": [({"status": s}, ended.get(s, (0, None))[0]) for s in RUNS],
        "hallmark_slot_timestamp_seconds": [({"status": s}, max(x).timestamp()) for s, x in newest.items() if x],
        "hallmark_last_success_timestamp_seconds": [(a, at.timestamp()) for a, at in success],
        "hallmark_last_success_age_seconds": [(a, max(0.0, (now - at).total_seconds())) for a, at in success],
    }  # fmt: skip


def of_loads(warehouse: SqlWarehouse) -> tuple[Measured, list[tuple[dict[str, str], datetime]]]:
    """Totals of the streams, and when each was last read to its end. Loads that may be tried again are in no total."""
    rows, sizes, success = Points(), Points(), []
    for source, stream, published, unchanged, quarantined, deleted, size, at in warehouse.execute(
        "SELECT source, stream, sum(rows_published), sum(rows_unchanged), sum(rows_quarantined), sum(rows_deleted), "
        "sum(bytes), max(finished_at) FROM ops.loads WHERE status IN ('published', 'duplicate') GROUP BY source, stream"
    ):
        of = {"layer": "bronze", "source": source, "stream": stream}
        counts = zip(STATUSES, (published, unchanged, quarantined, deleted), strict=True)
        rows += [({**of, "status": status}, int(n or 0)) for status, n in counts]
        sizes.append((of, int(size or 0)))
        success.append((of, at))
    return {"hallmark_rows_total": rows, "hallmark_load_bytes_total": sizes}, success


def of_gates(warehouse: SqlWarehouse) -> Measured:
    """Checks by dataset."""
    points = Points()
    for layer, dataset, severity, passed, failed in warehouse.execute(
        "SELECT layer, dataset, severity, count(CASE WHEN success THEN 1 END), count(CASE WHEN NOT success THEN 1 END) "
        "FROM ops.gates GROUP BY layer, dataset, severity ORDER BY layer, dataset, severity"
    ):
        of = {"layer": layer, "dataset": dataset, "severity": severity}
        points += [({**of, "status": status}, n) for status, n in (("passed", passed), ("failed", failed))]
    return {"hallmark_gate_checks_total": points}


def of_summary(warehouse: SqlWarehouse) -> tuple[Points, Points]:
    """Stages of the newest batch, and the layers that it left as they were."""
    found = warehouse.execute(
        "SELECT summary FROM ops.batches WHERE summary IS NOT NULL ORDER BY started_at DESC LIMIT 1"
    )
    summary: dict[str, Any] = json.loads(found[0][0]) if found else {"streams": [], "layers": []}
    times: Points = [({"layer": "all", "stage": "batch"}, summary["seconds"])] if "seconds" in summary else []
    times += [
        ({"layer": "bronze", "source": s["source"], "stream": s["stream"], "stage": "ingest"}, s["seconds"])
        for s in summary["streams"] if s["started_at"]
    ]  # fmt: skip
    built = [x for x in summary["layers"] if x["layer"] != "bronze"]
    times += [
        ({"layer": x["layer"], "stage": step["name"].rpartition(" ")[2]}, step["seconds"])
        for x in built for step in x["steps"]
    ]  # fmt: skip
    states = [({"layer": x["layer"], "status": s}, float(s == x["status"])) for x in built for s in LAYER_STOPPED]
    return times, states


def of_cost(warehouse: SqlWarehouse) -> Measured:
    """A day of slots, where there are figures; what no batch ran is in none."""
    if "mrt_platform_cost" not in warehouse.tables("gold"):
        return {}
    rows = warehouse.execute(
        "SELECT warehouse, flow, team, sum(cost_usd), sum(credits) FROM gold.mrt_platform_cost WHERE slot IN (SELECT "
        f"DISTINCT slot FROM gold.mrt_platform_cost WHERE slot IS NOT NULL ORDER BY slot DESC LIMIT {DAY}) "
        "GROUP BY warehouse, flow, team ORDER BY warehouse, flow, team"
    )
    of = [{"warehouse": w, "flow": f, "team": t} for w, f, t, _, _ in rows]
    usd, used = ([(a, float(row[n])) for a, row in zip(of, rows, strict=True)] for n in (3, 4))
    return {"hallmark_cost_usd": usd, "hallmark_cost_credits": used}
