"""What Snowflake's errors are for whoever runs a batch: each cause has its remedy, and the exit code of its kind."""

import pytest
from snowflake.connector import errors

from blocks.warehouses.snowflake_errors import translated
from governance.errors import ConfigurationError, HallmarkError, LockedError, UnreachableError

CASES = [
    (errors.ProgrammingError, 630, "Statement reached its statement timeout", UnreachableError, "larger warehouse"),
    (errors.ProgrammingError, 604, "SQL execution canceled", UnreachableError, "larger warehouse"),
    (errors.ProgrammingError, 606, "No active warehouse selected in the session", UnreachableError, "resume it"),
    (errors.ProgrammingError, 90073, "Warehouse 'A' cannot be resumed: resource monitor 'B' has exceeded its quota",
     UnreachableError, "resource monitor"),
    (errors.ProgrammingError, 625, "Statement 'x' has locked table 'T'", LockedError, "other publisher"),
    (errors.ProgrammingError, 3001, "Insufficient privileges to operate on table", ConfigurationError, "grant it"),
    (errors.DatabaseError, 390144, "JWT token is invalid. [id]", ConfigurationError, "rotate the user's key"),
    (errors.DatabaseError, 390100, "Incorrect username or password was specified.", ConfigurationError, "rotate"),
    (errors.OperationalError, 250003, "Failed to execute request: reset by peer", UnreachableError, "run again"),
    (errors.OperationalError, 250001, "Could not connect to Snowflake backend", UnreachableError, "run again"),
    (errors.ProgrammingError, 1003, "SQL compilation error: syntax error", HallmarkError, "by its tag"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "number", "said", "becomes", "remedy"), CASES)
def test_an_error_says_what_to_do(
    kind: type[errors.Error], number: int, said: str, becomes: type[HallmarkError], remedy: str
) -> None:
    found = translated(kind(msg=said, errno=number), "Snowflake, COPY INTO t")
    assert type(found) is becomes
    assert found.what == "Snowflake, COPY INTO t"
    assert said.split(":")[0] in found.cause
    assert remedy in found.remedy


def test_a_long_text_is_cut() -> None:
    found = translated(errors.ProgrammingError(msg="SQL compilation error: " + "x" * 5000, errno=1003), "Snowflake")
    assert len(str(found)) < 1000
