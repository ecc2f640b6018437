"""What Snowflake is told differently. The emulator reads the same value twice where a key is, and keeps no history."""

import re
from pathlib import Path

import sqlglot
from sqlglot import exp

from blocks.sources.base import ColumnSpec
from blocks.warehouses.dialect import PORTION_BYTES, Snowflake, among, portions
from blocks.warehouses.snowflake_policies import MASKS
from blocks.warehouses.sql import SCHEMAS

PRODUCTION = (Path(__file__).resolve().parents[3] / "docs" / "production.sql").read_text("utf-8")


def test_an_object_with_a_key_twice_is_parsed() -> None:
    """By the parameter 'd' of https://docs.snowflake.com/en/sql-reference/functions/parse_json; not executed."""
    shown = Snowflake().shown(ColumnSpec("properties", "JSON"))
    parsed = sqlglot.parse_one(f"SELECT {shown}", read="snowflake").find(exp.ParseJSON)
    assert parsed is not None
    assert [parsed.this.name, parsed.expression.name] == ["properties", "d"]


def test_what_can_be_made_again_has_no_time_travel_and_production_sql_says_the_same() -> None:
    """Not executed: the emulator keeps no history."""
    days = {}
    for statement in map(Snowflake().schema, (*SCHEMAS, "silver__audit", "gold__kept")):
        found = sqlglot.parse_one(statement, read="snowflake").find(exp.Property)
        assert found is not None
        days[re.split(r"\s", statement)[5]] = int(found.args["value"].name)
    assert {name for name, number in days.items() if number} == {"silver", "gold", "ops"}
    said = re.findall(r"CREATE SCHEMA IF NOT EXISTS HALLMARK\.(\w+) DATA_RETENTION_TIME_IN_DAYS = (\d+);", PRODUCTION)
    assert {name.lower(): int(number) for name, number in said} == {name: days[name] for name in SCHEMAS}


def test_no_list_of_ids_is_longer_than_a_statement_may_be() -> None:
    ids = [f"{number:036}" for number in range(100_000)]
    found = list(portions(ids))
    assert [i for portion in found for i in portion] == ids
    assert len(found) < 20
    assert max(len(among(portion)) for portion in found) <= PORTION_BYTES + 2
    assert list(portions([])) == []
    assert list(portions(["x" * PORTION_BYTES * 2, "y"])) == [["x" * PORTION_BYTES * 2], ["y"]]


def test_every_type_of_a_column_has_a_mask() -> None:
    """A tag does not mask a column of a type for which it has no mask."""
    types = (
        "VARCHAR", "BOOLEAN", "DATE", "TIME", "BIGINT", "HUGEINT", "DECIMAL(18,3)", "DOUBLE", "BLOB", "TIMESTAMP",
        "TIMESTAMP WITH TIME ZONE", "JSON", "UUID", "INTERVAL",
    )  # fmt: skip
    assert {Snowflake().type(t).partition("(")[0] for t in types} | {"VARIANT"} <= set(MASKS)
