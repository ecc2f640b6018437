"""What the next batch would load, by listing files and asking catalogs: nothing is read, landed or written.

The ledger is opened once, shortly, and without the lock of the batch. What the numbers rest on is in `capacity.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from blocks.settings import Settings
from blocks.sources import reader_for
from blocks.sources.base import Since
from blocks.sources.postgres import PART_BYTES
from blocks.sources.spec import SourceSpec, StreamSpec, load_sources
from blocks.warehouses import open_warehouse
from flows.capacity import Assumptions, cores_needed, credits_needed, kind_of, task_runs_a_day
from flows.context import sample_servers, select_streams, sources_path
from governance.errors import HallmarkError

NOTHING = Since(None, {}, {})
UNKNOWN = "what a connector has new is known when it is read"


@dataclass(frozen=True)
class Expected:
    """What one stream would load; None is not known before it is read."""

    source: str
    stream: str
    parts: int | None
    bytes: int | None
    by_kind: Mapping[str, float]
    note: str = ""
    failed: bool = False

    def shown(self) -> dict[str, Any]:
        """As `--json` has it. A stream is one task, if it has anything to do."""
        tasks = 0 if self.failed or self.parts == 0 else 1
        name = f"{self.source}.{self.stream}"
        return {"stream": name, "parts": self.parts, "tasks": tasks, "bytes": self.bytes, "note": self.note}


def plan(settings: Settings, sources: str | None, stream: str | None, assumed: Assumptions) -> dict[str, Any]:
    """Streams with what is new of them, and what that needs. A source that does not answer is said, not raised."""
    with sample_servers(settings):
        declared = load_sources(sources_path(sources))
        wanted = select_streams(declared, stream)
        since = known(settings, wanted)
        found = [
            expected(declared[source], declared[source].streams[name], since[source, name])
            for source, names in wanted.items()
            for name in names
        ]
    size = sum(e.bytes or 0 for e in found)
    by_kind: dict[str, float] = {}
    for one in found:
        for kind, part in one.by_kind.items():
            by_kind[kind] = by_kind.get(kind, 0) + part
    streams = [e.shown() for e in found]
    busy = sum(x["tasks"] for x in streams)
    on_snowflake = settings.profile == "snowflake"
    return {
        "streams": streams, "tasks": busy, "task_runs_a_day": task_runs_a_day(len(found), len(wanted)), "bytes": size,
        "cores": cores_needed(by_kind, assumed.hours),
        "credits": round(credits_needed(size, busy, assumed), 2) if on_snowflake else None,
        "failed": sum(e.failed for e in found),
    }  # fmt: skip


def known(settings: Settings, wanted: Mapping[str, list[str]]) -> dict[tuple[str, str], Since]:
    """What the ledger knows of each stream; nothing before the first batch."""
    keys = [(source, name) for source, names in wanted.items() for name in names]
    if settings.profile == "local" and not settings.warehouse_file.exists():
        return dict.fromkeys(keys, NOTHING)
    with open_warehouse(settings) as warehouse:
        return {key: warehouse.ledger.since(*key) for key in keys}


def expected(source: SourceSpec, stream: StreamSpec, since: Since) -> Expected:
    """What one stream would load."""
    try:
        if source.kind == "airbyte":
            return Expected(source.name, stream.name, None, None, {}, UNKNOWN)
        if source.kind == "postgres":
            return of_table(source, stream, since)
        return of_files(source, stream, since)
    except HallmarkError as error:
        return Expected(source.name, stream.name, None, None, {}, f"{error.cause}. {error.remedy}", failed=True)


def of_files(source: SourceSpec, stream: StreamSpec, since: Since) -> Expected:
    """Files whose path, size and time the ledger has not; a new path with known content is known when it is read."""
    from blocks.sources.drops import drops_of

    seen = {**since.seen_files, **{p.path: (p.size, p.mtime_ns) for p in since.unfinished if p.path}}
    parts, by_kind = 0, dict[str, float]()
    for file in drops_of(source).matching(stream.path or "", f"stream {source.name}.{stream.name}"):
        if since.seen_files.get(file.path) != (file.size, file.mtime_ns):
            parts += 1
            kind = kind_of(source.kind, stream.format, file.path)
            by_kind[kind] = by_kind.get(kind, 0) + file.size
    again = sum(1 for path in seen if path not in since.seen_files)
    note = f"{again} of a run that was cut short" if again else ""
    return Expected(source.name, stream.name, parts, round(sum(by_kind.values())), by_kind, note)


def of_table(source: SourceSpec, stream: StreamSpec, since: Since) -> Expected:
    """By the size of the table and what its planner expects after the cursor."""
    from blocks.sources.postgres_range import PostgresRange

    reader = PostgresRange(getattr(reader_for(source), "spec", source))  # a block's address is filled in there
    lower = since.cursor if stream.cursor else None
    found = reader.estimate(stream, lower, None, inside=False)
    parts = max(1, math.ceil(found.bytes / PART_BYTES))
    note = f"about {found.rows} rows, by the database's own statistics"
    return Expected(source.name, stream.name, parts, found.bytes, {"postgres": found.bytes}, note)
