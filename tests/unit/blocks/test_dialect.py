"""What Snowflake is told differently. The emulator reads the same value twice where a key is."""

import sqlglot
from sqlglot import exp

from blocks.sources.base import ColumnSpec
from blocks.warehouses.dialect import Snowflake


def test_an_object_with_a_key_twice_is_parsed() -> None:
    """By the parameter 'd' of https://docs.snowflake.com/en/sql-reference/functions/parse_json; not executed."""
    shown = Snowflake().shown(ColumnSpec("properties", "JSON"))
    parsed = sqlglot.parse_one(f"SELECT {shown}", read="snowflake").find(exp.ParseJSON)
    assert parsed is not None
    assert [parsed.this.name, parsed.expression.name] == ["properties", "d"]
