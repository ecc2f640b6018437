"""`blocks/diff/named.py`: what a table is called, and that no password is a part of what is shown."""

from __future__ import annotations

import pytest

from blocks.diff.named import named
from governance.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "label", "place", "where", "table"),
    [
        ("gold.t", "gold.t", "home", "", "gold.t"),
        ("crm.projects", "crm.projects", "source", "crm", "projects"),
        ("postgres:crm.public.projects", "postgres:crm.public.projects", "source", "crm", "public.projects"),
        ("duckdb:/a/b.duckdb#gold.t", "duckdb:/a/b.duckdb#gold.t", "duckdb", "/a/b.duckdb", "gold.t"),
        ("snowflake:PROD#gold.t", "snowflake:PROD#gold.t", "snowflake", "PROD", "gold.t"),
        ("a/b.CSV", "b.CSV", "file", "a/b.CSV", ""),
        ("postgres://u:p@h/d#s.t", "postgres://h/d#s.t", "postgres", "postgres://u:p@h/d", "s.t"),
        (
            "${U}?password=p4ss#s.t",
            "postgres://h:1/d#s.t",
            "postgres",
            "postgres://u:p4s@/s@h:1/d?password=p4ss",
            "s.t",
        ),
    ],
)
def test_a_table_is_found_by_its_name(
    text: str, label: str, place: str, where: str, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("U", "postgres://u:p4s@/s@h:1/d")
    found = named(text, ("crm",))
    assert (found.label, found.place, found.where, found.table) == (label, place, where, table)


@pytest.mark.parametrize(
    "text", ["t", "postgres://u:p4ss@h/d", "postgres://u:p4ss@h/d#t", "duckdb:b.duckdb", "${NO}#s.t"]
)
def test_what_has_no_form_is_said_without_its_password(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        named(text)
    assert "p4ss" not in str(caught.value)
