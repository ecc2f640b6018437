"""Putting a layer back to what an earlier slot published: atomic, recorded, told. The next batch builds it anew."""

from __future__ import annotations

import getpass
from collections.abc import Mapping

from blocks.lock import exclusive
from blocks.settings import Settings
from blocks.warehouses import open_warehouse
from flows import slots
from flows.context import LAYERS, check_layer, make_context, new_run_id
from flows.state import save_picture
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
    context = make_context(to, None, settings.profile, new_run_id())

    def tell(rows: Mapping[str, int]) -> list[Event]:
        warehouse.ledger.act(getpass.getuser(), "rollback", f"{layer} to {slots.show(context.batch.slot)}", reason)
        return [context.event("hallmark.publish.rolledback.v1", layer, owner=PLATFORM, rows=dict(rows), reason=reason)]

    with exclusive(settings.home / "batch.lock", "the batch"), open_warehouse(settings) as warehouse:
        rows = warehouse.rollback(layer, context.batch, tell, context.protections)
        save_picture(settings, warehouse)
    return rows
