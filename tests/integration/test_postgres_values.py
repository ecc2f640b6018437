"""What `docs/sources/postgres.md` says of cursors, types and odd tables, against a real server."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from blocks.sources.base import Planned
from blocks.sources.spec import StreamSpec
from governance.errors import SourceError
from tests.integration.postgres_support import KEYED, NEVER, SMALL, WHOLE, TableOf


def test_where_a_reading_begins_and_where_the_cursor_may_go(table_of: TableOf) -> None:
    table = table_of(
        "CREATE TABLE t (id int PRIMARY KEY, at timestamptz); INSERT INTO t SELECT n, '2026-01-02Z' "
        "FROM generate_series(1, 100000) n; INSERT INTO t VALUES (0, '2026-01-01 21:59Z'), (-1, '2026-01-01 22:00Z')"
    )
    late = KEYED.model_copy(update={"lateness": timedelta(hours=2)})
    since = replace(NEVER, cursor="2026-01-02 00:00:00+00:00")
    with psycopg.connect(table.url, autocommit=True) as shop:
        shop.execute("INSERT INTO t VALUES (200000, '2026-01-02Z'), (200001, NULL), (200002, '2099-01-01Z')")
        planned = table.plan(late, since)
        [(clock,)] = shop.execute("SELECT now()").fetchall()
    assert planned.upper and datetime.fromisoformat(planned.upper) <= clock, "the cursor goes no further"
    manifest = table.land(late, planned)
    assert table.read(late, manifest, 'count(*), min(id), max(id), count("at")') == [(100_004, -1, 200_002, 100_003)]
    manifest = table.land(KEYED, table.plan(KEYED, replace(since, cursor="2026-01-02 00:00:01+00:00")))
    assert table.read(KEYED, manifest, "id") == [(200_001,), (200_002,)]


def test_a_cursor_without_zone_is_compared_by_the_clock_of_its_database(table_of: TableOf) -> None:
    table = table_of("CREATE TABLE t (id int PRIMARY KEY, at timestamp)")
    with psycopg.connect(table.url, autocommit=True) as shop:
        shop.execute("ALTER DATABASE reading SET TimeZone = 'Asia/Tokyo'")
    with psycopg.connect(table.url, autocommit=True) as shop:
        upper = table.plan(KEYED).upper
        sql = "SELECT abs(extract(epoch FROM now()::timestamp - %s::timestamp))"
        [(apart,)] = shop.execute(sql, [upper]).fetchall()
    assert apart < 600


TYPES = {
    "boolean": ("true", "True"), "smallint": ("-32768", "-32768"), "bigint": ("9007199254740993", "9007199254740993"),
    "double precision": ("0.1", "0.1"), "real": ("'NaN'", "nan"), "numeric(38,10)": ("1.0000000001", "1.0000000001"),
    "numeric": ("123456789012345678901234567890.50", "123456789012345678901234567890.50"),
    "money": ("'$1,234.50'", "1234.50"), "char(3)": ("'a'", "a  "), "text": ("E'a\\nb'", "a\nb"),
    "bytea": (r"'\x00ff'", r"b'\x00\xff'"), "date": ("'2026-02-28'", "2026-02-28"), "time": ("'24:00'", "24:00:00"),
    "timestamp": ("'2026-01-01 00:00:00.123456'", "2026-01-01 00:00:00.123456"),
    "timestamptz": ("'2026-01-01 00:00+02'", "2025-12-31 22:00:00+00:00"), "timetz": ("'10:00+02'", "10:00:00+02"),
    "interval": ("'1 year 2 mons 3 days 04:05:06.7'", "1 year 2 mons 3 days 04:05:06.7"),
    "json": ("'{\"b\": 1.0, \"a\":12345678901234567890.5}'", '{"b": 1.0, "a":12345678901234567890.5}'),
    "jsonb": ("'{\"b\": 1.0, \"a\": 2}'", '{"a": 2, "b": 1.0}'), "text[]": ("'{x,NULL,\"a,b\"}'", '["x",null,"a,b"]'),
    "int[][]": ("'{{1,2},{3,4}}'", "[[1,2],[3,4]]"), "uuid": ("'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'",
    "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), "inet": ("'10.0.0.1/8'", "10.0.0.1/8"), "mood": ("'sad'", "sad"),
    "int4range": ("'[1,5]'", "[1,6)"), "tstzrange": ("'[2026-01-01Z,)'", '["2026-01-01 00:00:00+00",)'),
    "cents": ("1.5", "1.50"), "point": ("'(1,2)'", "(1,2)"), "bit(3)": ("'101'", "101"),
}  # fmt: skip
"""type → (a value in SQL, what is read of it)."""


def test_values_of_every_type_arrive_as_documented(table_of: TableOf) -> None:
    columns = ", ".join(f"c{n} {kind}" for n, kind in enumerate(TYPES))
    values = ", ".join(value for value, _ in TYPES.values())
    table = table_of(
        f"CREATE TYPE mood AS ENUM ('sad'); CREATE DOMAIN cents AS numeric(8,2); CREATE TABLE t ({columns});"
        f"INSERT INTO t VALUES ({values}); INSERT INTO t DEFAULT VALUES;"
        "CREATE TABLE ends (a timestamptz, b timestamp, c date, d numeric(5,2));"
        "INSERT INTO ends VALUES ('infinity', '-infinity', 'infinity', 1), (NULL, NULL, NULL, 'NaN')"
    )
    shown = ", ".join(f"c{n}" for n in range(len(TYPES)))
    full, empty = table.read(WHOLE, table.land(WHOLE), shown)
    assert dict(zip(TYPES, map(str, full), strict=True)) == {kind: read for kind, (_, read) in TYPES.items()}
    assert set(empty) == {None}
    ends = StreamSpec(name="t", table="ends")
    manifest = table.land(ends, Planned("ends"))
    shown = "a::varchar, b::varchar, c::varchar, d::varchar"
    assert table.read(ends, manifest, shown) == [("infinity", "-infinity", "infinity", "1.00")]
    [(position, code, raw)] = table.rejects(ends, manifest)
    assert (position, code) == ("ends#2", "not_a_number") and raw and '"NaN"' in raw


ODD = """
CREATE SCHEMA "My Shop";
CREATE TABLE "My Shop"."Or""der" ("select" int PRIMARY KEY, "Größe XL" text, "file_row_number" int,
  twice int GENERATED ALWAYS AS ("select" * 2) STORED);
