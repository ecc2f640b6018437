"""One contract, every warehouse: rows of files and tables get into bronze merged by key, counted exactly, never half.

Each test runs on DuckDB and on an emulated Snowflake.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from blocks.settings import Settings
from blocks.sources.spec import SourceSpec
from blocks.warehouses.base import Account
from blocks.warehouses.dialect import LATEST
from governance.errors import HeldError, SourceError
from tests.integration.warehouse_support import Stream

Files = Callable[..., tuple[Stream, Path]]


@pytest.fixture
def files(settings: Settings) -> Files:
    """Makes a stream of CSV files; it, and the folder where they are dropped."""

    def make(**options: object) -> tuple[Stream, Path]:
        root = settings.home / "in"
        root.mkdir()
        stream = {"path": "*.csv", "settle": "0s", "name": "c", **options}
        spec = {"name": "drops", "kind": "files", "owner": "x", "root": str(root), "streams": {"c": stream}}
        return Stream(settings, SourceSpec.model_validate(spec)), root

    return make


@pytest.fixture
def url(postgres: str) -> str:
    """A database of the session's server."""
    return postgres.rsplit("/", 1)[0] + "/postgres"


@pytest.fixture
def database(url: str) -> Iterator[psycopg.Connection[Any]]:
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute("DROP TABLE IF EXISTS t")
        yield connection


Table = Callable[..., Stream]


@pytest.fixture
def table(settings: Settings, url: str) -> Table:
    """Makes a stream of the table t."""

    def make(**options: object) -> Stream:
        stream = {"table": "public.t", "name": "t", **options}
        spec = {"name": "crm", "kind": "postgres", "owner": "x", "url": url, "streams": {"t": stream}}
        return Stream(settings, SourceSpec.model_validate(spec))

    return make


def test_of_one_key_the_newest_cursor_stays_and_every_row_is_counted(files: Files) -> None:
    stream, root = files(primary_key=["id"], cursor="at")
    (root / "a.csv").write_text(
        "id,v,at\n1,old,2024-01-01\n1,new,2024-01-02\n1,new,2024-01-02\n2,x,2024-01-01\n,n,2024\n"
    )
    assert stream.run() == Account(read=5, published=2, unchanged=1, quarantined=2)
    (root / "b.csv").write_text("id,v,at\n1,older,2023-01-01\n2,x,2024-01-01\n3,z,2024-01-03\n")
    assert stream.run() == Account(read=3, published=1, unchanged=1, quarantined=1)
    assert stream.rows("SELECT id, v FROM bronze.drops__c ORDER BY 1") == [("1", "new"), ("2", "x"), ("3", "z")]
    reasons = "SELECT reason_code, raw FROM ops.quarantine ORDER BY 1, 2"
    assert [code for code, _ in stream.rows(reasons)] == ["null_key", "superseded", "superseded"]
    assert json.loads(stream.rows(reasons)[0][1]) == {"id": None, "v": "n", "at": "2024"}


def test_without_a_cursor_the_last_row_of_a_key_stays(files: Files) -> None:
    stream, root = files(primary_key=["id"])
    (root / "a.csv").write_text("id,v\n" + "".join(f"1,{n}\n" for n in range(11)))
    assert stream.run() == Account(read=11, published=1, quarantined=10)
    assert stream.rows("SELECT v FROM bronze.drops__c") == [("10",)]


def test_an_earlier_state_that_comes_back_is_a_new_version(files: Files) -> None:
    stream, root = files(primary_key=["id"])
    for state in ("a", "b", "a", "b", "a"):
        (root / "full.csv").write_text(f"id,v\n1,{state}\n2,same\n")
        found = stream.run()
        assert (found.read, found.published + found.unchanged) == (2, 2)
        assert stream.rows("SELECT v FROM bronze.drops__c ORDER BY id") == [(state,), ("same",)]
    (root / "copy.csv").write_text((root / "full.csv").read_text())
    assert stream.run() == Account(read=2, unchanged=2)
    assert stream.rows("SELECT count(*) FROM ops.loads WHERE status = 'duplicate'") == [(1,)]


@pytest.mark.parametrize("key", [{}, {"primary_key": ["id"], "cursor": "at"}])
def test_an_earlier_state_says_nothing_new_where_rows_add_up_or_a_cursor_tells(files: Files, key: Any) -> None:
    stream, root = files(**key)
    for number, account in enumerate((Account(1, 1), Account(1, 1), Account(1, 0, 1))):
        (root / "full.csv").write_text(f"id,at\n1,{number % 2}\n")
        assert stream.run() == account


def test_nothing_new_is_a_success(files: Files) -> None:
    stream, root = files(primary_key=["id"])
    assert stream.run() == Account()
    (root / "a.csv").write_text("id\n1\n")
    assert stream.run().published == 1
    assert stream.run() == Account()


@pytest.mark.parametrize("key", [[], ["id"]])
def test_a_file_without_a_byte_is_one_quarantined_unit(files: Files, key: list[str]) -> None:
    stream, root = files(primary_key=key)
    (root / "zero.csv").write_bytes(b"")
    assert stream.run() == Account(read=1, quarantined=1)
    (root / "a.csv").write_text("id\n1\n")
    assert stream.run() == Account(read=1, published=1)


