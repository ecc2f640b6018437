"""How an audited build takes the place of a published layer, and how a layer goes back to an earlier slot.

DML only between BEGIN and COMMIT: on Snowflake a definition would commit. New columns are added before, obsolete ones
dropped after.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from blocks.sources.naming import quote
from blocks.warehouses.base import Batch, LayerPublish, TellLayer, now
from blocks.warehouses.dialect import names
from blocks.warehouses.ledger import LAYERS
from governance.errors import ConfigurationError, HallmarkError
from governance.model import CheckResult
from governance.protection import OPEN, Protection

if TYPE_CHECKING:
    from blocks.warehouses.sql import SqlWarehouse

LOG = logging.getLogger("hallmark")
KEPT = 4
"""How many slots `rollback` can go back."""


def prepare(warehouse: SqlWarehouse, layer: str, incremental: Sequence[str], full: bool) -> None:
    """An empty audit schema, with a copy of what is published of each incremental model."""
    audit = f"{layer}__audit"
    warehouse.ledger.set_status(LAYERS, layer, "building")  # waits for a publisher that reads the audit schema still
    warehouse.execute(f"DROP SCHEMA IF EXISTS {audit} CASCADE")
    warehouse.execute(warehouse.dialect.schema(audit))
    there = set() if full else set(warehouse.tables(layer))
    for model in incremental:
        if model in there:
            warehouse.copy_table(f"{layer}.{quote(model)}", f"{audit}.{quote(model)}")


def publish(
    warehouse: SqlWarehouse, publish: LayerPublish, checks: Sequence[CheckResult], tell: TellLayer
) -> Mapping[str, int]:
    """Put the audited build in the place of the published one; rows by dataset."""
    layer, ledger = publish.layer, warehouse.ledger
    keep(warehouse, layer)
    models = {**publish.models, **dict.fromkeys(publish.rejected)}
    shapes = {model: _make_room(warehouse, layer, model, publish.protected) for model in models}
    with warehouse.publishing(LAYERS, [layer], publish.batch.run_id):
        before = _counts(warehouse, layer, publish.models)
        for model, key in models.items():
            _replace(warehouse, publish, model, key, shapes[model])
        for model in publish.rejected:
            _quarantine(warehouse, layer, model)
        counted = _counts(warehouse, layer, models)
        after = {m: counted[m] for m in publish.models}
        ledger.layer(publish, before, after, {m: counted[m] for m in publish.rejected})
        ledger.gates(publish.batch, checks, published=True)
        ledger.profiles(publish.batch, publish.profiles)
        ledger.events(tell(after))
        ledger.set_status(LAYERS, layer, "published")
    for model, columns in shapes.items():
        for column in set(warehouse.columns(layer, model)) - set(columns):
            _drop(warehouse, f"{layer}.{quote(model)}", column)
    return after


def _drop(warehouse: SqlWarehouse, table: str, column: str) -> None:
    """Drop a column that is no longer built; it can stay, since what is published has NULL in it."""
    try:
        warehouse.execute(f"ALTER TABLE {table} DROP COLUMN {quote(column)}")
    except HallmarkError as error:
        LOG.warning("%s: its former column %s stays: %s", table, column, error.cause)


def keep(warehouse: SqlWarehouse, layer: str, spare: datetime | None = None) -> None:
    """Copy what the last publish left, before another one takes its place; the oldest copies but `spare` go."""
    found = _published(warehouse, layer)
    if not found:
        return
    slot, run_id, upto, fingerprint = found[0]
    kept = _kept(warehouse, layer)
    if kept and kept[0][1:3] == (slot, run_id):
        return
    warehouse.execute(warehouse.dialect.schema(f"{layer}__kept"))
    models = warehouse.tables(layer)
    for model in models:
        copy = f"{layer}__kept.{quote(kept_name(model, slot))}"
        warehouse.execute(f"DROP TABLE IF EXISTS {copy}")  # of a run that was killed here
        warehouse.copy_table(f"{layer}.{quote(model)}", copy)
    row = (layer, slot, run_id, json.dumps(models), upto, fingerprint, now())
    warehouse.insert("ops.kept", ("layer", "slot", "run_id", "datasets", "loads_upto", "fingerprint", "at"), [row])
    slots = sorted({k[1] for k in kept} | {slot}, reverse=True)
    for old in (s for s in slots[KEPT:] if s != spare):
        for model in {m for k in kept if k[1] == old for m in json.loads(k[3])}:
            warehouse.execute(f"DROP TABLE IF EXISTS {layer}__kept.{quote(kept_name(model, old))}")
        warehouse.execute("DELETE FROM ops.kept WHERE layer = ? AND slot = ?", (layer, old))


def check_kept(warehouse: SqlWarehouse, layer: str, slot: datetime) -> None:
    """Raises ConfigurationError for a slot that is neither kept nor what is published now."""
    now_there = [at for (at, *_) in _published(warehouse, layer)]
    found = sorted({k[1] for k in _kept(warehouse, layer)} | set(now_there))
    if slot not in found:
        slots = ", ".join(s.strftime("%Y-%m-%dT%H:%M:%SZ") for s in found) or "none"
        raise ConfigurationError(f"slot {slot:%Y-%m-%dT%H:%M:%SZ} of {layer}", "it is not kept", f"use one of {slots}")


def rollback(
    warehouse: SqlWarehouse, layer: str, batch: Batch, tell: TellLayer, protected: Mapping[str, Protection]
) -> Mapping[str, int]:
    """Put a layer back to what the batch's slot published. Its next build goes on from there."""
    slot, ledger = batch.slot, warehouse.ledger
    check_kept(warehouse, layer, slot)
    keep(warehouse, layer, spare=slot)  # what is published now can be gone back to as well
    kept = {k[1]: k for k in reversed(_kept(warehouse, layer))}
    _, _, _, datasets, upto, fingerprint, _ = kept[slot]
    models = json.loads(datasets)
    shapes = {m: _make_room(warehouse, layer, m, protected, f"{layer}__kept", kept_name(m, slot)) for m in models}
    with warehouse.publishing(LAYERS, [layer], batch.run_id):
        for model, columns in shapes.items():
            source = f"{layer}__kept.{quote(kept_name(model, slot))}"
            warehouse.replace_rows(source, f"{layer}.{quote(model)}", columns)
        counted = _counts(warehouse, layer, models)
        published = {m: None for m in models if not m.endswith("__rejected")}
        back = LayerPublish(layer, batch, published, (), upto, fingerprint)
        ledger.layer(back, {}, counted, counted)
        ledger.events(tell({m: counted[m] for m in published}))
        ledger.set_status(LAYERS, layer, "published")
    return {m: counted[m] for m in published}


