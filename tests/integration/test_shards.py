"""A stream in parts is the stream in one: rows, hashes, child tables, quarantine, accounts, and what goes wrong."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from blocks.settings import Settings
from blocks.sources import reader_for
from blocks.warehouses import open_warehouse
from blocks.warehouses.base import Batch, StreamLoad
from blocks.warehouses.bronze_shards import load_part
from blocks.warehouses.ledger_shards import Shard, loaded, plan, read
from flows.context import Context
from flows.ingest import Result, load_stream
from flows.runs import start
from flows.shards import gathered, split, work
from flows.slots import parse
from governance.errors import HallmarkError, LockedError
from tests.homes import SLOT1, VOLATILE

SOURCES = """
sources:
  drops:
    kind: files
    root: {root}
    owner: data-platform
    streams:
      sales: {{path: "sales/*.csv", settle: 0s}}
      clients: {{path: "clients/*.csv", primary_key: [id], settle: 0s}}
      events: {{path: "events/*.ndjson", max_quarantine_share: 1, settle: 0s}}
      bills: {{path: "bills/*.json", settle: 0s}}
"""
TABLES = ("sales", "clients", "events", "bills")


def drop(root: Path, wave: int = 0) -> None:
    """Files of all streams: alike, of several columns, with rows that cannot be read, with child tables."""
    for folder in TABLES:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for n in range(wave * 6, wave * 6 + 6):
        rows = "".join(f"{n * 100 + i},{n}.50,\n" for i in range(100))
        (root / f"sales/{n}.csv").write_text(f"id,amount,note\n{rows}")
        versions = "".join(f"{i},name {i} of {n}\n" for i in range(n, n + 20))
        (root / f"clients/{n}.csv").write_text(f"id,name\n{versions}")
        lines = [json.dumps({"id": n * 10 + i, "at": "x", **({"more": i} if n % 2 else {})}) for i in range(10)]
        (root / f"events/{n}.ndjson").write_text("\n".join([*lines, '{"id": broken'] if n == 3 else lines) + "\n")
        bill = {"number": n, "lines": [{"sku": f"s{i}", "price": i + 0.25} for i in range(n + 1)]}
        (root / f"bills/{n}.json").write_text(json.dumps([bill]))
    (root / "sales/same.csv").write_bytes((root / "sales/0.csv").read_bytes())


@pytest.fixture
def whole(settings: Settings, tmp_path: Path) -> Context:
    return context_of(settings, tmp_path)


def context_of(settings: Settings, folder: Path, attempt: int = 1) -> Context:
    sources = folder / "sources.yml"
    sources.write_text(SOURCES.format(root=folder / "drops"))
    return Context(settings, sources, Batch("run-1", parse(SLOT1), attempt))


def apart(context: Context, folder: Path, **more: Any) -> Context:
    """The same files by a run of another home, which splits every stream in three."""
    other = {"home": folder / "apart", "shards": 3, "shard_bytes": 1, **more}
    if context.settings.profile == "snowflake":
        other["snowflake_database"] = f"T{uuid.uuid4().hex}".upper()
    return context_of(context.settings.model_copy(update=other), folder)


def begun(context: Context) -> Context:
    with open_warehouse(context.settings) as warehouse:
        start(warehouse, context.batch, shared=True)
    return context


def ingest(context: Context) -> list[Result]:
    begun(context)
    return [result for name in TABLES for result in load_stream("drops", name, context)]


def content(context: Context) -> dict[str, Any]:
    """All that a reader of bronze, or of the accounts, can see."""
    with open_warehouse(context.settings) as warehouse:
        found: dict[str, Any] = {
            name: sorted(
                repr(sorted((k, v) for k, v in row.items() if k not in VOLATILE))
                for row in warehouse.query(f"SELECT * FROM bronze.{name}")
            )
            for name in (*warehouse.tables("bronze"), *warehouse.tables("bronze", views=True))
        }
        numbers = "rows_read, rows_published, rows_unchanged, rows_quarantined"
        for key, sql in {
            "loads": f"SELECT identity, status, {numbers} FROM ops.loads",
            "quarantine": "SELECT stream, position, reason_code, raw FROM ops.quarantine",
        }.items():
            found[key] = sorted(map(repr, warehouse.execute(sql)))
        assert not [t for t in warehouse.tables("bronze__staging") if "$shard" in t], "nothing of the parts is left"
        return found


def test_a_stream_in_parts_is_the_stream_in_one(whole: Context, tmp_path: Path) -> None:
    parts = apart(whole, tmp_path)
    for wave in (0, 1):
        drop(tmp_path / "drops", wave)
        results = [[{k: v for k, v in r.items() if k not in ("seconds", "started_at")} for r in ingest(c)]
                   for c in (whole, parts)]  # fmt: skip
        assert results[0] == results[1]
        assert all(r["published"] for r in results[0])
    assert content(parts) == content(whole)
    with open_warehouse(parts.settings) as warehouse:
        statuses = warehouse.execute("SELECT stream, status, count(*) FROM ops.shards GROUP BY ALL ORDER BY 1")
    assert statuses == [(name, "loaded", 3) for name in sorted(TABLES)]


def test_parts_of_other_columns_are_read_again_together(whole: Context, tmp_path: Path) -> None:
    drop(tmp_path / "drops")
    for n, column in enumerate(("a", "b", "a")):  # the types of a JSON column differ: the whole has it as text
        value = {"a": n, "b": f"text {n}"}[column]
        (tmp_path / f"drops/events/{n}.ndjson").write_text(json.dumps({"id": n, "odd": value}) + "\n")
    parts = apart(whole, tmp_path)
    for context in (whole, parts):
        ingest(context)
    assert content(parts) == content(whole)


def test_a_lost_part_is_done_again_alone(whole: Context, tmp_path: Path) -> None:
    drop(tmp_path / "drops")
    context, load = planned(apart(whole, tmp_path))
    work("drops", "sales", 0, context)
    first = shards_of(context, load)
    work("drops", "sales", 0, context)
    assert shards_of(context, load) == first, "what is loaded is left"
    assert [s.facts is None for s in first] == [False, True, True]
    for number in (1, 2):
        work("drops", "sales", number, context)
    assert all(s.facts for s in shards_of(context, load))


def test_a_try_that_was_taken_for_lost_changes_nothing_of_the_next(whole: Context, tmp_path: Path) -> None:
    """It had looked whether the part is loaded before the next try was; it goes on, and loads it as well."""
    drop(tmp_path / "drops")
    context, load = planned(apart(whole, tmp_path))
    before = shards_of(context, load)
    for number in range(3):
        work("drops", "sales", number, context)
    first = shards_of(context, load)
    spec = context.sources["drops"]
    reader = reader_for(spec)
    late = replace(load, stream=reader.resolve(load.stream))
    manifests = [m for i in before[0].load_ids if (m := context.landing.described("drops", "sales", i))]
    with open_warehouse(context.settings) as warehouse:
        half = reader.extract(late.stream, manifests[:1], context.landing, {})
        facts = load_part(warehouse, late, half, manifests[:1], 0)
        loaded(warehouse.execute, late, 0, {"": facts})
    assert shards_of(context, load) == first
    with open_warehouse(context.settings) as warehouse:
        found = gathered(
            warehouse, load, [context.landing.described("drops", "sales", p.load_id) for p in load.planned], first
        )
        counts = [warehouse.execute(f"SELECT count(*), count(DISTINCT id) FROM {t}")[0] for t in found.tables]
    assert [sum(c) for c in zip(*counts, strict=True)] == [600, 600]


def test_a_part_of_a_run_that_is_over_loads_nothing(whole: Context, tmp_path: Path) -> None:
    drop(tmp_path / "drops")
    context, load = planned(apart(whole, tmp_path))
    with open_warehouse(context.settings) as warehouse:
        again = StreamLoad(load.source, load.stream, Batch("run-2", load.batch.slot), load.planned)
        plan(warehouse.execute, again, [[p.load_id for p in load.planned]])
    with pytest.raises(LockedError, match="planned the stream anew"):
        work("drops", "sales", 0, context)


def test_a_file_that_changed_since_it_was_named_is_not_taken_for_it(whole: Context, tmp_path: Path) -> None:
    drop(tmp_path / "drops")
    context, _ = planned(apart(whole, tmp_path))
    for file in (tmp_path / "drops/sales").glob("*.csv"):
        file.write_text("id,amount,note\n1,2,3\n")
    with pytest.raises(HallmarkError, match="changed"):
        work("drops", "sales", 0, context)
    (tmp_path / "drops/sales/same.csv").unlink()
    assert all(r["status"] == "published" for r in load_stream("drops", "sales", context))


def test_a_part_imports_neither_great_expectations_nor_dbt(tmp_path: Path) -> None:
    drop(tmp_path / "drops")
    context, _ = planned(apart(context_of(Settings(home=tmp_path), tmp_path), tmp_path))
    code = (
        "import sys; from pathlib import Path; from flows.shard import shard; from flows.shards import work; "
        "from flows.context import make_context\n"
        f"work('drops', 'sales', 1, make_context('{SLOT1}', '{context.sources_file}', None, 'run-1'))\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('great_expectations', 'dbt', 'metadata')])"
    )
    more = {"HALLMARK_HOME": str(context.settings.home), "HALLMARK_SHARDS": "3", "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-P", "-c", code], env=more, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr[-2000:]


@pytest.mark.parametrize(
    ("sizes", "most", "size", "expected"),
    [
        ([5, 5, 5, 5], 4, 100, [[5, 5, 5, 5]]),
        ([5, 5, 5, 5], 4, 10, [[5, 5], [5, 5]]),
        ([9, 1, 1, 1], 2, 1, [[9], [1, 1, 1]]),
        ([1], 8, 1, [[1]]),
        ([0, 0, 0], 2, 1, [[0, 0, 0]]),
        ([], 4, 1, []),
    ],
)
def test_parts_are_of_about_one_size(sizes: list[int], most: int, size: int, expected: list[list[int]]) -> None:
    from blocks.sources.base import Planned

    found = split([Planned(str(n), size=s) for n, s in enumerate(sizes)], most, size)
    assert [[p.size for p in part] for part in found] == expected


def planned(context: Context) -> tuple[Context, StreamLoad]:
    """A run that has planned the stream in three parts, and has come no further."""
    from flows import load

    begun(context)
    spec = context.sources["drops"]
    reader, found = reader_for(spec), StreamLoad("drops", spec.streams["sales"], context.batch, ())
    found = load.plan(reader, found, context)
    parts = split(found.planned, 3, 1)
    for item in found.planned:
        context.landing.clear_copy(item.copy)
    with open_warehouse(context.settings) as warehouse:
        plan(warehouse.execute, found, [[p.load_id for p in part] for part in parts])
    return context, found


def shards_of(context: Context, load: StreamLoad) -> list[Shard]:
    with open_warehouse(context.settings) as warehouse:
        return read(warehouse.execute, load)
