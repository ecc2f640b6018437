"""A home under test: run in this process or as the `hallmark` of a shell, and asked as its owner would ask it.

The parts are real: PostgreSQL, files, DuckDB, a Prefect server. Each home has its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from flows.context import SOURCES
from tests.once import once

HALLMARK = [sys.executable, "-P", "-m", "flows.cli"]
SLOT1, SLOT2, SLOT3 = "2026-11-22T00:00:00Z", "2026-11-22T06:00:00Z", "2026-11-22T12:00:00Z"
# What may differ between two runs that loaded the same data.
VOLATILE = {"_load_id", "_extracted_at", "_slot", "_publish_seq", "_deleted_at", "first_slot", "load_id"}
Summary = dict[str, Any]


@dataclass
class Done:
    """What a shell sees of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the one JSON document that it must be."""
        return json.loads(self.out)


@dataclass
class Home:
    """One HALLMARK_HOME, with variables of its own."""

    path: Path
    sources: Path | None = None
    variables: dict[str, str] = field(default_factory=dict)
    summary: Summary = field(default_factory=dict)
    """Of the run that made it."""

    @contextmanager
    def environment(self, **more: str) -> Iterator[None]:
        """This process as a process of the home."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {"HALLMARK_HOME": str(self.path), **self.variables, **more}.items():
                patch.setenv(name, value)
            yield

    def run(self, **arguments: Any) -> Summary:
        """One batch in this process; raises what the batch raises."""
        from flows.batch import batch

        self.with_parse()
        with self.environment():
            state = batch(sources=str(self.sources) if self.sources else None, **arguments, return_state=True)
            result: Any = state.result(raise_on_failure=False)
        if isinstance(result, BaseException):
            raise result
        return dict(result)

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """`hallmark` with these arguments, in an environment that holds nothing else."""
        if self.sources and arguments[0] == "run" and "--sources" not in arguments:
            arguments = ("run", "--sources", str(self.sources), *arguments[1:])
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("HALLMARK_", "PREFECT_"))}
        environment = {**kept, "HALLMARK_HOME": str(self.path), "COLUMNS": "200", **self.variables, **more}
        return subprocess.Popen(
            [*HALLMARK, *arguments], env=environment, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )  # fmt: skip

    def with_parse(self) -> None:
        """Give it dbt's parse of the project, if it has none: 12 s of work, which depends on no home."""
        if not (self.path / "dbt").exists():
            shutil.copytree(parsed(), self.path / "dbt")

    def hallmark(self, *arguments: str, **more: str) -> Done:
        """`hallmark` with these arguments, until it ends."""
        return ended(self.start(*arguments, **more))

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Rows of the warehouse."""
        with duckdb.connect(str(self.path / "warehouse.duckdb")) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            return connection.execute(sql, list(parameters) or None).fetchall()

    def value(self, sql: str, *parameters: object) -> Any:
        """The one value of a query."""
        [[value]] = self.rows(sql, *parameters)
        return value

    def truth(self) -> dict[str, Any]:
        """truth.json of its sample."""
        return dict(json.loads((self.path / "sample" / "truth.json").read_text()))

    def events(self) -> list[dict[str, Any]]:
        """Every line of the file transport."""
        files = sorted((self.path / "events").glob("*.ndjson"))
        return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]

    def ledger_events(self) -> list[dict[str, Any]]:
        """Of them those that the ledger told: incidents are of the state database."""
        return [e for e in self.events() if not e["type"].startswith("hallmark.incident.")]

    def fingerprints(self, *schemas: str, exact: bool = False) -> dict[str, str]:
        """table → checksum of its rows in any order; unless `exact`, without ids and times of loads."""
        found = {}
        tables = self.rows(
            "SELECT schema_name || '.' || table_name, list(column_name ORDER BY column_name) FROM duckdb_columns() "
            "WHERE schema_name IN (SELECT unnest(?::VARCHAR[])) AND database_name = current_database() GROUP BY 1",
            list(schemas or ("bronze", "silver", "gold")),
        )
        for table, columns in tables:
            names = [f'"{c}"' for c in columns if exact or c not in VOLATILE]
            rows = sorted(map(repr, self.rows(f"SELECT {', '.join(names)} FROM {table}")))
            found[table] = f"{len(rows)} rows, {hashlib.sha256(chr(10).join(rows).encode()).hexdigest()[:16]}"
        return found

    def copy(self, to: Path) -> Home:
        """The same home elsewhere, with its own Postgres: what happens to one does not happen to the other."""
        from blocks.sample.programs import place_of

        shutil.copytree(self.path, to, ignore=shutil.ignore_patterns("postgres", "*.lock"))
        place = place_of(to)
        place.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", str(place_of(self.path)), str(place)], check=True)
        state = to / "sample" / "state.json"
        state.write_text(json.dumps({**json.loads(state.read_text()), "postgres": str(place)}))
        return Home(to, self.sources, dict(self.variables), dict(self.summary))

    def after(self, **arguments: Any) -> Home:
        """Itself, after one batch."""
        self.summary = self.run(**arguments)
        return self

    @contextmanager
    def crm(self) -> Iterator[Any]:
        """A connection to the sample's Postgres, as its application has it."""
        import psycopg

        from blocks import sample

        with sample.serving(self.path) as variables, psycopg.connect(variables["CRM_URL"], autocommit=True) as crm:
            crm.execute("SET TimeZone = 'UTC'")
            yield crm

    def unknown_in_landing(self) -> set[str]:
        """Folders of the landing zone that the ledger does not know."""
        known = {load_id for (load_id,) in self.rows("SELECT load_id FROM ops.loads")}
        return {p.name for p in (self.path / "landing").glob("*/*/*")} - known


