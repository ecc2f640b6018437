"""One stream of a table of a real Postgres, planned, landed and read as a run does it, without a warehouse."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from blocks.landing import Landing
from blocks.sources.base import Manifest, Planned, Since
from blocks.sources.postgres import PostgresReader
from blocks.sources.postgres.connection import Limits
from blocks.sources.postgres.parts import PROGRESS
from blocks.sources.spec import SourceSpec, StreamSpec

NEVER = Since(None, {}, {})
SMALL = Limits(slice_bytes=200_000, part_bytes=(20_000, 60_000), pause_seconds=0)
"""Of a table of some MB they make what the defaults make of one of TB."""


@dataclass
class Table:
    """One stream of a table, and a folder where it lands."""

    url: str
    folder: Path
    limits: Limits = SMALL

    def reader(self) -> PostgresReader:
        spec = {"kind": "postgres", "owner": "x", "name": "s", "url": self.url, "streams": {}}
        return PostgresReader(SourceSpec.model_validate(spec), self.limits)

    def plan(self, stream: StreamSpec, since: Since = NEVER) -> Planned:
        [planned] = self.reader().plan(stream, since, datetime.now(UTC), self.landing)
        return planned

    def land(self, stream: StreamSpec, planned: Planned | None = None) -> Manifest:
        return self.reader().land(stream, planned or self.plan(stream), self.landing)

    @property
    def landing(self) -> Landing:
        return Landing(self.folder / "landing")

    def read(self, stream: StreamSpec, manifest: Manifest, what: str = "*") -> list[tuple[Any, ...]]:
        found = self.reader().extract(stream, [manifest], self.landing, {"": ()})
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            return connection.execute(f"SELECT {what} FROM ({found.sql})").fetchall()

    def rejects(self, stream: StreamSpec, manifest: Manifest) -> list[tuple[str, str, str | None]]:
        found = self.reader().extract(stream, [manifest], self.landing, {"": ()})
        with duckdb.connect() as connection:
            return [(r.position, r.reason_code, r.raw) for r in found.rejects(connection)]

    def progress(self, planned: Planned) -> dict[str, Any]:
        file = self.landing.folder("s", "t", planned.load_id) / PROGRESS
        return dict(json.loads(file.read_text()))


TableOf = Callable[[str | bytes], Table]
KEYED = StreamSpec(name="t", table="public.t", primary_key=("id",), cursor="at")
WHOLE = StreamSpec(name="t", table="public.t")
