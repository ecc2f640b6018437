"""What a person calls a table, and which it is: the forms that docs/operations.md lists. Nothing is opened here."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from governance.errors import ConfigurationError

FORMS = (
    "bronze.t, gold.t, gold.t@SLOT, source.stream, postgres:source.schema.table, postgres://…#schema.table, "
    "duckdb:FILE#schema.table, snowflake:DATABASE#schema.table, or a Parquet or CSV file"
)
SUFFIXES = (".parquet", ".csv", ".tsv")


@dataclass(frozen=True)
class Named:
    """A table by its name."""

    label: str
    """Without a secret."""
    place: Literal["home", "source", "postgres", "duckdb", "snowflake", "file"]
    table: str
    """`schema.table`; of a source its stream, or `schema.table` of its database."""
    where: str = ""
    """The source, url, file or database."""
    slot: str = ""
    by_stream: bool = False
    """Whether `table` is a stream."""


def named(text: str, sources: tuple[str, ...] = ()) -> Named:
    """The table of a name; `${VAR}` is filled from the environment. Raises ConfigurationError for one of no form."""
    given = re.sub(r"\$\{(\w+)\}", _variable, text)
    place, hash_, table = given.rpartition("#")
    if given.startswith(("postgres://", "postgresql://")):
        shown = re.sub(r"//.*@", "//", place).partition("?")[0] if hash_ else "postgres://…"  # no password is shown
        return Named(f"{shown}#{_two(table if hash_ else '', shown)}", "postgres", table, place)
    for kind in ("duckdb", "snowflake"):
        if given.startswith(f"{kind}:"):
            return Named(text, kind, _two(table if hash_ else "", text), place.removeprefix(f"{kind}:"))
    if given.startswith("postgres:"):
        source, _, table = given.removeprefix("postgres:").partition(".")
        return Named(text, "source", _two(table, text), source)
    if given.lower().endswith(SUFFIXES):
        return Named(Path(given).name, "file", "", given)
    table, at, slot = given.partition("@")
    schema, _, name = _two(table, text).partition(".")
    if schema in sources and not at:
        return Named(text, "source", name, schema, by_stream=True)
    return Named(text, "home", table, slot=slot)


def _two(table: str, text: str) -> str:
    schema, dot, name = table.partition(".")
    if not (schema and dot and name):
        raise ConfigurationError(f"table {text}", "it has no schema and name", f"write one of {FORMS}")
    return table


def _variable(found: re.Match[str]) -> str:
    if found[1] not in os.environ:
        raise ConfigurationError(f"${{{found[1]}}}", "the variable is not set", "set it")
    return os.environ[found[1]]
