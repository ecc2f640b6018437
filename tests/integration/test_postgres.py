"""What `docs/sources/postgres.md` guarantees of landing and reading, against a real server, through a real proxy."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from blocks.landing import Landing, sha256_of
from blocks.sources.base import Manifest, Planned, Since
from blocks.sources.postgres import PostgresReader
from blocks.sources.postgres.connection import Connection, Limits
from blocks.sources.postgres.parts import PROGRESS
from blocks.sources.spec import SourceSpec, StreamSpec
from governance.errors import SourceError, UnreachableError
from tests.tcp_proxy import Fault, TcpProxy

NEVER = Since(None, {}, {})
SMALL = Limits(slice_bytes=200_000, part_bytes=(20_000, 60_000), pause_seconds=0)
"""Of a table of some MB they make what the defaults make of one of TB."""
ROWS = 20_000
MADE = f"""
CREATE TABLE t (id int, "Ünder Score" text, at timestamptz NOT NULL, PRIMARY KEY (id));
INSERT INTO t SELECT n, md5(n::text) || md5((-n)::text), '2026-01-01Z'::timestamptz + n * interval '1 s'
  FROM generate_series(1, {ROWS}) n;
ANALYZE t;
"""


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


Make = Callable[[str | bytes], Table]
KEYED = StreamSpec(name="t", table="public.t", primary_key=("id",), cursor="at")
WHOLE = StreamSpec(name="t", table="public.t")
BOTH = pytest.mark.parametrize("stream", [KEYED, WHOLE], ids=["with a cursor", "without"])
COUNTED = "count(*), count(DISTINCT id), sum(id), count(DISTINCT _source_position), count(_nder_score)"
ALL = [(ROWS, ROWS, ROWS * (ROWS + 1) // 2, ROWS, ROWS)]


@pytest.fixture
def make(database: Callable[[str, str | bytes], str], tmp_path: Path) -> Make:
    """Makes a database by SQL."""
    return lambda sql: Table(database("reading", sql), tmp_path)


@BOTH
def test_the_parts_of_a_large_table_fit_together(make: Make, stream: StreamSpec) -> None:
    table = make(MADE)
    manifest = table.land(stream)
    assert len(manifest.parts) > 4
    assert table.read(stream, manifest, COUNTED) == ALL
    folder = table.landing.folder("s", "t", manifest.load_id)
    assert {p.name for p in folder.iterdir()} == {"manifest.json", *(p.path for p in manifest.parts)}
    for part in manifest.parts:
        assert sha256_of(folder / part.path) == (part.bytes, part.sha256)


def test_parts_are_of_one_snapshot_while_rows_move(make: Make) -> None:
    table = make(MADE)
    with TcpProxy(table.url) as proxy, psycopg.connect(table.url, autocommit=True) as shop:
        behind = replace(table, url=proxy.url)
        with PostgresReader(behind.reader().spec, SMALL)._connection(WHOLE) as first:
            snapshot = first.one("SELECT pg_export_snapshot()")
            shop.execute("UPDATE t SET id = id + 1000000; DELETE FROM t WHERE id % 2 = 0")
            with_it = Connection(proxy.url, "x", SMALL, snapshot)
            assert with_it.one("SELECT sum(id) FROM t") == str(ALL[0][2])
            with_it.close()
        assert table.read(WHOLE, table.land(WHOLE), "count(*)") == [(ROWS // 2,)]


def test_no_more_connections_than_the_source_allows(make: Make) -> None:
    table = make(MADE)
    with TcpProxy(table.url) as proxy:
        replace(table, url=proxy.url).land(WHOLE, Planned("x"))
        assert 2 <= proxy.most <= SMALL.connections


@BOTH
@pytest.mark.parametrize("kind", ["reset", "truncate", "stall"])
def test_a_connection_that_breaks_midway_is_taken_up_again(
    make: Make, stream: StreamSpec, kind: Any, caplog: pytest.LogCaptureFixture
) -> None:
    table = make(MADE)
    planned = table.plan(stream)
    with TcpProxy(table.url) as proxy:
        proxy.fault = Fault(kind, 400_000, times=2)
        found = replace(table, url=proxy.url, limits=replace(SMALL, silent_seconds=0.4))
        assert table.read(stream, found.land(stream, planned), COUNTED) == ALL
        assert proxy.befallen >= 1
    assert "attempt 2 of 3" in caplog.text


def test_a_later_run_goes_on_with_the_finished_parts_of_a_stream_with_a_cursor(make: Make) -> None:
    table = make(MADE)
    planned = table.plan(KEYED)
    with TcpProxy(table.url) as proxy:
        proxy.fault = Fault("reset", 600_000, times=99)
        broken = replace(table, url=proxy.url, limits=replace(SMALL, attempts=1, connections=1))
        with pytest.raises(UnreachableError, match="cannot be reached"):
            broken.land(KEYED, planned)
    finished = [p["path"] for parts in table.progress(planned)["finished"].values() for p in parts]
    assert finished
    with psycopg.connect(table.url, autocommit=True) as shop:  # what is not finished is read as it is by now
        shop.execute("UPDATE t SET at = at + interval '1 year'")
    manifest = table.land(KEYED, planned)
    assert set(finished) < {p.path for p in manifest.parts}
    assert table.read(KEYED, manifest, COUNTED) == ALL


def test_a_later_run_starts_anew_without_a_cursor_or_with_another_shape(make: Make) -> None:
    table = make(MADE)
    for stream, change in ((WHOLE, "SELECT 1"), (KEYED, "ALTER TABLE t ADD n int")):
        planned = replace(table.plan(stream), identity=f"load of {stream.cursor}")
        with TcpProxy(table.url) as proxy:
            proxy.fault = Fault("reset", 600_000, times=99)
            broken = replace(table, url=proxy.url, limits=replace(SMALL, attempts=1, connections=1))
            with pytest.raises(UnreachableError):
                broken.land(stream, planned)
        with psycopg.connect(table.url, autocommit=True) as shop:
            shop.execute(change)
            shop.execute("UPDATE t SET id = id WHERE id < 5000")  # these rows go to other pages
        assert table.read(stream, table.land(stream, planned), COUNTED) == ALL


def test_what_cannot_be_reached_is_said(make: Make) -> None:
    table = make(MADE)
    with TcpProxy(table.url) as proxy:
        proxy.fault = Fault("stall", 0, times=99)
        silent = replace(table, url=proxy.url + "?connect_timeout=2", limits=replace(SMALL, silent_seconds=0.3))
        with pytest.raises(UnreachableError) as caught:
            silent.plan(WHOLE)
    assert caught.value.exit_code == 4
    password = table.url.split(":")[2].split("@")[0]
    assert password not in str(caught.value)


def test_a_lock_and_a_slow_statement_have_an_end(make: Make) -> None:
    table = make(MADE + "CREATE VIEW slow AS SELECT id, pg_sleep(1)::text AS s FROM t;")
    hasty = replace(table, limits=replace(SMALL, lock_seconds=0.2, statement_seconds=0.5, attempts=1))
    with psycopg.connect(table.url) as shop:
        shop.execute("LOCK TABLE t")
        with pytest.raises(UnreachableError, match="lock timeout"):
            hasty.plan(WHOLE)
    with pytest.raises(SourceError, match=r"longer than 0|longer than"):
        hasty.land(StreamSpec(name="t", table="public.slow"), Planned("slow"))
