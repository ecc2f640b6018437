"""The beginning and the end of a run in the ledger, whatever it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from blocks.settings import Settings
from blocks.warehouses import open_warehouse
from blocks.warehouses.base import Batch
from flows import slots
from flows.context import Context, new_run_id
from flows.state import save_picture
from flows.told import PLATFORM

Summary = Mapping[str, Any]


def begin(settings: Settings, slot: str | None, rebuild: bool) -> tuple[str, int, str]:
    """(slot, attempt, run id); attempt 0 when the slot is complete, or older than one that is."""
    run_id = new_run_id()
    with open_warehouse(settings) as warehouse:
        known = warehouse.ledger.slots()
        chosen = slots.parse(slot) if slot else slots.choose(known, settings.clock(), rebuild)
        newest = max((s for s, state in known if state == "completed"), default=None)
        slots.check_not_ahead(chosen, newest, settings.clock())
        if newest and (chosen < newest or (chosen == newest and not rebuild)):
            return slots.show(chosen), 0, run_id
        with warehouse.transaction():
            attempt = warehouse.ledger.start_batch(Batch(run_id, chosen))
    return slots.show(chosen), attempt, run_id


def finish(context: Context, summary: Summary, whole: bool = False, subject: str = "batch") -> None:
    """Record how the run ended, and tell it. A run of a part of the slot does not complete it.

    Only a batch leaves a summary, from which the report of its slot can be written again.
    """
    state = summary["state"] if whole or summary["state"] == "failed" else "partial"
    with open_warehouse(context.settings) as warehouse, warehouse.transaction():
        warehouse.ledger.finish_batch(context.batch, state, summary if subject == "batch" else None)
        layers = {x["layer"]: x["status"] for x in summary["layers"]}
        event = context.event(f"hallmark.run.{summary['state']}.v1", subject, owner=PLATFORM, layers=layers)
        warehouse.ledger.events([event])
    with open_warehouse(context.settings) as warehouse:
        save_picture(context.settings, warehouse)
