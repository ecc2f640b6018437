"""What of the gates on Snowflake needs no server: how names are written, and which errors are told."""

from types import SimpleNamespace

import pytest
import sqlalchemy

from expectations.sql import Dialect, failing_rows
from governance.declared_tests import DeclaredTest

UNIQUE = DeclaredTest(check_id="silver.t.c.unique", dataset="silver.t", column="order", type="unique")


@pytest.fixture(scope="module")
def dialect():
    from expectations.snowflake import GateDialect

    return GateDialect()


@pytest.mark.parametrize("name", ["id", "order", "2nd", "_load_id", "ID", sqlalchemy.quoted_name("id", quote=False)])
def test_each_name_is_folded_and_quoted(dialect, name):
    assert dialect.identifier_preparer.quote(name) == f'"{str(name).upper()}"'
    assert str(sqlalchemy.select(sqlalchemy.column(name)).compile(dialect=dialect)) == f'SELECT "{str(name).upper()}"'


def test_a_table_is_read_in_its_schema(dialect):
    names = Dialect(dialect.identifier_preparer.quote, lambda dataset: f"silver__audit.{dataset.split('.')[1]}")
    assert names.table("silver.slv_teams") == '"SILVER__AUDIT"."SLV_TEAMS"'
    assert 'partition by "ORDER"' in failing_rows(UNIQUE, names)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (
            "(snowflake.connector.errors.ProgrammingError) 002003 (42S02): SQL compilation error:\n"
            "Object 'HALLMARK.SILVER.NOWHERE' does not exist or not authorized.",
            "Object 'HALLMARK.SILVER.NOWHERE' does not exist or not authorized.",
        ),
        (
            "000904 (42000): SQL compilation error: error line 1 at position 7\ninvalid identifier 'GONE'",
            "invalid identifier 'GONE'",
        ),
        (
            "(snowflake.connector.errors.ProgrammingError) 100038 (22018): "
            "Numeric value 'jane@example.com' is not recognized",
            "ProgrammingError (its text may hold values)",
        ),
    ],
)
def test_an_error_about_a_name_is_told_and_one_about_a_value_is_not(message, told):
    from expectations.translate import result

    found = result(UNIQUE, SimpleNamespace(exception_info={"raised_exception": True, "exception_message": message}))
    assert (found.success, found.observed) == (False, f"not run: {told}")
