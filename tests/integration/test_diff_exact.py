"""`blocks/diff`: values that differ are never taken for equal, whatever a cast would make of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from blocks.diff.sides import data_file, postgres_table
from governance.errors import ConfigurationError
from tests.integration.test_diff import Database, diff, file_of, in_file


@pytest.mark.parametrize(
    ("text", "type_", "value", "equal"),
    [
        ("1.5", "INTEGER", "2", False), ("2.0", "INTEGER", "2", True), ("2e3", "BIGINT", "2000", True),
        ("1.004", "DECIMAL(9,2)", "1.00", False), ("1.0000", "DECIMAL(9,2)", "1.00", True),
        (".5", "DECIMAL(9,2)", "0.50", True), ("1e2", "DECIMAL(9,2)", "100.00", True),
        ("2026-11-22 06:00", "DATE", "'2026-11-22'", False), ("2026-11-22", "DATE", "'2026-11-22'", True),
        ("2026-11-22 06:00:00.0000001", "TIMESTAMP", "'2026-11-22 06:00'", False),
        ("06:00:00.0000004", "TIME", "'06:00'", False), ("06:00:00.5000000", "TIME", "'06:00:00.5'", True),
    ],
)  # fmt: skip
def test_a_text_is_what_it_says(tmp_path: Path, text: str, type_: str, value: str, equal: bool) -> None:
    (tmp_path / "a.csv").write_text(f"id,v\n1,{text}\n")
    file_of(tmp_path / "b.duckdb", b=f"SELECT 1 AS id, CAST({value} AS {type_}) AS v")
    found = diff(data_file("a.csv", tmp_path / "a.csv"), in_file(tmp_path / "b.duckdb", "b"), "id")
    assert (found.equal, found.changed, len(found.rows)) == (equal, int(not equal), int(not equal))


def test_a_key_of_a_text_is_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,v\n1.4,x\n")
    file_of(tmp_path / "b.duckdb", b="SELECT 1 AS id, 'x' AS v")
    found = diff(data_file("a.csv", tmp_path / "a.csv"), in_file(tmp_path / "b.duckdb", "b"), "id")
    assert (found.only_a, found.only_b) == (1, 1)


NUMBERS = [
    ("9007199254740993", "9007199254740992", False), ("9007199254740992", "9007199254740992", True),
    ("-9007199254740993", "-9007199254740992", False), ("123456789012346", "123456789012345.6", False),
    ("2", "2.0", True), ("0", "-0.0", True), ("1", "'nan'", False), ("1", "'infinity'", False), ("NULL", "NULL", True),
]  # fmt: skip


@pytest.mark.parametrize(("whole", "float_", "equal"), NUMBERS)
def test_an_integer_and_a_float_are_equal_where_they_are(tmp_path: Path, whole: str, float_: str, equal: bool) -> None:
    sql = f"SELECT 1 AS id, CAST({float_} AS DOUBLE) AS v"
    path = file_of(tmp_path / "w.duckdb", a=f"SELECT 1 AS id, CAST({whole} AS BIGINT) AS v", b=sql)
    assert diff(in_file(path, "a"), in_file(path, "b"), "id").equal is equal


@pytest.mark.parametrize(("whole", "float_", "equal"), NUMBERS)
def test_so_they_are_across_engines(
    tmp_path: Path, database: Database, whole: str, float_: str, equal: bool
) -> None:  # fmt: skip
    url = database("diff_exact", f"CREATE TABLE t AS SELECT 1 AS id, CAST({float_} AS float8) AS v")
    path = file_of(tmp_path / "w.duckdb", a=f"SELECT 1 AS id, CAST({whole} AS BIGINT) AS v")
    assert diff(in_file(path, "a"), postgres_table("t", url, "public.t"), "id").equal is equal


def test_a_nanosecond_is_a_difference_that_is_shown(tmp_path: Path) -> None:
    times = [f"SELECT 1 AS id, TIMESTAMP_NS '2026-11-22 06:00:00.00000000{n}' AS v" for n in (1, 2)]
    path = file_of(tmp_path / "w.duckdb", a=times[0], b=times[1])
    (row,) = diff(in_file(path, "a"), in_file(path, "b"), "id").rows
    assert (str(row["a"])[-3:], str(row["b"])[-3:]) == ("001", "002")
    assert diff(in_file(path, "a"), in_file(path, "a"), "id").equal


def test_decimals_of_any_precision_are_compared(tmp_path: Path) -> None:
    path = file_of(
        tmp_path / "w.duckdb",
        a=f"SELECT 1 AS id, {'9' * 30}::DECIMAL(38,0) AS v UNION ALL SELECT 2, 5",
        b="SELECT 1 AS id, 1.5::DECIMAL(38,10) AS v UNION ALL SELECT 2, 5",
    )
    (row,) = diff(in_file(path, "a"), in_file(path, "b"), "id").rows
    assert (row["key"], row["a"], row["b"]) == (1, "9" * 30, "1.5000000000")


def test_no_value_is_in_an_error(tmp_path: Path) -> None:
    path = file_of(tmp_path / "w.duckdb", a="SELECT 1 AS id, 'ada@example.com' AS v")
    with pytest.raises(ConfigurationError) as caught:
        diff(in_file(path, "a"), in_file(path, "a"), "id", where="CAST(v AS INTEGER) = 1")
    assert "ada" not in str(caught.value) and "--where" in str(caught.value)


@pytest.mark.parametrize("where", ["nothing = 1", "id ===", "id = nonesuch(1)"])
def test_a_where_that_cannot_be_read_is_named(two: tuple[Any, Any], where: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        diff(*two, "id", where=where)
    assert caught.value.what == "--where" and "name a table" not in caught.value.remedy


@pytest.fixture
def two(tmp_path: Path) -> tuple[Any, Any]:
    sql = 'SELECT 1 AS id, 2 AS "a b", 3 AS '
    path = file_of(tmp_path / "two.duckdb", a=f"{sql} v", b=f"{sql} q")
    return in_file(path, "a"), in_file(path, "b")


def test_a_column_of_one_side_only_is_a_difference_unless_it_is_left_out(tmp_path: Path) -> None:
    path = file_of(tmp_path / "w.duckdb", a="SELECT 1 AS id, 3 AS v", b="SELECT 1 AS id, 3 AS q")
    found = diff(in_file(path, "a"), in_file(path, "b"), "id")
    assert not found.equal and found.matched.only == (["v"], ["q"]) and not found.changed
    assert diff(in_file(path, "a"), in_file(path, "b"), "id", exclude=["v", "q"]).equal
    assert diff(in_file(path, "a"), in_file(path, "b"), "id", columns=["id"]).equal


@pytest.mark.parametrize("key", ["a b", "a_b", "ID", "id"])
def test_a_key_is_called_as_in_its_table_or_as_in_bronze(two: tuple[Any, Any], key: str) -> None:
    found = diff(*two, key)
    assert (found.rows_a, found.changed) == (1, 0)


def test_tables_with_nothing_in_common(tmp_path: Path) -> None:
    path = file_of(tmp_path / "w.duckdb", a="SELECT 1 AS x", b="SELECT 1 AS y")
    with pytest.raises(ConfigurationError) as caught:
        diff(in_file(path, "a"), in_file(path, "b"), "x")
    assert caught.value.remedy == "compare tables that have columns of the same name"
