"""Types as Snowflake describes them: a length is a part of the type where it was declared."""

import pytest

from blocks.warehouses.snowflake import plain_type


@pytest.mark.parametrize(
    ("described", "plain"),
    [
        ("VARCHAR(16777216)", "VARCHAR"), ("VARCHAR(134217728)", "VARCHAR"), ("VARCHAR(30)", "VARCHAR(30)"),
        ("BINARY(8388608)", "BINARY"), ("BINARY(16)", "BINARY(16)"), ("TIME(9)", "TIME"), ("TIME(3)", "TIME(3)"),
        ("TIMESTAMP_TZ(9)", "TIMESTAMP_TZ"), ("TIMESTAMP_NTZ(9)", "TIMESTAMP_NTZ"), ("NUMBER(38,0)", "NUMBER(38,0)"),
        ("VARIANT", "VARIANT"), ("DATE", "DATE"),
    ],
)  # fmt: skip
def test_only_what_repeats_a_default_is_left_out(described: str, plain: str) -> None:
    assert plain_type(described) == plain