def test_what_was_never_published_leaves_no_trace_in_the_shape(files: Files) -> None:
    stream, root = files()
    (root / "a.csv").write_text("id\n1\n")
    stream.run()
    (root / "b.csv").write_text("id,extra\n2,x\n")
    stream.run(publish=False)
    assert [list(row) for row in stream.table("bronze.drops__c")] == [
        ["id", "_load_id", "_source_position", "_extracted_at", "_row_hash"]
    ]
    (root / "b.csv").write_text("id\n2\n")
    stream.run()
    (root / "c.csv").write_text("id\n3\n")
    assert stream.run().published == 1
    assert stream.rows("SELECT id FROM bronze.drops__c ORDER BY 1") == [("1",), ("2",), ("3",)]


def test_a_keyed_stream_goes_on_after_a_column_that_was_never_published(files: Files) -> None:
    stream, root = files(primary_key=["id"], cursor="at")
    (root / "a.csv").write_text("id,at\n1,2\n")
    stream.run()
    (root / "b.csv").write_text("id,at,extra\n2,2,x\n")
    stream.run(publish=False)
    (root / "b.csv").write_text("id,at\n1,1\n2,2\n")
    assert stream.run() == Account(read=2, published=1, quarantined=1)


@pytest.mark.parametrize(
    ("policy", "account", "rows"),
    [
        ("evolve", Account(5, 5), [(1, "a"), (2, "7.10"), (3, None), (4, None), (5, "b"), (6, 'say "é"')]),
        ("freeze", Account(5, 3, 0, 2), [(1, "a"), (2, "7.10"), (4, None), (6, 'say "é"')]),
    ],
)
def test_of_records_only_those_of_another_shape_go_another_way(
    files: Files, policy: str, account: Account, rows: list[tuple[int, str | None]]
) -> None:
    stream, root = files(path="*.json", schema_policy=policy)
    (root / "a.json").write_text('{"id": 1, "note": "a"}\n')
    stream.run()
    (root / "b.json").write_text(
        '{"id": 2, "note": 7.10}\n{"id": 3, "note": {"x": [1.0]}}\n{"id": 4, "note": null}\n'
        '{"id": 5, "note": "b", "new": 1}\n{"id": 6, "note": "say \\"\\u00e9\\""}\n'
    )
    assert stream.run() == account
    assert stream.rows("SELECT CAST(id AS INTEGER), note FROM bronze.drops__c ORDER BY 1") == rows
    names = {"id", "note"} | ({"note__json", "new"} if policy == "evolve" else set())
    found = stream.table("bronze.drops__c")
    assert {c for c in found[0] if not c.startswith("_")} == names
    if policy == "evolve":
        assert [(r["id"], json.loads(r["note__json"])) for r in found if r["note__json"]] == [("3", {"x": [1.0]})]
    reasons = stream.rows("SELECT position, reason_code FROM ops.quarantine ORDER BY 1")
    refused = [("b.json#2", "unexpected_column"), ("b.json#4", "unexpected_column")]
    assert reasons == (refused if policy == "freeze" else [])
    kept = [json.loads(raw) for (raw,) in stream.rows("SELECT raw FROM ops.quarantine ORDER BY position")]
    whole = [{"id": "3", "note": {"x": [1.0]}}, {"id": "5", "note": "b", "new": "1"}]
    assert [{k: v for k, v in row.items() if v is not None} for row in kept] == (whole if policy == "freeze" else [])


def test_a_value_that_no_column_takes_is_not_discarded(files: Files) -> None:
    stream, root = files(path="*.json", schema_policy="discard")
    (root / "a.json").write_text('{"id": 1, "note": "a"}\n')
    stream.run()
    (root / "b.json").write_text('{"id": 2, "note": {"x": 1}}\n')
    with pytest.raises(SourceError, match="column note changed from VARCHAR to JSON"):
        stream.run()
    (root / "b.json").write_text('{"id": 2, "note": "b", "new": 1}\n')
    assert stream.run() == Account(1, 1), "a new column is"


def test_names_of_our_own_may_be_those_of_columns(files: Files) -> None:
    stream, root = files(primary_key=["load_id", "place"])
    (root / "a.csv").write_text("load_id,place,nth,winner\n1,a,x,y\n1,a,x,z\n")
    assert stream.run() == Account(read=2, published=1, quarantined=1)


def test_of_a_table_without_a_key_only_the_surplus_is_new(table: Table, database: psycopg.Connection[Any]) -> None:
    database.execute("CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x'), (1, 'x'), (2, NULL)")
    stream = table()
    assert stream.run() == Account(read=3, published=3)
    assert stream.run() == Account(read=3, unchanged=3)
    database.execute("INSERT INTO t VALUES (1, 'x'), (3, 'z')")
    assert stream.run() == Account(read=5, published=2, unchanged=3)
    assert stream.rows("SELECT a, count(*) FROM bronze.crm__t GROUP BY a ORDER BY a") == [(1, 3), (2, 1), (3, 1)]


