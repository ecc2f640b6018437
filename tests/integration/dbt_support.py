"""A small warehouse made by hand for the tests of the dbt project: bronze and ledger written directly, dbt run on it.

No ingestion: what bronze holds is exactly what a test says.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from blocks.migrate import migrate_duckdb
from tests.homes import parsed

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "dbt"
TYPED = {
    "id": "BIGINT", "date_project_updated": "TIMESTAMPTZ", "updated_at": "TIMESTAMPTZ", "person_id": "BIGINT",
    "hired_on": "DATE", "work_date": "DATE", "_extracted_at": "TIMESTAMPTZ", "_deleted_at": "TIMESTAMPTZ",
}  # fmt: skip
"""Types of the source's columns that are not text; `people.team_id` is a bigint, `projects.team_id` text."""
AGENCY = ("drops__customers", "crm__projects", "crm__teams", "crm__people", "crm__time_entries")
"""The tables that the agency always has."""


def declared(table: str) -> dict[str, str | None]:
    """column → type, or None where none is given, of what the dbt project declares of a bronze table."""
    document = yaml.safe_load((PROJECT / "models" / "bronze" / "sources.yml").read_text(encoding="utf-8"))
    tables = {t["name"]: t for s in document["sources"] for t in s["tables"]}
    return {c["name"]: c.get("data_type") for c in tables[table]["columns"]}


def run_dbt(home: Path, *arguments: str, **variables: object) -> Any:
    """dbt's result of a command, in this process, on the warehouse of a home; an error fails the test."""
    from dbt.cli.main import dbtRunner

    folder = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--target", "duckdb"]
    places = ["--target-path", str(home / "dbt"), "--log-path", str(home / "logs")]
    # A run's values as a batch gives them: dbt parses everything anew whenever a var changes.
    values = {"slot": "2026-11-22T06:00:00Z", **variables}
    environment = {f"DBT_RUN_{name.upper()}": str(value) for name, value in values.items()}
    with set_environment({**environment, "HALLMARK_HOME": str(home)}):
        result = dbtRunner(parsed_manifest()).invoke(["--quiet", "--log-level", "none", *arguments, *folder, *places])
    results = getattr(result.result, "results", [])
    failed = [f"{r.node.name}: {r.message}" for r in results if r.status in ("error", "fail")]
    assert result.success, f"{result.exception or ''} {failed}"
    return result.result


def parsed_manifest() -> Any:
    """The project as it was parsed once in the session, for one call of dbt to work on: another takes 5 s a home."""
    from dbt.contracts.graph.manifest import Manifest
    from dbt.parser.manifest import PARTIAL_PARSE_FILE_NAME, extended_mashumuro_decoder

    found = (parsed() / "all" / PARTIAL_PARSE_FILE_NAME).read_bytes()
    manifest = Manifest.from_msgpack(found, decoder=extended_mashumuro_decoder)
    manifest.build_flat_graph()
    return manifest


@contextmanager
def set_environment(values: Mapping[str, str]) -> Iterator[None]:
    """These variables, for the time of a block."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setenv(name, value)
        yield


def compile_inline(home: Path, sql: str) -> str:
    """SQL with the project's macros, as it runs on DuckDB."""
    result = run_dbt(home, "compile", "--no-introspect", "--inline", sql)
    return str(result.results[0].node.compiled_code)


class Warehouse:
    """A DuckDB file in a home of its own, and dbt on it. `tables` are those that bronze has from the start."""

    def __init__(self, home: Path, tables: Sequence[str] = AGENCY) -> None:
        self.home = home
        self.file = home / "warehouse.duckdb"
        home.mkdir(parents=True, exist_ok=True)
        self.published = 0  # publish_seq of the newest load
        with self.connect() as connection:
            migrate_duckdb(connection)
            connection.execute("CREATE SCHEMA bronze")
        for table in tables:
            self.create(table)

    def create(self, table: str, *without: str) -> None:
        """An empty bronze table as it is declared, without some of its columns."""
        columns = [f'"{c}" {t or self._type(table, c)}' for c, t in declared(table).items() if c not in without]
        with self.connect() as connection:
            connection.execute(f"CREATE TABLE bronze.{table} ({', '.join(columns)})")

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The file, opened for the block only: dbt opens it too."""
        connection = duckdb.connect(str(self.file))
        try:
            connection.execute("SET TimeZone = 'UTC'")
            yield connection
        finally:
            connection.close()

    def copy(self, home: Path) -> Warehouse:
        """The same warehouse in another home."""
        with self.connect() as connection:
            connection.execute("CHECKPOINT")
        shutil.copy(self.file, home)
        return self.at(home)

    def at(self, home: Path) -> Warehouse:
        """The same warehouse, whose file another home holds already."""
        other = Warehouse.__new__(Warehouse)
        other.home, other.file, other.published = home, home / self.file.name, self.published
        return other

    def load(
        self, table: str, rows: Sequence[Mapping[str, Any]], slot: str = "2026-11-22T00:00:00Z", path: str | None = None
    ) -> str:
        """Publish a load: rows of a file are added, rows of a keyed table replace those of the same id. Its load_id."""
        self.published += 1
        load_id = f"load-{self.published}"
        source, stream = table.split("__", 1)
        with self.connect() as connection:
            connection.execute(
                "INSERT INTO ops.loads (load_id, run_id, attempt, slot, source, stream, identity, started_at, status,"
                " publish_seq, path) VALUES (?, 'run', 1, ?, ?, ?, ?, ?, 'published', ?, ?)",
                [load_id, slot, source, stream, load_id, slot, self.published, path],
            )
            for number, row in enumerate(rows, 1):
                values = {
                    **row, "_load_id": load_id, "_source_position": f"{path or table}#{number}",
                    "_extracted_at": slot, "_row_hash": repr(sorted(row.items())),
                }  # fmt: skip
                if "id" in row:
                    connection.execute(f"DELETE FROM bronze.{table} WHERE id = ?", [row["id"]])
                names = ", ".join(f'"{c}"' for c in values)
                marks = ", ".join("?" * len(values))
                connection.execute(f"INSERT INTO bronze.{table} ({names}) VALUES ({marks})", list(values.values()))
        return load_id

    def dbt(self, *arguments: str, **variables: object) -> None:
        """Run a dbt command in this process; the test fails with dbt's own messages."""
        run_dbt(self.home, *arguments, **variables)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """The rows of a query, by column name."""
        with self.connect() as connection:
            result = connection.execute(sql)
            names = [d[0] for d in result.description or ()]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def one(self, sql: str) -> dict[str, Any]:
        """The single row of a query."""
        (row,) = self.rows(sql)
        return row

    @staticmethod
    def _type(table: str, column: str) -> str:
        if table == "crm__people" and column == "team_id":
            return "BIGINT"
        return TYPED.get(column, "VARCHAR")
