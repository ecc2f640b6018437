"""The real inputs of `../shared/inputs`: which stream takes which file, and what Hallmark made of each.

Nothing here is about one file: files and facts come from MANIFEST.tsv and truth.tsv.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import yaml

from tests.homes import Home

INPUTS = Path(__file__).resolve().parents[3] / "shared" / "inputs"
DOCUMENTS = ("email", "pdf", "office", "image", "archive")
NORTHWIND = "northwind"
OWN = ("_load_id", "_source_position", "_extracted_at", "_row_hash", "_deleted_at")


@dataclass(frozen=True)
class Input:
    """One file of MANIFEST.tsv with its facts."""

    path: str
    kind: str
    expectation: str
    must: str
    facts: dict[str, str] = field(default_factory=dict, hash=False)


def inputs() -> dict[str, Input]:
    """Every file, by its path; none where the inputs are not there."""
    if not INPUTS.is_dir():
        return {}
    found = {
        r["path"]: Input(r["path"], r["kind"], r["expectation"], r["what_a_good_ingester_must_do"])
        for r in _tsv("MANIFEST.tsv")
        if r["kind"] != "kind" and r["expectation"] != "support"
    }
    for row in _tsv("truth.tsv"):
        if row["path"] in found:
            found[row["path"]].facts[row["metric"]] = row["value"]
    return found


def _tsv(name: str) -> Iterator[dict[str, str]]:
    with (INPUTS / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


def streams_of(files: dict[str, Input]) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """path → (source, stream, its options). Tables of one header share a stream; a JSON document has its own."""
    found: dict[str, tuple[str, str, dict[str, Any]]] = {}
    headers: dict[str, str] = {}
    for number, one in enumerate(files.values()):
        folder = "/".join(one.path.split("/")[:2])
        name = folder.replace("/", "_").replace("__", "_").replace("-", "_").lower()
        suffix = one.path.rpartition(".")[2]
        if one.kind in ("csv", "dbt_seeds"):
            line = one.facts.get("csv.first_line", "")
            stream = headers.setdefault(line if 0 < len(line) < 200 else one.path, f"f{number}")
            found[one.path] = ("tables", stream, {"path": f"{stream}/**/*", "format": "csv"})
        elif one.kind == "json":
            found[one.path] = ("feeds", f"f{number}", {"path": one.path})
        elif one.kind == "partner_api":
            found[one.path] = ("feeds", name, {"path": f"{folder}/**/*.{suffix}"})
        elif one.kind == "xml":
            record = next(m.removeprefix("xml.count:") for m in one.facts if m.startswith("xml.count:"))
            path = f"/{record}" if one.facts["xml.root"] == record else f"/{one.facts['xml.root']}/{record}"
            options = {"path": f"{folder}/**/*.{suffix}", "format": "xml", "record": path}
            found[one.path] = ("feeds", f"{record}s".lower(), options)
        elif one.kind in DOCUMENTS:
            found[one.path] = ("mailroom", one.kind, {"path": f"{one.kind}/**/*"})
    return found


def sources_text(files: dict[str, Input], keys: dict[str, list[str]], folder: Path) -> str:
    """The sources file that takes them all; `keys`: the tables of Northwind with their primary keys.

    Tables are copied below `folder`, those of one stream together.
    """
    kinds = {"tables": "files", "feeds": "files", "mailroom": "documents"}
    sources: dict[str, Any] = {
        name: {"kind": kind, "root": str(INPUTS), "owner": "data-platform", "streams": {}}
        for name, kind in kinds.items()
    }
    sources["tables"]["root"] = str(folder)
    for path, (source, stream, options) in streams_of(files).items():
        sources[source]["streams"][stream] = {**options, "settle": "0s"}
        if source == "tables":
            (folder / stream / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(INPUTS / path, folder / stream / path)
    tables = {table: {"table": f"public.{table}", "primary_key": key} for table, key in keys.items()}
    sources[NORTHWIND] = {
        "kind": "postgres", "url": "${NORTHWIND_URL}", "owner": "data-platform", "streams": tables,
    }  # fmt: skip
    return yaml.safe_dump({"sources": sources}, sort_keys=False)


@dataclass
class Seen:
    """One file as it is in the warehouse."""

    source: str
    stream: str
    status: str = ""
    load_id: str = ""
    columns: list[str] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    """In the order of the file. Of a file of documents: it first, then what it holds."""
    account: tuple[int, int, int, int] = (0, 0, 0, 0)
    """read, published, unchanged, quarantined."""
    quarantine: list[dict[str, Any]] = field(default_factory=list)
    bytes_landed: int = 0


def seen_of(home: Home, files: dict[str, Input]) -> dict[str, Seen]:
    """What became of every file. One that is a duplicate has the rows of the load that it is a duplicate of."""
    found = {path: Seen(source, stream) for path, (source, stream, _) in streams_of(files).items()}
    with duckdb.connect(str(home.path / "warehouse.duckdb"), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        loads = _dicts(connection, "SELECT * FROM ops.loads WHERE path IS NOT NULL OR status = 'published'")
        bad = _dicts(connection, "SELECT * FROM ops.quarantine ORDER BY load_id, byte_from, position")
        for one in (o for o in [*loads, *bad] if o["source"] == "tables"):  # they were copied, stream by stream
            for name in ("path", "position"):
                one[name] = (one.get(name) or "").removeprefix(f"{one['stream']}/")
        for one in loads:
            if not (seen := found.get(one["path"])) or one["stream"] != seen.stream:
                continue
            seen.status, seen.load_id = one["status"], one["load_id"]
            counts = ("rows_read", "rows_published", "rows_unchanged", "rows_quarantined")
            seen.account = tuple(one[c] or 0 for c in counts)  # type: ignore[assignment]
            seen.quarantine = [q for q in bad if q["load_id"] == seen.load_id]
            manifest = home.path / "landing" / seen.source / seen.stream / seen.load_id / "manifest.json"
            if manifest.is_file():
                seen.bytes_landed = sum(p["bytes"] for p in json.loads(manifest.read_text())["parts"])
        tables = {(s.source, s.stream) for s in found.values()}
        for source, stream in sorted(tables):
            exists = connection.execute(
                "SELECT 1 FROM duckdb_views() WHERE schema_name = 'bronze' AND view_name = ?", [f"{source}__{stream}"]
            ).fetchone()
            if not exists:
                continue
            result = connection.execute(f'SELECT * FROM bronze."{source}__{stream}"')
            columns = [d[0] for d in result.description if d[0] not in OWN]
            rows = _read(result)
            mine = [s for s in found.values() if (s.source, s.stream) == (source, stream)]
            for seen in mine:
                seen.rows = sorted((r for r in rows if r["_load_id"] == seen.load_id), key=_number)
                seen.columns = columns
    return found


def _number(row: dict[str, Any]) -> int:
    return int(row["_source_position"].rpartition("#")[2])


def _dicts(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    return _read(connection.execute(sql))


def _read(result: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    names = [d[0] for d in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
