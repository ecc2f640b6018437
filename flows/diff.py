"""Comparing two tables of a home, its sources or elsewhere: which they are, by what key, and what must be masked."""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from blocks.diff import Found, Wanted, compare
from blocks.diff.named import FORMS, Named, named
from blocks.diff.sides import Side, data_file, duckdb_file, postgres_table, snowflake_table
from blocks.settings import Settings
from blocks.sources.naming import bronze_names
from blocks.sources.spec import SourceSpec, load_sources
from blocks.warehouses import is_made, open_warehouse
from blocks.warehouses.base import Batch
from blocks.warehouses.layers import kept_name
from flows import slots
from flows.context import Context, sample_servers, sources_path
from governance.errors import ConfigurationError


@dataclass(frozen=True)
class Compared:
    """What came of it, of which tables, by which key."""

    found: Found
    labels: tuple[str, str]
    key: Sequence[str]

    def as_dict(self) -> dict[str, Any]:
        """As `contract.md` has it; further keys say what was compared."""
        found, matched = self.found, self.found.matched
        counts = {n: getattr(found, n) for n in ("equal", "rows_a", "rows_b", "only_a", "only_b", "changed", "rows")}
        return {
            **counts, "shown": found.shown, "a": self.labels[0], "b": self.labels[1], "key": list(self.key),
            "columns": [p.name for p in matched.pairs], "columns_only_a": list(matched.only[0]),
            "columns_only_b": list(matched.only[1]), "columns_not_comparable": list(matched.apart),
            "key_unique_checked": "differing ranges",
        }  # fmt: skip


def diff(settings: Settings, a: str, b: str, wanted: Wanted, sources: str | None, reveal: bool) -> Compared:
    """Compare two tables.

    Raises ConfigurationError for what is not there, LockedError for a file that a run writes, UnreachableError.
    """
    path = sources_path(sources)
    declared = load_sources(path, fill=False) if path.is_file() else {}
    tables = [named(text, tuple(declared)) for text in (a, b)]
    key = list(wanted.key) or _declared_key(tables, declared)
    personal = {} if reveal else _personal(settings, path, tables)
    if reveal:
        _record(settings, tables)
    tables = [_kept(settings, t) for t in tables]  # before the file is open: it is looked up in another way
    with ExitStack() as opened:
        if any(t.place == "source" for t in tables):
            opened.enter_context(sample_servers(settings))
        one, two = (opened.enter_context(_open(settings, t, path, declared)) for t in tables)
        found = compare(one, two, replace(wanted, key=key, personal=personal))
    return Compared(found, (tables[0].label, tables[1].label), key)


def _declared_key(tables: Sequence[Named], declared: dict[str, SourceSpec]) -> list[str]:
    """The key of the stream that one of the two is, or is bronze's table of."""
    for table in tables:
        source, stream = _stream(table)
        if source in declared and (found := declared[source].streams.get(stream)) and found.primary_key:
            return bronze_names(found.primary_key)
    raise ConfigurationError("the key", "none is given, and none of the two is a stream with one", "give --key COLUMN")


def _stream(table: Named) -> tuple[str, str]:
    if table.by_stream:
        return table.where, table.table
    source, _, stream = table.table.removeprefix("bronze.").partition("__")
    return source, stream


def _personal(settings: Settings, path: Path, tables: Sequence[Named]) -> dict[str, str]:
    """Column → kind, of what dbt's YAML declares of either: it holds for the same column of the other one."""
    batch = Batch("diff", datetime.now(UTC))
    with TemporaryDirectory() as folder:  # dbt writes what it parsed, and a home is not made by a look at tables
        home = settings.home if settings.home.is_dir() else Path(folder)
        known = Context(settings.model_copy(update={"home": home}), path, batch)
        declared = known.declared_protections
    streams = (_stream(t) for t in tables)
    names = {*(t.table for t in tables), *(f"bronze.{source}__{stream}" for source, stream in streams)}
    everything = [p.personal for name, p in declared.items() if name in names]
    return {column: kind for personal in everything for column, kind in personal.items()}


def _record(settings: Settings, tables: Sequence[Named]) -> None:
    """Who asked for personal values; a home that has no warehouse yet has nobody's."""
    if is_made(settings):
        with open_warehouse(settings) as warehouse:
            warehouse.ledger.act(getpass.getuser(), "diff.reveal", " and ".join(t.label for t in tables))


@contextmanager
def _open(settings: Settings, table: Named, path: Path, declared: dict[str, SourceSpec]) -> Iterator[Side]:
    schema, _, name = table.table.partition(".")
    with ExitStack() as opened:
        side: Side
        if table.place == "file":
            if not Path(table.where).is_file():
                raise ConfigurationError(table.label, f"there is no file {table.where}", f"write one of {FORMS}")
            side = opened.enter_context(data_file(table.label, Path(table.where)))
        elif table.place == "duckdb":
            side = opened.enter_context(duckdb_file(table.label, Path(table.where), schema, name))
        elif table.place == "postgres":
            side = opened.enter_context(postgres_table(table.label, table.where, table.table))
        elif table.place == "source":
            url, stored = _of_source(table, path, declared)
            side = opened.enter_context(postgres_table(table.label, url, stored))
        elif table.place == "snowflake":
            snowflake = settings.model_copy(update={"profile": "snowflake"})
            side = opened.enter_context(snowflake_table(table.label, snowflake, f"{table.where}.{schema}", name))
        elif settings.profile == "snowflake":
            side = opened.enter_context(snowflake_table(table.label, settings, schema, name))
        else:
            side = opened.enter_context(duckdb_file(table.label, settings.warehouse_file, schema, name))
        yield side


def _of_source(table: Named, path: Path, declared: dict[str, SourceSpec]) -> tuple[str, str]:
    """(url, `schema.table`) of a stream, or of another table of its database."""
    spec = declared.get(table.where)
    if spec is None or spec.kind != "postgres" or (table.by_stream and table.table not in spec.streams):
        known = [f"{s}.{t}" for s, d in declared.items() if d.kind == "postgres" for t in d.streams]
        cause = "no stream of a database is called so"
        raise ConfigurationError(table.label, cause, f"use one of {', '.join(known)}; of files name the file")
    stored = str(spec.streams[table.table].table) if table.by_stream else table.table
    url = load_sources(path)[table.where].url
    if url is None:
        raise ConfigurationError(table.label, "its source has no url", "write postgres://…#schema.table")
    return url.get_secret_value(), stored


def _kept(settings: Settings, table: Named) -> Named:
    """The copy that is kept of a slot, where it is not what is published now."""
    if table.place != "home":
        return table
    if not is_made(settings):
        raise ConfigurationError(table.label, "this home has no warehouse yet", "run `hallmark run` first")
    if not table.slot:
        return table
    schema, _, name = table.table.partition(".")
    slot = slots.parse(table.slot)
    with open_warehouse(settings) as warehouse:
        warehouse.check_kept(schema, slot)
        copy = kept_name(name, slot)
        there = warehouse.columns(f"{schema}__kept", copy)
    return replace(table, table=f"{schema}__kept.{copy}") if there else table
