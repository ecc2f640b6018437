"""Values of personal columns, as they are shown to whoever may not see them."""

import duckdb
import pytest

from governance.masks import checked, masked_sql


@pytest.mark.parametrize(
    ("value", "kind", "shown"),
    [
        ("Jane Doe", "name", "*****"),
        ("jane@example.com", "name", "*****"),
        ("jane@example.com", "email", "*****@example.com"),
        ("jane@mail.example.co.uk", "email", "*****@mail.example.co.uk"),
        ("jane@example.com, bob@x.org", "email", "*****"),
        ("Jane <jane@example.com>", "email", "*****"),
        ("@jane says hello", "email", "*****"),
        ("jane", "email", "*****"),
        ("", "email", "*****"),
        ("it's", "personal", "*****"),
        (None, "name", None),
        (None, "email", None),
    ],
)
def test_what_is_shown(value: str | None, kind: str, shown: str | None) -> None:
    [(given,)] = duckdb.execute(f"SELECT {masked_sql('v', kind)} FROM (SELECT ?::VARCHAR AS v)", [value]).fetchall()
    assert checked(given, kind) == shown
