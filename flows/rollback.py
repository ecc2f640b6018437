"""Putting a layer back to what an earlier slot published: atomic, recorded, told. The next batch builds it anew."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import dataclass, replace

from blocks.lock import exclusive
from blocks.settings import Settings
from blocks.warehouses import is_made, open_warehouse
from flows import slots
from flows.context import LAYERS, check_layer
from flows.incidents import noted
from flows.runs import part
from flows.told import PLATFORM
from governance.errors import ConfigurationError
from governance.model import Event


@dataclass(frozen=True)
class Back:
    """What a rollback did."""

    layer: str
    was: str
    """The slot that was published before."""
    slot: str
    rows: Mapping[str, int]
    """Of each dataset, afterwards."""
    incidents: list[str]
    """In whose timelines it is noted."""


def rollback(settings: Settings, layer: str, to: str, reason: str) -> Back:
    """Put the layer back, all its datasets at once.

    Raises ConfigurationError for bronze, whose rows are those of its sources, and for a slot that is not kept.
    """
    check_layer(layer)
    if layer == LAYERS[0]:
        raise ConfigurationError("rollback of bronze", "it has no slots", "load again what is wrong: hallmark backfill")
    slot = slots.parse(to)
    was, actor = _published(settings, layer), getpass.getuser()
    target = f"{layer} to {slots.show(slot)}"
    with exclusive(settings.home / "batch.lock", "the batch"):
        with open_warehouse(settings) as warehouse:
            warehouse.check_kept(layer, slot)
        with (
            part(settings, f"rollback {layer}", profile=settings.profile) as run,
            open_warehouse(settings) as warehouse,
        ):
            back = replace(run.context, batch=replace(run.context.batch, slot=slot))

            def tell(rows: Mapping[str, int]) -> list[Event]:
                warehouse.ledger.act(actor, "rollback", target, reason)
                told = "hallmark.publish.rolledback.v1"
                return [back.event(told, layer, owner=PLATFORM, rows=dict(rows), reason=reason)]

            rows = warehouse.rollback(layer, back.batch, tell, back.protections)
            run.state = "completed"
    return Back(layer, was, slots.show(slot), rows, noted(settings, actor, "rollback", target, [layer], reason))


def _published(settings: Settings, layer: str) -> str:
    """The slot that is published. Raises ConfigurationError where there is none, and so nothing to go back to."""
    if is_made(settings):
        with open_warehouse(settings) as warehouse:
            sql = 'SELECT slot FROM ops.publishes WHERE layer = ? ORDER BY "at" DESC LIMIT 1'
            for (slot,) in warehouse.execute(sql, (layer,)):
                return slots.show(slot)
    cause = "it was never published, so that none of its slots is kept"
    raise ConfigurationError(f"rollback of {layer}", cause, "publish it with `hallmark run` first")
