"""Names of bronze columns."""

import duckdb

from blocks.sources.base import ColumnSpec
from blocks.sources.naming import bronze_names, glob_escape, quote, row_hash


def test_names_are_folded_and_kept_apart() -> None:
    assert bronze_names(["Id", "First Name", "first-name", "", "ID", "_load_id", "é"]) == [
        "id", "first_name", "first_name_2", "column_4", "id_2", "_load_id_2", "_",
    ]  # fmt: skip


def test_an_identifier_cannot_leave_its_quotes() -> None:
    name = 'a "; DROP TABLE x; --'
    assert duckdb.sql(f"SELECT 1 AS {quote(name)}").columns == [name]


def test_brackets_in_a_path_are_no_pattern() -> None:
    assert glob_escape("/a[1]*?.csv") == "/a[[]1][*][?].csv"


def test_a_new_empty_column_leaves_the_hash_as_it_was() -> None:
    def hashed(**values: object) -> str:
        row = ", ".join(f"{v!r} AS {n}" if v is not None else f"NULL AS {n}" for n, v in values.items())
        sql = f"SELECT {row_hash([ColumnSpec(n, 'VARCHAR') for n in values])} FROM (SELECT {row})"
        with duckdb.connect() as connection:
            return str(connection.execute(sql).fetchall()[0][0])

    assert hashed(a="1", b="2") == hashed(a="1", b="2", c=None)
    assert hashed(a="1", b=None) != hashed(a=None, b="1")
    assert hashed(a="12", b="3") != hashed(a="1", b="23")
