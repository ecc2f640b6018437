"""`blocks/diff`: what it finds is what differs, on DuckDB, a real Postgres and an emulated Snowflake, and across."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blocks.diff import Found, Wanted, compare, ranges
from blocks.diff.sides import data_file, duckdb_file, postgres_table, snowflake_table
from blocks.settings import Settings
from blocks.warehouses import open_warehouse
from governance.errors import ConfigurationError, UnreachableError
from tests.integration.test_postgres_values import TYPES

Database = Callable[[str, str | bytes], str]


def file_of(path: Path, **tables: str) -> Path:
    """A warehouse file with these tables, each by its SELECT."""
    with duckdb.connect(path) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, sql in tables.items():
            connection.execute(f"CREATE OR REPLACE TABLE {name} AS {sql}")
    return path


def diff(a: Any, b: Any, *key: str, **options: Any) -> Found:
    """Of two sides that are not open yet."""
    with ExitStack() as opened:
        return compare(opened.enter_context(a), opened.enter_context(b), Wanted(key, **options))


def in_file(path: Path, table: str) -> Any:
    return duckdb_file(f"duckdb:{path.name}#main.{table}", path, "main", table)


TEXTS = st.one_of(st.none(), st.text("a;:~1é\x1f'\\", max_size=4))
ROWS = st.dictionaries(
    st.tuples(st.integers(-(2**63), 2**63 - 1), st.text("ab;~:'", max_size=3)),
    st.tuples(TEXTS, st.one_of(st.none(), st.floats(width=64)), st.one_of(st.none(), st.booleans())),
    max_size=30,
)


@pytest.mark.parametrize("whole", [True, False])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(one=ROWS, changes=st.lists(st.tuples(st.integers(0, 29), st.sampled_from(["drop", "text", "flag"]))), more=ROWS)
def test_what_is_found_is_what_differs(
    tmp_path: Path, whole: bool, one: dict[Any, Any], changes: list[Any], more: dict[Any, Any]
) -> None:
    two = {**dict(list(more.items())[:3]), **one}
    for number, what in changes:
        if number < len(one):
            key = list(one)[number]
            text, share, flag = one[key]
            two[key] = (f"{text}!", share, flag) if what == "text" else (text, share, not flag)
            if what == "drop":
                del two[key]
    if whole:  # ranges of one integer
        one, two = ({k: v for (k, _), v in rows.items()} for rows in (one, two))
    path = tmp_path / f"{uuid4().hex}.duckdb"
    with duckdb.connect(path) as connection:
        for name, rows in (("a", one), ("b", two)):
            connection.execute(f"CREATE TABLE {name} (id BIGINT, part VARCHAR, t VARCHAR, x DOUBLE, f BOOLEAN)")
            flat = [[k, None, *v] if whole else [*k, *v] for k, v in rows.items()]
            if flat:
                connection.executemany(f"INSERT INTO {name} VALUES (?, ?, ?, ?, ?)", flat)
    found = diff(in_file(path, "a"), in_file(path, "b"), *(["id"] if whole else ["id", "part"]))
    only_a, only_b = one.keys() - two.keys(), two.keys() - one.keys()
    changed = {
        k for k in one.keys() & two.keys() if repr(one[k]).replace("-0.0", "0.0") != repr(two[k]).replace("-0.0", "0.0")
    }
    assert (found.rows_a, found.rows_b) == (len(one), len(two))
    assert (found.only_a, found.only_b, found.changed) == (len(only_a), len(only_b), len(changed))
    said = {(r["kind"], r["key"] if whole else tuple(r["key"])) for r in found.rows}  # type: ignore[arg-type]
    assert said == {
        *(("only_a", k) for k in only_a),
        *(("only_b", k) for k in only_b),
        *(("changed", k) for k in changed),
    }


@pytest.mark.parametrize("ids", ["i", "i * i * 1000003", "CASE WHEN i < 99000 THEN i ELSE i * 100000000000 END"])
def test_few_differences_among_many_rows_whatever_the_spread_of_the_key(tmp_path: Path, ids: str) -> None:
    made = f"SELECT {ids} AS id, 'n' || i AS name, i FROM range(100000) r(i)"
    edits = "id, CASE WHEN i % 20011 = 7 THEN name || '!' ELSE name END AS name, i"
    path = file_of(tmp_path / "a.duckdb", a=made, b=f"SELECT {edits} FROM ({made}) WHERE i NOT IN (0, 55555, 99999)")
    found = diff(in_file(path, "a"), in_file(path, "b"), "id")
    assert (found.only_a, found.only_b, found.changed, found.rows_b) == (3, 0, 5, 99_997)
    assert [(r["a"], r["b"]) for r in found.rows if r["kind"] == "changed"][1] == ("n20018", "n20018!")


def test_everything_differs_and_a_few_are_shown(tmp_path: Path) -> None:
    path = file_of(
        tmp_path / "a.duckdb", a="SELECT i AS id, i AS v FROM range(300000) r(i)",
        b="SELECT i AS id, i + i % 2 AS v FROM range(300000) r(i)",
    )  # fmt: skip
    found = diff(in_file(path, "a"), in_file(path, "b"), "id", limit=2)
    assert (found.changed, found.shown) == (150_000, 2)
    assert found.rows == [{"key": n, "kind": "changed", "column": "v", "a": n, "b": n + 1} for n in (1, 3)]


def test_equal_tables_are_read_once_and_no_row_is_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = file_of(tmp_path / "a.duckdb", a="SELECT i AS id, i AS v FROM range(1000) r(i)")
    monkeypatch.setattr("blocks.diff.sides.DuckDBSide.batches", lambda *_: pytest.fail("rows were fetched"))
    assert diff(in_file(path, "a"), in_file(path, "a"), "id").equal


@pytest.mark.parametrize(
    ("b", "cause"),
    [("SELECT NULL::INT AS id, 1 AS v", "1 of 1 rows of duckdb:a.duckdb#main.b have no value"),
     ("SELECT 1 AS id, unnest([2, 3]) AS v", "1 of its values are in several rows of duckdb:a.duckdb#main.b"),
     ("SELECT 1 AS ident, 2 AS v", "not in duckdb:a.duckdb#main.b"),
     ("SELECT 1.5::DOUBLE AS id, 2 AS v", "no one form")],
)  # fmt: skip
def test_a_key_that_is_none_is_said(tmp_path: Path, b: str, cause: str) -> None:
    path = file_of(tmp_path / "a.duckdb", a="SELECT 1 AS id, 1 AS v", b=b)
    with pytest.raises(ConfigurationError, match=cause):
        diff(in_file(path, "a"), in_file(path, "b"), "id")


def test_columns_are_chosen_and_a_csv_takes_the_types_of_the_other(tmp_path: Path) -> None:
    path = file_of(
        tmp_path / "a.duckdb",
        a="SELECT 7 AS id, 12.50::DECIMAL(9,2) AS amount, TRUE AS ok, DATE '2026-01-02' AS day, 'x' AS note, 1 AS mine",
    )
    file = tmp_path / "a.csv"
    file.write_text("ID,Amount,OK,day,note,yours\n007,12.5,true,2026-01-02,y,1\n")
    a, b = lambda: in_file(path, "a"), lambda: data_file("a.csv", file)
    found = diff(a(), b(), "id")
    assert [(r["key"], r["column"], r["a"], r["b"]) for r in found.rows] == [(7, "note", "x", "y")]
    assert found.matched.only == (["mine"], ["yours"])
    assert diff(a(), b(), "id", exclude=("note", "mine", "yours")).equal
    assert diff(a(), b(), "id", columns=("amount", "day")).equal
    assert diff(a(), b(), "id", where="note = 'x'").only_a == 1
    with pytest.raises(ConfigurationError, match="did you mean amount"):
        diff(a(), b(), "id", columns=("amonut",))


def test_a_table_of_postgres_and_its_bronze_have_equal_values_of_every_type(database: Database, tmp_path: Path) -> None:
    """As a load brings them, by the SQL of `TYPES`; then each value is changed, and each is found."""
    columns = ", ".join(f"c{n} {kind}" for n, kind in enumerate(TYPES))
    url = database("differ",
        f"CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE DOMAIN cents AS numeric(8,2);"
        f"CREATE TABLE t (id int PRIMARY KEY, {columns}, e timestamptz, d date, r float8, big float8, n numeric);"
        f"INSERT INTO t VALUES (1, {', '.join(v for v, _ in TYPES.values())}, 'infinity', '0044-03-15 BC', 1e-7, "
        "1e300, 1.50), "
        f"(2, {', '.join(['NULL'] * len(TYPES))}, '-infinity', 'infinity', '-0', 'Infinity', 'NaN')"
    )  # fmt: skip
    bronze = bronze_of(url, tmp_path)
    found = diff(postgres_table("pg", url, "public.t"), in_file(bronze, "t"), "id")
    assert found.equal, found.rows
    assert len(found.matched.pairs) == len(TYPES) + 5 and not found.matched.apart
    with duckdb.connect(bronze) as connection:
        names = [p.name for p in found.matched.pairs]
        types = dict(connection.execute("SELECT column_name, data_type FROM duckdb_columns()").fetchall())
        for name in names:
            connection.execute(f"UPDATE t SET {name} = {OTHER.get(types[name].partition('(')[0], '7')}")
    found = diff(postgres_table("pg", url, "public.t"), in_file(bronze, "t"), "id")
    assert {(r["key"], r["column"]) for r in found.rows} == {(key, name) for key in (1, 2) for name in names}


OTHER = {
    "VARCHAR": "'other'", "JSON": "'[]'", "BOOLEAN": "NOT coalesce(c0, true)", "BLOB": "'x'::BLOB",
    "DATE": "DATE '2020-01-01'",
    "TIME": "TIME '01:02:03'", "TIMESTAMP": "TIMESTAMP '2020-01-01'",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ '2020-01-01 00:00:00Z'",
}  # fmt: skip


def bronze_of(url: str, folder: Path) -> Path:
    """The table landed and read as a run does it."""
    from blocks.sources.spec import StreamSpec
    from tests.integration.postgres_support import Table

    table, stream = Table(url, folder), StreamSpec(name="t", table="public.t")
    extract = table.reader().extract(stream, [table.land(stream)], table.landing, {"": ()})
    return file_of(folder / "bronze.duckdb", t=extract.sql)


def test_postgres_by_text_and_composite_keys(database: Database, tmp_path: Path) -> None:
    rows = (
        "SELECT md5(n::text)::uuid AS u, 'k;' || n AS t, n % 3 = 0 AS f, 'v' || n AS v FROM generate_series(1, 5000) n"
    )
    url = database("keyed", f"CREATE TABLE a AS {rows}; CREATE TABLE b AS SELECT u, t, f, "
        "CASE WHEN v = 'v77' THEN 'w' ELSE v END AS v FROM a WHERE v <> 'v5'")  # fmt: skip
    for key in (("u",), ("t",), ("u", "t", "f")):
        found = diff(postgres_table("a", url, "public.a"), postgres_table("b", url, "public.b"), *key)
        assert (found.only_a, found.only_b, found.changed) == (1, 0, 1)
        assert [(r["a"], r["b"]) for r in found.rows if r["column"]] == [("v77", "w")]
    with duckdb.connect(tmp_path / "a.duckdb") as connection:
        connection.execute("CREATE TABLE a AS SELECT md5(i::VARCHAR)::UUID AS u, 'k;' || i AS t, i % 3 = 0 AS f, "
            "'v' || i AS v FROM range(1, 5001) r(i)")  # fmt: skip
    assert diff(postgres_table("a", url, "public.a"), in_file(tmp_path / "a.duckdb", "a"), "t", "f").equal


def test_a_server_that_is_not_there_and_its_password_is_not_told(postgres: str) -> None:
    with pytest.raises(UnreachableError) as caught:
        diff(
            postgres_table("pg", "postgres://me:s3cret@127.0.0.1:9/x", "public.t"), data_file("x", Path("x.csv")), "id"
        )
    assert "s3cret" not in str(caught.value)
    with pytest.raises(ConfigurationError, match="does not exist"):
        diff(
            postgres_table("pg", postgres.rpartition("/")[0] + "/postgres", "public.gone"),
            data_file("x", Path("x.csv")),
            "id",
        )


SNOWY = """SELECT i AS id, 'n''\\' || i AS name, CAST(i / 4 AS DECIMAL(12,2)) AS amount, CAST(i AS DOUBLE) / 8 AS share,
  i % 2 = 0 AS flag, DATE '2026-01-01' + CAST(i AS INTEGER) AS day, TIMESTAMP '2026-01-01 00:00:00.5' AS made,
  CASE WHEN i % 5 > 0 THEN 'x' END AS note FROM range(3000) r(i)"""


def test_snowflake_beside_duckdb_and_beside_itself(snowflake: dict[str, str], tmp_path: Path) -> None:
    values = {name.removeprefix("HALLMARK_").lower(): value for name, value in snowflake.items()}
    home = Settings(home=tmp_path, profile="snowflake", snowflake_database=f"T{uuid4().hex}".upper(), **values)
    path = file_of(tmp_path / "a.duckdb", a=SNOWY)
    with open_warehouse(home) as warehouse:
        for table in ("a", "b"):
            warehouse.execute(
                f"CREATE TABLE gold.{table} (id NUMBER(38,0), name VARCHAR, amount NUMBER(12,2), share FLOAT, "
                "flag BOOLEAN, day DATE, made TIMESTAMP_NTZ, note VARCHAR)"
            )
            with duckdb.connect(path) as connection:
                rows = connection.execute(
                    "SELECT id, name, amount::VARCHAR, share, flag, day::VARCHAR, made::VARCHAR, note FROM a"
                ).fetchall()
            names = ("id", "name", "amount", "share", "flag", "day", "made", "note")
            warehouse.insert(f"gold.{table}", names, rows)
        warehouse.execute("UPDATE gold.b SET name = 'other' WHERE id IN (7, 2999)")
        warehouse.execute("DELETE FROM gold.b WHERE id = 1000")

    def snowy(table: str) -> Any:
        return snowflake_table(f"gold.{table}", home, "gold", table)

    assert diff(snowy("a"), in_file(path, "a"), "id").equal
    for key in (("id",), ("day", "id")):
        found = diff(in_file(path, "a"), snowy("b"), *key)
        assert (found.rows_a, found.rows_b, found.only_a, found.only_b, found.changed) == (3000, 2999, 1, 0, 2)
        assert next((r["column"], r["a"], r["b"]) for r in found.rows) == ("name", "n'\\7", "other")
    assert diff(snowy("a"), snowy("b"), "id", personal={"name": "name"}).rows[0]["a"] == "*****"


def test_ranges_are_as_few_as_a_statement_takes() -> None:
    many = [ranges.Range(n * 10, n * 10 + 5) for n in range(1000)] + [ranges.Range(10**9, 10**9 + 5)]
    few = ranges._nearest(many)
    assert len(few) == ranges.CONDITIONS and few[-1] == many[-1]
    assert all(any(f.low <= r.low and r.high <= f.high for f in few) for r in many)