def parsed() -> Path:
    """The folder `dbt` of a home that dbt has parsed each layer for, once in the session. Only to be copied."""
    folder, _ = once("parsed", _parse)
    return folder / "dbt"


def _parse(home: Path) -> None:
    from blocks.dbt import DbtProject
    from blocks.settings import Settings

    for layer_name in ("all", "silver", "gold"):
        DbtProject(Settings.load(home=home), layer_name).invoke(["parse"])


def once_home(name: str, make: Callable[[Path], Home]) -> Home:
    """The home that `make` makes at a path, once for all workers. Only to be copied."""
    _, home = once(name, lambda folder: make(folder / "home"))
    return home


def without_connectors(folder: Path) -> Path:
    """The repository's sources file without the sources of connectors: each costs seconds a stream."""
    declared = yaml.safe_load(SOURCES.read_text("utf-8"))["sources"]
    kept = {name: body for name, body in declared.items() if body["kind"] != "airbyte"}
    assert 0 < len(kept) < len(declared)
    path = folder / "sources.yml"
    path.write_text(yaml.safe_dump({"sources": kept}, sort_keys=False), encoding="utf-8")
    return path


def ended(process: subprocess.Popen[str]) -> Done:
    """Wait for a process."""
    out, err = process.communicate(timeout=300)
    return Done(process.returncode, out, err)


def stream(summary: Summary, name: str) -> dict[str, Any]:
    """A stream of a summary, by `source.stream`."""
    [found] = [s for s in summary["streams"] if f"{s['source']}.{s['stream']}" == name]
    return dict(found)


def layer(summary: Summary, name: str) -> dict[str, Any]:
    """A layer of a summary."""
    [found] = [x for x in summary["layers"] if x["layer"] == name]
    return dict(found)


def holding(folder: Path, words: Mapping[str, str]) -> list[str]:
    """Files below a folder that hold one of these secrets: `<file>: <its name>`."""
    return [
        f"{file.relative_to(folder)}: {name}"
        for file in sorted(folder.rglob("*"))
        if file.is_file()
        for name, word in words.items()
        if word.encode() in file.read_bytes()
    ]
