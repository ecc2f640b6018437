"""Reads JSON files as a stream of files reads them: dropped, landed, extracted."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from blocks.landing import Landing
from blocks.sources.base import Reject, Since
from blocks.sources.files import FilesReader
from blocks.sources.spec import SourceSpec, StreamSpec

Row = dict[str, Any]


def read(folder: Path, files: dict[str, bytes], **options: object) -> tuple[dict[str, str], list[Row], list[Reject]]:
    """Types by column, the rows with their positions, and the rejects of files that are dropped and landed."""
    root = folder / "in"
    root.mkdir(exist_ok=True)
    for name, content in files.items():
        (root / name).write_bytes(content)
    stream = StreamSpec.model_validate({"name": "c", "path": "*", "settle": "0s", **options})
    reader = FilesReader(SourceSpec(name="drops", kind="files", owner="x", root=str(root), streams={"c": stream}))
    landing = Landing(folder / "landing")
    planned = reader.plan(stream, Since(None, {}, {}), datetime.now(UTC), landing)
    manifests = [reader.land(stream, p, landing) for p in planned]
    extract = reader.extract(stream, manifests, landing, {"": ()})
    connection = duckdb.connect()
    connection.execute(f"CREATE TABLE t AS {extract.sql}")
    result = connection.execute("SELECT * EXCLUDE (_load_id) FROM t ORDER BY rowid")
    names = [d[0] for d in result.description or ()]
    rows = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    return {c.name: c.type for c in extract.columns}, rows, list(extract.rejects(connection))
