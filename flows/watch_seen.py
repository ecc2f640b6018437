"""What the ledger knows of the datasets that are watched: a query of each table, for all datasets at once.

Slots count once their batch is complete. Replays and backfills are no deliveries.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from blocks.warehouses.dialect import among, portions
from blocks.warehouses.ledger_loads import BACKFILL, REPLAY
from governance.anomalies import WEEKS, Seen
from governance.monitors import MEASURES, Measure, Watched

if TYPE_CHECKING:
    from blocks.warehouses.sql import SqlWarehouse

TYPES = ("freshness", "schema", *MEASURES)
"""Of the checks that watching makes, in ops.gates."""
QUARTILES = ("25 %", "50 %", "75 %")
Key = tuple[str, str | None, Measure, str]
"""Dataset, column, measure, and which of several there are of it (a quartile)."""
_DELIVERED = (
    f"status IN ('published', 'duplicate') AND identity NOT LIKE '%{REPLAY}%' AND identity NOT LIKE '%{BACKFILL}%'"
)
_BRONZE = "'bronze.' || source || '__' || stream"


Slots = Mapping[datetime, None]
"""Complete slots, oldest first."""


@dataclass(frozen=True)
class Told:
    """The newest result of a check that was told."""

    success: bool
    severity: str
    slot: datetime
    at: datetime


@dataclass(frozen=True)
class State:
    """The ledger, as far as it is watched."""

    slots: Mapping[datetime, str]
    """Slot → completed or unfinished."""
    last: Mapping[str, datetime]
    """Dataset → its newest success."""
    arrivals: Mapping[str, Mapping[datetime, datetime]]
    """Dataset → completed slot → when it came."""
    series: Mapping[Key, Sequence[Seen]]
    """Oldest first."""
    columns: Mapping[str, Mapping[str, Mapping[str, str]]]
    """Schema → table → column → type."""
    told: Mapping[str, Told]

    @property
    def newest(self) -> datetime | None:
        """The newest slot that is complete."""
        return max((s for s, state in self.slots.items() if state == "completed"), default=None)


def state(warehouse: SqlWarehouse, watches: Iterable[Watched], now: datetime) -> State:
    """Read it, eight weeks back; a few queries whatever the number of datasets."""
    watched = list(watches)
    since = now - timedelta(weeks=WEEKS, days=1)
    known = {_utc(slot): state for slot, state in warehouse.ledger.slots()}
    done = {s: None for s, state in sorted(known.items()) if state == "completed" and s >= since}
    loads = warehouse.execute(
        f"SELECT {_BRONZE}, slot, max(finished_at), sum(rows_read), count(path), sum(bytes) FROM ops.loads "
        f"WHERE {_DELIVERED} AND slot >= ? GROUP BY source, stream, slot", (since,),
    )  # fmt: skip
    builds = warehouse.execute(
        "SELECT dataset, slot, max(published_at), max(rows_after) FROM ops.builds "
        "WHERE status = 'published' AND slot >= ? GROUP BY dataset, slot", (since,),
    )  # fmt: skip
    arrivals: dict[str, dict[datetime, datetime]] = defaultdict(dict)
    for name, slot, at, *_ in (*loads, *builds):
        if _utc(slot) in done:
            arrivals[name][_utc(slot)] = _utc(at)
    series = {**_delivered(loads, done), **_built(builds, done), **_profiled(warehouse, watched, done, since)}
    return State(known, _last(warehouse), arrivals, series, warehouse.catalog(), _told(warehouse))


def _last(warehouse: SqlWarehouse) -> dict[str, datetime]:
    rows = warehouse.execute(
        f"SELECT {_BRONZE}, max(finished_at) FROM ops.loads WHERE {_DELIVERED} GROUP BY source, stream "
        "UNION ALL SELECT dataset, max(published_at) FROM ops.builds WHERE status = 'published' GROUP BY dataset"
    )
    return {name: _utc(at) for name, at in rows}


def _told(warehouse: SqlWarehouse) -> dict[str, Told]:
    rows = warehouse.execute(
        f'SELECT check_id, success, severity, slot, "at" FROM ops.gates WHERE type IN {among(TYPES)} '
        'QUALIFY row_number() OVER (PARTITION BY check_id ORDER BY "at" DESC) = 1'
    )
    return {i: Told(bool(ok), severity, _utc(slot), _utc(at)) for i, ok, severity, slot, at in rows}


def _delivered(rows: Sequence[tuple[Any, ...]], done: Slots) -> dict[Key, list[Seen]]:
    """Rows, files and bytes a file of each stream. From its first delivery on, a slot without one is nothing: 0."""
    by: dict[str, dict[datetime, tuple[float, float, float]]] = defaultdict(dict)
    for name, slot, _, read, files, size in rows:
        by[name][_utc(slot)] = (float(read or 0), float(files or 0), float(size or 0))
    found: dict[Key, list[Seen]] = {}
    for name, slots in by.items():
        first = min(slots)
        seen = [(s, slots.get(s, (0.0, 0.0, 0.0))) for s in done if s >= first]
        found[name, None, "volume", ""] = [Seen(slot=s, value=v[0]) for s, v in seen]
        if any(files for _, files, _ in slots.values()):
            found[name, None, "file_count", ""] = [Seen(slot=s, value=v[1]) for s, v in seen]
            sizes = [Seen(slot=s, value=v[2] / v[1], of=v[0]) for s, v in seen if v[1]]
            found[name, None, "file_size", ""] = sizes
    return found


def _built(rows: Sequence[tuple[Any, ...]], done: Slots) -> dict[Key, list[Seen]]:
    """Rows of each table of silver and gold as it was published."""
    found: dict[Key, list[Seen]] = defaultdict(list)
    for name, slot, _, count in sorted(rows, key=lambda r: r[1]):
        if _utc(slot) in done and count is not None:
            found[name, None, "volume", ""].append(Seen(slot=_utc(slot), value=float(count)))
    return found


def _profiled(
    warehouse: SqlWarehouse, watched: Sequence[Watched], done: Slots, since: datetime
) -> dict[Key, list[Seen]]:
    """NULLs, distinct values, means and quartiles of the watched columns."""
    wanted = [f"{w.dataset}.{c}" for w in watched for c in w.columns]
    rows: list[tuple[Any, ...]] = []
    for some in portions(wanted):
        rows += warehouse.execute(
            'SELECT dataset, "column", slot, "rows", nulls, "distinct", mean, quantiles FROM ops.profiles '
            f"""WHERE slot >= ? AND dataset || '.' || "column" IN {among(some)}""", (since,),
        )  # fmt: skip
    found: dict[Key, list[Seen]] = defaultdict(list)
    for name, column, slot, count, nulls, distinct, mean, quantiles in sorted(rows, key=lambda r: r[2]):
        at, of = _utc(slot), float(count or 0)
        if at not in done or not of:
            continue
        values: dict[tuple[Measure, str], float | None] = {
            ("null_rate", ""): float(nulls or 0) / of, ("distinct", ""): distinct, ("mean", ""): mean,
        }  # fmt: skip
        for part, text in zip(QUARTILES, (json.loads(quantiles) if quantiles else [])[1:4], strict=False):
            values["quantile", part] = None if text is None else float(text)
        for (measure, part), value in values.items():
            if value is not None and math.isfinite(value):  # a number may be infinite
                found[name, column, measure, part].append(Seen(slot=at, value=float(value), of=of))
    return found


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)
