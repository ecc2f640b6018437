"""What Snowflake is told differently. The emulator reads the same value twice where a key is."""

import sqlglot
from sqlglot import exp

from blocks.sources.base import ColumnSpec
from blocks.warehouses.dialect import PORTION_BYTES, Snowflake, among, portions


def test_an_object_with_a_key_twice_is_parsed() -> None:
    """By the parameter 'd' of https://docs.snowflake.com/en/sql-reference/functions/parse_json; not executed."""
    shown = Snowflake().shown(ColumnSpec("properties", "JSON"))
    parsed = sqlglot.parse_one(f"SELECT {shown}", read="snowflake").find(exp.ParseJSON)
    assert parsed is not None
    assert [parsed.this.name, parsed.expression.name] == ["properties", "d"]


def test_no_list_of_ids_is_longer_than_a_statement_may_be() -> None:
    ids = [f"{number:036}" for number in range(100_000)]
    found = list(portions(ids))
    assert [i for portion in found for i in portion] == ids
    assert len(found) < 20
    assert max(len(among(portion)) for portion in found) <= PORTION_BYTES + 2
    assert list(portions([])) == []
    assert list(portions(["x" * PORTION_BYTES * 2, "y"])) == [["x" * PORTION_BYTES * 2], ["y"]]
