"""Hallmark's own way of one stream into bronze, by the steps of `flows/load.py`, without the gate and without Prefect.

A new home each time: plan, land, stage, publish, with ledger, cursor and events. The gate is measured in `gate.py`, the
whole of a batch in `batch.py`, the way to Snowflake in `warehouses.py`.
"""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import child
from blocks.settings import Settings
from blocks.sources import reader_for
from blocks.sources.base import Manifest, Reader
from blocks.sources.spec import load_sources
from blocks.warehouses import open_warehouse
from blocks.warehouses.base import Batch, StreamLoad
from flows.context import SOURCES, Context
from flows.load import after_publish, land, plan, publish, stage

SLOT = datetime(2026, 11, 22, 6, tzinfo=UTC)


def files(pattern: str, **stream: Any) -> dict[str, Any]:
    """A source of one stream of files, of which none need rest before it is taken."""
    path = Path(pattern)
    one = {"path": path.name, "settle": 0, **stream}
    return {"kind": "files", "root": str(path.parent), "owner": "bench", "streams": {"rows": one}}


def documents(root: str) -> dict[str, Any]:
    """A mailroom."""
    one = {"path": "**/*", "settle": 0, "max_quarantine_share": 1}
    return {"kind": "documents", "root": root, "owner": "bench", "streams": {"rows": one}}


def tables(listed: str) -> dict[str, Any]:
    """Tables of the Postgres of `stores.py`, by a comma between them."""
    streams = {name: {"table": f"public.{name}"} for name in listed.split(",")}
    return {"kind": "postgres", "url": "${BENCH_POSTGRES}", "owner": "bench", "streams": streams}


def connector(count: str) -> dict[str, Any]:
    """Airbyte's source-faker; its environment is in HALLMARK_HOME, which is not the measured home."""
    config = {"count": int(count), "seed": 7}
    return {
        "kind": "airbyte", "connector": load_sources(SOURCES, fill=False)["ads"].connector, "config": config,
        "owner": "bench", "streams": {"users": {}},
    }  # fmt: skip


class Bare(Context):
    """A run without a dbt project, whose parse is no part of a load: bronze has the tests of its shape."""

    declared_tests = ()
    datasets = ()


def begin(source: dict[str, Any], home: Path) -> Context:
    """A batch of the source `bench` in a new home."""
    (home / "sources.yml").write_text(json.dumps({"sources": {"bench": source}}))
    context = Bare(Settings.load(home=home), home / "sources.yml", Batch(str(uuid.uuid4()), SLOT, 1))
    with open_warehouse(context.settings) as warehouse, warehouse.transaction():
        warehouse.ledger.start_batch(context.batch)
    return context


def landed(name: str, context: Context) -> tuple[Reader, StreamLoad, list[Manifest]]:
    """The first steps of a stream."""
    spec = context.sources["bench"]
    reader = reader_for(spec)
    load = plan(reader, StreamLoad("bench", reader.resolve(spec.streams[name]), context.batch, ()), context)
    return reader, load, land(reader, load, context)


def bring(source: dict[str, Any], home: Path, at_once: int = 1) -> int:
    """All streams of a source into bronze of a new home; the rows that are published there."""
    context = begin(source, home)

    def one(name: str) -> int:
        reader, load, manifests = landed(name, context)
        with open_warehouse(context.settings) as warehouse:
            ready = stage(warehouse, reader, load, manifests, context)
        accounts = publish(ready, context)
        after_publish(ready, context)
        return sum(a.published for a in accounts[0].values())

    with ThreadPoolExecutor(at_once) as pool:
        return sum(pool.map(one, context.sources["bench"].streams))


WORKS: dict[str, child.Work] = {
    "csv": lambda source, home: bring(files(source), home),
    "ndjson": lambda source, home: bring(files(source, format="json"), home),
    "parquet": lambda source, home: bring(files(source), home),
    "xml": lambda source, home: bring(files(source, record="/Invoices/Invoice"), home),
    "postgres": lambda source, home: bring(tables(source), home),
    "postgres2": lambda source, home: bring(tables(source), home, at_once=2),
    "documents": lambda source, home: bring(documents(source), home),
    "airbyte": lambda source, home: bring(connector(source), home),
}

if __name__ == "__main__":
    child.main(WORKS)
