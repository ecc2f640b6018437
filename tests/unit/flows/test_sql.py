"""What `hallmark sql` takes for read-only where the warehouse has no session that only reads."""

import pytest

from flows.commands.sql import only_reads_tables


@pytest.mark.parametrize(
    ("query", "reads"),
    [
        ("SELECT * FROM gold.mrt_retention WHERE mail = '@stage' AND note = 'system$cancel'", True),
        ('SELECT system$typeof(a) AS "a@b", $1 FROM t', True),
        ("SELECT $1 FROM @stage/x", False),
        ("SELECT $1 FROM @~/x", False),
        ("SELECT * FROM directory(@files)", False),
        ("SELECT get_presigned_url(@files, 'a')", False),
        ("SELECT system$cancel_query('x')", False),
        ("WITH a AS (SELECT SYSTEM$ABORT_TRANSACTION(1)) SELECT * FROM a", False),
    ],
)
def test_a_query_reads_tables_only(query: str, reads: bool) -> None:
    assert only_reads_tables(query) is reads
