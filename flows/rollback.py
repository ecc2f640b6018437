"""Putting a layer back to what an earlier slot published: atomic, recorded, told. The next batch builds it anew."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import replace

from blocks.lock import exclusive
from blocks.settings import Settings
from blocks.warehouses import is_made, open_warehouse
from flows import slots
from flows.context import LAYERS, check_layer
from flows.runs import part
from flows.told import PLATFORM
from governance.errors import ConfigurationError
from governance.model import Event


def rollback(settings: Settings, layer: str, to: str, reason: str) -> Mapping[str, int]:
    """Rows of each dataset afterwards.

    Raises ConfigurationError for bronze, whose rows are those of its sources, and for a slot that is not kept.
    """
    check_layer(layer)
    if layer == LAYERS[0]:
        raise ConfigurationError("rollback of bronze", "it has no slots", "load again what is wrong: hallmark backfill")
    slot = slots.parse(to)
    _check_published(settings, layer)
    with exclusive(settings.home / "batch.lock", "the batch"):
        with open_warehouse(settings) as warehouse:
            warehouse.check_kept(layer, slot)
        with (
            part(settings, f"rollback {layer}", profile=settings.profile) as run,
            open_warehouse(settings) as warehouse,
        ):
            back = replace(run.context, batch=replace(run.context.batch, slot=slot))

            def tell(rows: Mapping[str, int]) -> list[Event]:
                warehouse.ledger.act(getpass.getuser(), "rollback", f"{layer} to {slots.show(slot)}", reason)
                told = "hallmark.publish.rolledback.v1"
                return [back.event(told, layer, owner=PLATFORM, rows=dict(rows), reason=reason)]

            rows = warehouse.rollback(layer, back.batch, tell, back.protections)
            run.state = "completed"
    return rows


def _check_published(settings: Settings, layer: str) -> None:
    """Raises ConfigurationError where there is nothing to go back to."""
    if is_made(settings):
        with open_warehouse(settings) as warehouse:
            if warehouse.ledger.last_publish(layer)[1]:
                return
    cause = "it was never published, so that none of its slots is kept"
    raise ConfigurationError(f"rollback of {layer}", cause, "publish it with `hallmark run` first")