def test_deletes_late_commits_and_a_row_of_the_future(table: Table, database: psycopg.Connection[Any]) -> None:
    database.execute(
        "CREATE TABLE t (id int PRIMARY KEY, at timestamptz); INSERT INTO t "
        "SELECT n, now() - interval '1 day' + n * interval '1 minute' FROM generate_series(1, 20) n"
    )
    stream = table(primary_key=["id"], cursor="at", lateness="5m", deletes="keys")
    assert stream.run() == Account(read=20, published=20)
    database.execute(
        "DELETE FROM t WHERE id IN (1, 2); INSERT INTO t VALUES (30, (SELECT max(at) - interval '2 minutes' FROM t)),"
        " (31, now() + interval '70 years'), (32, NULL)"
    )
    assert stream.run() == Account(read=9, published=3, unchanged=6, deleted=2)
    assert stream.rows("SELECT id FROM bronze.crm__t WHERE _deleted_at IS NOT NULL ORDER BY 1") == [(1,), (2,)]
    database.execute("INSERT INTO t VALUES (33, now()); UPDATE t SET at = now() WHERE id = 31")
    assert stream.run().published == 2
    assert stream.rows("SELECT count(DISTINCT _load_id || _source_position) = count(*) FROM bronze.crm__t") == [(True,)]


def test_most_rows_gone_publishes_nothing_until_somebody_confirms(
    table: Table, database: psycopg.Connection[Any]
) -> None:
    database.execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 10)")
    stream = table(primary_key=["id"], deletes="keys")
    counts = "SELECT count(*), count(_deleted_at) FROM bronze.crm__t"
    stream.run()
    database.execute("DELETE FROM t WHERE id > 5")
    with pytest.raises(HeldError, match="5 of 10 rows are gone"):
        stream.run()
    database.execute("INSERT INTO t VALUES (6), (7), (8)")
    assert stream.run() == Account(read=8, unchanged=8, deleted=2), "the source was mended"
    database.execute("DELETE FROM t WHERE id > 4")
    for _ in range(2):  # nobody confirmed the first one
        with pytest.raises(HeldError, match="4 of 8 rows are gone"):
            stream.run()
    assert stream.rows(counts) == [(10, 2)]
    database.execute("INSERT INTO t VALUES (11)")
    assert stream.confirm() == ["4 of 8 rows are gone from the source, more than max_delete_share"]
    assert stream.run() == Account(read=4, unchanged=4, deleted=4), "what was confirmed, not what came since"
    assert stream.run() == Account(read=5, published=1, unchanged=4)
    database.execute("DELETE FROM t WHERE id = 1")
    assert stream.run().deleted == 1, "a later load is not confirmed by it, and need not be"


def test_a_table_found_empty_or_marked_deleted_is_held(table: Table, database: psycopg.Connection[Any]) -> None:
    database.execute("CREATE TABLE t (id int PRIMARY KEY, gone bool); INSERT INTO t VALUES (1, false), (2, NULL)")
    stream = table(primary_key=["id"], deletes="column", deleted_column="gone", max_delete_share=0.5)
    stream.run()
    database.execute("UPDATE t SET gone = true WHERE id = 1")
    assert stream.run() == Account(read=2, published=1, unchanged=1)
    assert stream.rows("SELECT id FROM bronze.crm__t WHERE _deleted_at IS NOT NULL") == [(1,)]
    database.execute("UPDATE t SET gone = true")
    with pytest.raises(HeldError, match="1 of 1 rows are gone"):
        stream.run()
    database.execute("TRUNCATE t")
    with pytest.raises(HeldError, match="the source has no row, and bronze has 1"):
        stream.run()
    assert stream.rows("SELECT count(_deleted_at) FROM bronze.crm__t") == [(1,)]


def test_types_of_postgres_arrive_as_documented(table: Table, database: psycopg.Connection[Any]) -> None:
    database.execute(
        "CREATE TABLE t (n numeric(10,2), big numeric, m money, ts timestamptz, d date, "
        "u uuid, j jsonb, a int[], i inet, b bytea)"
    )
    database.execute(
        "INSERT INTO t VALUES (1.50, 123456789012345678901234567890.5, '$1,234.50', 'infinity', '-infinity', "
        "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{\"x\": 12345678901234567890123}', '{1,2}', '10.0.0.1', '\\xff00')"
    )
    stream = table()
    stream.run()
    [row] = stream.table("bronze.crm__t")
    meta = ("_load_id", "_source_position", "_extracted_at", "_row_hash")
    # Python has no infinite times: these are what the connectors give for them.
    on_duckdb = stream.settings.profile == "local"
    ends = (datetime.fromisoformat(LATEST if on_duckdb else f"{LATEST}+00:00"), date.min)
    assert {k: json.loads(v) if k in ("j", "a") else v for k, v in row.items() if k not in meta} == {
        "n": Decimal("1.50"), "big": "123456789012345678901234567890.5", "m": Decimal("1234.50"), "ts": ends[0],
        "d": ends[1], "u": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "j": {"x": 12345678901234567890123}, "a": [1, 2],
        "i": "10.0.0.1/32", "b": b"\xff\x00",
    }  # fmt: skip