def _published(warehouse: SqlWarehouse, layer: str) -> list[tuple[datetime, str, int, str]]:
    """(slot, run id, loads_upto, fingerprint) of the newest publish, or nothing."""
    sql = 'SELECT slot, run_id, loads_upto, fingerprint FROM ops.publishes WHERE layer = ? ORDER BY "at" DESC LIMIT 1'
    return [(r[0], r[1], int(r[2]), r[3]) for r in warehouse.execute(sql, (layer,))]


def _kept(warehouse: SqlWarehouse, layer: str) -> list[tuple[str, datetime, str, str, int, str, datetime]]:
    """What `rollback` can go back to, newest first."""
    rows = warehouse.execute(
        'SELECT layer, slot, run_id, datasets, loads_upto, fingerprint, "at" FROM ops.kept WHERE layer = ? '
        'ORDER BY "at" DESC',
        (layer,),
    )
    return [(r[0], r[1], r[2], r[3], int(r[4]), r[5], r[6]) for r in rows]


def kept_name(model: str, slot: datetime) -> str:
    """What the copy of a model is called in `<layer>__kept`."""
    return f"{model}__{slot:%Y%m%d%H}"


def _make_room(
    warehouse: SqlWarehouse,
    layer: str,
    model: str,
    protected: Mapping[str, Protection],
    schema: str | None = None,
    table: str | None = None,
) -> list[str]:
    """Let the published table have every column that is to come, and hide what is declared; those columns."""
    declared = protected.get(f"{layer}.{model}", OPEN)
    schema, table = schema or f"{layer}__audit", table or model
    source, target = f"{schema}.{quote(table)}", f"{layer}.{quote(model)}"
    wanted, have = warehouse.columns(schema, table), warehouse.columns(layer, model)
    if not have:
        warehouse.execute(f"CREATE TABLE {target} AS SELECT * FROM {source} LIMIT 0")
    elif any(have.get(name, type_) != type_ for name, type_ in wanted.items()):
        # No warehouse changes a column to any type in place: this table is replaced by itself, before the others.
        warehouse.make_anew(source, target, declared)
    else:
        for name, type_ in wanted.items():
            if name not in have:
                warehouse.execute(f"ALTER TABLE {target} ADD COLUMN {quote(name)} {type_}")
    warehouse.protect(target, wanted, declared)  # before the rows come
    return list(wanted)


def _replace(
    warehouse: SqlWarehouse, publish: LayerPublish, model: str, key: str | None, columns: Sequence[str]
) -> None:
    source, target = (f"{schema}.{quote(model)}" for schema in (f"{publish.layer}__audit", publish.layer))
    if key is None or publish.full:
        warehouse.replace_rows(source, target, columns)
        return
    changed, slot = f"(SELECT {names(columns)} FROM {source} WHERE _slot = ?)", (publish.batch.slot,)
    warehouse.execute(f"DELETE FROM {target} WHERE {quote(key)} IN (SELECT {quote(key)} FROM {changed} c)", slot)
    warehouse.execute(f"INSERT INTO {target} ({names(columns)}) SELECT {names(columns)} FROM {changed} c", slot)


def _quarantine(warehouse: SqlWarehouse, layer: str, model: str) -> None:
    warehouse.execute(
        "INSERT INTO ops.quarantine (id, load_id, source, stream, layer, position, reason_code, reason, raw, "
        f"quarantined_at, attempts) SELECT quarantine_id, load_id, source, stream, '{layer}', position, reason_code, "
        f"reason, raw, ?, 1 FROM {layer}.{quote(model)} r "
        "WHERE NOT EXISTS (SELECT 1 FROM ops.quarantine q WHERE q.id = r.quarantine_id)",
        (now(),),
    )


def _counts(warehouse: SqlWarehouse, schema: str, tables: Iterable[str]) -> dict[str, int]:
    """Rows by table, in one statement."""
    each = [f"SELECT '{t}' AS name, count(*) AS counted FROM {schema}.{quote(t)}" for t in tables]
    return {name: int(rows) for name, rows in warehouse.execute(" UNION ALL ".join(each))} if each else {}
