"""A large stream in parts that are landed and loaded side by side, each by a process of its own; see `shard.py`.

Whoever planned the stream splits it, waits for the parts and goes on with what they made: gate and publish are its own.
A part that is lost is done again alone. Where the parts do not fit together, or one of them fails by its data, the
stream is done as if it had not been split, so that result and errors are the same.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import replace

from blocks import interrupt
from blocks.sources import reader_for
from blocks.sources.base import Manifest, Planned, Reader
from blocks.sources.extracts import Extract
from blocks.sources.spec import StreamSpec
from blocks.warehouses import open_warehouse
from blocks.warehouses.base import StreamLoad
from blocks.warehouses.bronze_shards import gather, load_part
from blocks.warehouses.ledger_shards import Shard, loaded, plan, read
from blocks.warehouses.sql import SqlWarehouse
from flows.context import Context
from governance.errors import HallmarkError, LockedError

LOG = logging.getLogger("hallmark")


def split(planned: Sequence[Planned], most: int, size: int) -> list[list[Planned]]:
    """Parts of about the same size, `most` at most, of no less than `size` bytes each if there is more than one."""
    total = sum(p.size or 0 for p in planned)
    count = max(1, min(most, len(planned), math.ceil(total / size)))
    parts: list[list[Planned]] = [[] for _ in range(count)]
    sizes = [0] * count
    for item in sorted(planned, key=lambda p: -(p.size or 0)):
        smallest = sizes.index(min(sizes))
        parts[smallest].append(item)
        sizes[smallest] += item.size or 1
    return [p for p in parts if p]


def landed_by_parts(load: StreamLoad, context: Context) -> tuple[list[Manifest], list[Shard]]:
    """Land and load a large stream by parts; nothing of a stream that is not large, or where a part fails."""
    settings = context.settings
    parts = split(load.planned, settings.shards, settings.shard_bytes)
    if len(parts) < 2:
        return [], []
    for item in load.planned:  # each part copies its own files
        context.landing.clear_copy(item.copy)
    with open_warehouse(settings) as warehouse, warehouse.transaction():
        plan(warehouse.execute, load, [[p.load_id for p in part] for part in parts])
    name = f"{load.source}.{load.stream.name}"
    LOG.info("%s: %d loads in %d parts", name, len(load.planned), len(parts))
    try:
        _execute(load, len(parts), context)
    except HallmarkError as error:
        LOG.warning("%s is done in one: %s: %s", name, error.what, error.cause)
        return [], []
    with open_warehouse(settings) as warehouse:
        shards = read(warehouse.execute, load)
    place = (load.source, load.stream.name)
    found = [context.landing.described(*place, p.load_id) for p in load.planned]
    manifests = [m for m in found if m is not None]
    if len(manifests) < len(found) or not all(s.facts for s in shards):
        LOG.warning("%s is done in one: not all of its parts are there", name)
        return [], []
    with open_warehouse(settings) as warehouse:
        warehouse.ledger.landed({m.load_id: sum(p.bytes for p in m.parts) for m in manifests})
    return manifests, shards


def gathered(
    warehouse: SqlWarehouse, load: StreamLoad, manifests: Sequence[Manifest], shards: Sequence[Shard]
) -> Extract | None:
    """What the parts loaded as one extract, its child tables within; None where they are not alike."""
    found = gather(warehouse, load, manifests, shards)
    if found is None:
        return None
    children: dict[str, Extract] = {}
    for name in next(iter(found.parts.values()))["children"]:
        below = child_of(load, name)
        child = gather(warehouse, below, [m.child(name) for m in manifests], shards, name)
        if child is None:
            return None
        children[name] = child
    found.children = children
    return found


def child_of(load: StreamLoad, name: str) -> StreamLoad:
    """The load of a child table, before it is planned; no share of it is too much: its rows go with their records."""
    stream = StreamSpec(
        name=f"{load.stream.name}__{name}", path=load.stream.path, schema_policy=load.stream.schema_policy,
        max_quarantine_share=1,
    )  # fmt: skip
    return StreamLoad(load.source, stream, load.batch, (), parent=load)


def work(source: str, stream: str, number: int, context: Context) -> int:
    """Land and load one part; how many loads it has. One that is loaded already is left.

    Raises LockedError for a part of a run that is over.
    """
    spec = context.sources[source]
    reader: Reader = reader_for(spec)
    load = StreamLoad(source, reader.resolve(spec.streams[stream]), context.batch, ())
    with open_warehouse(context.settings) as warehouse:
        mine = _mine(warehouse, load, number)
        since = warehouse.ledger.since(source, stream)
        known = warehouse.ledger.schemas(source, stream)
    if mine.facts is not None:
        return len(mine.load_ids)
    planned = [p for p in since.unfinished if p.load_id in set(mine.load_ids)]
    manifests = []
    for item in planned:
        manifests.append(reader.land(load.stream, replace(item, columns=since.columns), context.landing))
        interrupt.look()
    extract = reader.extract(load.stream, manifests, context.landing, known)
    with open_warehouse(context.settings) as warehouse:
        facts = {"": load_part(warehouse, load, extract, manifests, number)}
        for name, child in extract.children.items():
            of_child = [m.child(name, child.columns) for m in manifests]
            facts[name] = load_part(warehouse, child_of(load, name), child, of_child, number)
        interrupt.look()
        with warehouse.transaction():
            _mine(warehouse, load, number)
            loaded(warehouse.execute, load, number, facts)
    for item in planned:
        context.landing.release(source, stream, item.load_id)
    return len(planned)


def _mine(warehouse: SqlWarehouse, load: StreamLoad, number: int) -> Shard:
    found = next((s for s in read(warehouse.execute, load) if s.number == number), None)
    if found is None:
        what = f"part {number} of stream {load.source}.{load.stream.name}"
        raise LockedError(what, "another run has planned the stream anew", "nothing is to be done here")
    return found


def _execute(load: StreamLoad, count: int, context: Context) -> None:
    if context.settings.shard_executor == "inline":
        for number in range(count):
            work(load.source, load.stream.name, number, context)
        return
    from flows.shard_runs import run_all

    run_all(load, count, context)