INSERT INTO "My Shop"."Or""der" SELECT n, 'x', n FROM generate_series(1, 3) n;
CREATE VIEW seen AS SELECT "select" AS id FROM "My Shop"."Or""der";
CREATE MATERIALIZED VIEW kept AS SELECT * FROM seen;
CREATE TABLE nothing (id int, v text);
CREATE TABLE parted (id int, v text) PARTITION BY RANGE (id);
CREATE TABLE parted_a PARTITION OF parted FOR VALUES FROM (0) TO (3000);
CREATE TABLE parted_b PARTITION OF parted DEFAULT;
INSERT INTO parted SELECT n, repeat('x', 200) FROM generate_series(1, 5000) n;
CREATE TABLE bare ();
"""


def test_odd_tables_are_read_like_others(table_of: TableOf) -> None:
    wide = ", ".join(f"c{n} int" for n in range(1500))
    table = table_of(f"{ODD} CREATE TABLE wide ({wide}); INSERT INTO wide (c7) VALUES (7); ANALYZE")

    def read(name: str, what: str) -> list[tuple[Any, ...]]:
        stream = StreamSpec(name="t", table=name)
        return table.read(stream, table.land(stream, Planned(name)), what)

    assert read('My Shop.Or"der', "* EXCLUDE (_load_id)")[1:] == [
        (n, "x", n, 2 * n, f'My Shop.Or"der#{n}') for n in (2, 3)
    ]  # fmt: skip
    assert read("seen", "id") == read("kept", "id") == [(1,), (2,), (3,)]
    assert read("nothing", "*") == []
    assert read("parted", "count(*), count(DISTINCT id)") == [(5000, 5000)]
    assert read("wide", "c7, c1499") == [(7, None)]
    for name, cause in (("bare", "has no column"), ("gone", "does not exist")):
        with pytest.raises(SourceError, match=cause):
            read(name, "*")


def test_a_row_that_is_too_large_is_set_apart_by_its_key(table_of: TableOf) -> None:
    table = table_of(
        "CREATE TABLE t (id int PRIMARY KEY, at timestamptz, v text, w bytea);"
        "INSERT INTO t SELECT n, now(), repeat('x', n * 10000), repeat('y', n * 10000)::bytea "
        "FROM generate_series(1, 9) n"
    )
    small = replace(table, limits=replace(SMALL, row_bytes=150_000))
    manifest = small.land(KEYED)
    assert table.read(KEYED, manifest, "id, length(v)") == [(n, n * 10_000) for n in range(1, 8)]
    found = table.rejects(KEYED, manifest)
    assert [(code, json.loads(raw or "")["id"]) for _, code, raw in found] == [("row_too_large", n) for n in (8, 9)]
