"""What a person takes of a stream: a load that is held, or a new shape, where what bronze had is kept beside it.

A pure decision and one short write. The next run reads the stream by the shape that is known from then on.
"""

from __future__ import annotations

import getpass
import re
from collections.abc import Collection, Sequence

from blocks.landing import open_landing
from blocks.lock import exclusive
from blocks.settings import Settings
from blocks.sources.base import ColumnSpec, Manifest
from blocks.sources.naming import quote
from blocks.sources.spec import SourceSpec, load_sources
from blocks.warehouses import open_warehouse
from blocks.warehouses.base import StreamLoad
from blocks.warehouses.schema import evolve
from blocks.warehouses.sql import SqlWarehouse
from flows.capacity import kind_of
from flows.context import select_streams, sources_path
from flows.incidents import noted
from flows.runs import part
from governance.errors import ConfigurationError, SourceError
from governance.incidents.signals import bronze

FAILED = "SELECT load_id FROM ops.loads WHERE source = ? AND stream = ? AND status = 'failed' ORDER BY started_at"


def accept(settings: Settings, name: str, reason: str, sources: str | None, profile: str | None) -> list[str]:
    """What was accepted, in words; nothing where no load waits for it and the shape is no reason of a failure.

    A load that waits to be confirmed (`held` in ops.loads) is published by the next run as it was read.

    The values of a column that vanished, or has another type now, stay in `bronze__loads` as `<name>__<type>`; of one
    that has another type `bronze` shows them there. Raises ConfigurationError for a stream that is not declared.
    """
    declared = load_sources(sources_path(sources), fill=False)
    found = select_streams(declared, name)
    if "." not in name:
        raise ConfigurationError(
            f"stream {name}", "it is a source", f"use one of {name}.{f', {name}.'.join(found[name])}"
        )
    [(source, [stream])] = found.items()
    spec = declared[source].streams[stream]
    with exclusive(settings.home / "batch.lock", "the batch"):
        landing = open_landing(settings)
        with open_warehouse(settings) as warehouse:
            with warehouse.transaction():
                confirmed = warehouse.ledger.confirm(source, stream, getpass.getuser(), reason)
            if confirmed:
                noted(settings, getpass.getuser(), "stream.accept", name, [bronze(name)], _why(confirmed, reason))
                return confirmed
            known = warehouse.ledger.stream_schema(source, stream) or []
            failed = [i for (i,) in warehouse.execute(FAILED, (source, stream))]
        landed = [m for i in failed if (m := landing.manifest(source, stream, i))]
        changed = {c.name: c for m in landed for c in in_the_way(known, m, optional(declared[source], stream, m))}
        if not changed:
            return []
        still = {c.name for m in landed for c in m.schema}
        with part(settings, f"accept {name}", sources, profile) as run, open_warehouse(settings) as warehouse:
            load = StreamLoad(source, spec, run.context.batch, ())
            shape, said = set_aside(warehouse, load, known, changed, still)
            with warehouse.publishing(source, [stream], run.context.batch.run_id):
                warehouse.ledger.set_stream_schema(source, stream, shape)
                warehouse.ledger.set_status(source, stream, "failed")  # until the next run publishes it
                warehouse.ledger.act(getpass.getuser(), "stream.accept", name, _why(said, reason))
            warehouse.show(load, run.context.protection(f"bronze.{load.table}"))
            run.state = "completed"
    noted(settings, getpass.getuser(), "stream.accept", name, [bronze(name)], _why(said, reason))
    return said


def _why(said: Sequence[str], reason: str) -> str:
    return "; ".join([*said, *filter(None, [reason])])


def set_aside(
    warehouse: SqlWarehouse,
    load: StreamLoad,
    known: Sequence[ColumnSpec],
    changed: Collection[str],
    still: Collection[str],
) -> tuple[list[ColumnSpec], list[str]]:
    """Rename the columns that are in the way; the new shape, and what was done in words.

    `still`: the columns that the source has, of whatever type.
    """
    physical, have = f"bronze__loads.{quote(load.table)}", set(warehouse.columns("bronze__loads", load.table))
    shape, said = [], []
    for column in known:
        if column.name not in changed:
            shape.append(column)
            continue
        kept = free_name(column, have)
        if column.name in have:  # not, if this was killed after it
            warehouse.execute(f"ALTER TABLE {physical} RENAME COLUMN {quote(column.name)} TO {quote(kept)}")
        new = column.name in still
        said.append(f"column {column.name} ({column.type}) {'has another type' if new else 'vanished'}, kept as {kept}")
        shape += [ColumnSpec(kept, column.type)] if new else []
    return shape, said


def in_the_way(known: Sequence[ColumnSpec], manifest: Manifest, may_be_absent: bool) -> list[ColumnSpec]:
    """The columns of bronze for whose sake a load of this shape is refused, under any policy."""
    found = []
    for column in known if manifest.schema else ():
        try:
            evolve("", [column], manifest.schema, "evolve", optional=may_be_absent)
        except SourceError:
            found.append(column)
    return found


def optional(source: SourceSpec, stream: str, manifest: Manifest) -> bool:
    """Whether a column may be absent from a load, as a key of JSON may."""
    return kind_of(source.kind, source.streams[stream].format, manifest.path) in ("json", "xml")


def free_name(column: ColumnSpec, have: set[str]) -> str:
    """`<name>__<type>`, with a number where an earlier one has it."""
    name = f"{column.name}__{re.sub(r'[^a-z0-9]+', '_', column.type.lower()).strip('_')}"
    if column.name not in have and name in have:
        return name
    number = 1
    while (numbered := name if number == 1 else f"{name}_{number}") in have:
        number += 1
    return numbered
