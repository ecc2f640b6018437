"""What `docs/sources/postgres.md` says of slices, faults and limits, against a real server, through a real proxy."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from blocks.landing import sha256_of
from blocks.sources.base import Planned
from blocks.sources.spec import StreamSpec
from governance.errors import SourceError, UnreachableError
from tests.integration.postgres_support import KEYED, SMALL, WHOLE, TableOf
from tests.tcp_proxy import Fault, TcpProxy

ROWS = 20_000
MADE = f"""
CREATE TABLE t (id int, "Ünder Score" text, at timestamptz NOT NULL, PRIMARY KEY (id));
INSERT INTO t SELECT n, md5(n::text) || md5((-n)::text), '2026-01-01Z'::timestamptz + n * interval '1 s'
  FROM generate_series(1, {ROWS}) n;
ANALYZE t;
"""


BOTH = pytest.mark.parametrize("stream", [KEYED, WHOLE], ids=["with a cursor", "without"])
COUNTED = "count(*), count(DISTINCT id), sum(id), count(DISTINCT _source_position), count(_nder_score)"
ALL = [(ROWS, ROWS, ROWS * (ROWS + 1) // 2, ROWS, ROWS)]


@BOTH
def test_the_parts_of_a_large_table_fit_together(table_of: TableOf, stream: StreamSpec) -> None:
    table = table_of(MADE)
    manifest = table.land(stream)
    assert len(manifest.parts) > 4
    assert table.read(stream, manifest, COUNTED) == ALL
    folder = table.landing.folder("s", "t", manifest.load_id)
    assert {p.name for p in folder.iterdir()} == {"manifest.json", *(p.path for p in manifest.parts)}
    for part in manifest.parts:
        assert sha256_of(folder / part.path) == (part.bytes, part.sha256)


def test_parts_are_of_one_snapshot_while_rows_move(table_of: TableOf) -> None:
    table, ended, moved = table_of(MADE), threading.Event(), []

    def move() -> None:
        """Each transaction leaves as many rows as there were, some of them on other pages."""
        with psycopg.connect(table.url, autocommit=True) as shop:
            while not ended.is_set():
                begin = len(moved) * 100 % ROWS
                shop.execute("UPDATE t SET id = -id WHERE abs(id) BETWEEN %s AND %s", (begin, begin + 99))
                moved.append(begin)

    with ThreadPoolExecutor(1) as mover:
        moving = mover.submit(move)
        try:
            for _ in range(3):
                before = len(moved)
                found = table.read(
                    WHOLE, table.land(WHOLE, Planned(f"moved {before}")), "count(*), count(DISTINCT abs(id))"
                )
                assert found == [(ROWS, ROWS)]
                assert len(moved) > before
        finally:
            ended.set()
        moving.result()


def test_no_more_connections_than_the_source_allows(table_of: TableOf) -> None:
    table = table_of(MADE)
    with TcpProxy(table.url) as proxy:
        replace(table, url=proxy.url).land(WHOLE, Planned("x"))
        assert 2 < proxy.connections <= 2 * SMALL.connections, "the driver connects twice: it looks types up first"


@BOTH
@pytest.mark.parametrize("kind", ["reset", "truncate", "stall"])
def test_a_connection_that_breaks_midway_is_taken_up_again(
    table_of: TableOf, stream: StreamSpec, kind: Any, caplog: pytest.LogCaptureFixture
) -> None:
    table = table_of(MADE)
    planned = table.plan(stream)
    with TcpProxy(table.url) as proxy:
        proxy.fault = Fault(kind, 400_000, times=2)
        silent = 1.5 if kind == "stall" else SMALL.silent_seconds
        found = replace(table, url=proxy.url, limits=replace(SMALL, silent_seconds=silent, attempts=6))
        assert table.read(stream, found.land(stream, planned), COUNTED) == ALL
        assert proxy.befallen >= 1
    assert "attempt 2 of 6" in caplog.text


def test_a_later_run_goes_on_with_the_finished_parts_of_a_stream_with_a_cursor(table_of: TableOf) -> None:
    table = table_of(MADE)
    planned = table.plan(KEYED)
    with TcpProxy(table.url) as proxy:
        proxy.fault = Fault("reset", 1_200_000, times=99)
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


def test_a_later_run_starts_anew_without_a_cursor_or_with_another_shape(table_of: TableOf) -> None:
    table = table_of(MADE)
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


def test_what_cannot_be_reached_is_said(table_of: TableOf) -> None:
    table = table_of(MADE)
    with TcpProxy(table.url) as proxy:
        proxy.fault = Fault("stall", 0, times=99)
        silent = replace(table, url=proxy.url + "?connect_timeout=2", limits=replace(SMALL, silent_seconds=0.3))
        with pytest.raises(UnreachableError) as caught:
            silent.plan(WHOLE)
    assert caught.value.exit_code == 4
    password = table.url.split(":")[2].split("@")[0]
    assert password not in str(caught.value)


def test_a_lock_and_a_slow_statement_have_an_end(table_of: TableOf) -> None:
    table = table_of(MADE + "CREATE VIEW slow AS SELECT id, pg_sleep(1)::text AS s FROM t;")
    hasty = replace(table, limits=replace(SMALL, lock_seconds=0.2, statement_seconds=0.5, attempts=1))
    with psycopg.connect(table.url) as shop:
        shop.execute("LOCK TABLE t")
        with pytest.raises(UnreachableError, match="lock timeout"):
            hasty.plan(WHOLE)
    with pytest.raises(SourceError, match="longer than"):
        hasty.land(StreamSpec(name="t", table="public.slow"), Planned("slow"))
