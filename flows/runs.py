"""The beginning and the end of a run in the ledger, whatever it runs: while it is there as running, it counts as alive.

A batch begins by `begin`; what is done beside the batches by `part`. Both end by `recorded`.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from blocks import interrupt
from blocks.settings import Settings
from blocks.warehouses import open_warehouse
from blocks.warehouses.base import Batch, now
from blocks.warehouses.ledger import ALIVE_MINUTES
from flows import pipelines, slots
from flows.context import Context, make_context, new_run_id
from flows.rebuild import check_ledger
from flows.state import save_picture
from flows.told import PLATFORM
from governance.errors import HallmarkError, LockedError, words

if TYPE_CHECKING:
    from blocks.warehouses.sql import SqlWarehouse

LOG = logging.getLogger("hallmark")
WAIT_SECONDS = 30
BEAT_SECONDS = 30
DEPLOYED = ("batch", "backfill", "ingest")
"""Of the runs that are recorded, those that a deployment starts."""
Summary = Mapping[str, Any]


@dataclass
class Run:
    """A run that has begun; what it leaves here is recorded when it ends."""

    context: Context
    state: Literal["completed", "failed"] = "failed"
    layers: Sequence[Summary] = ()
    whole: Summary | None = None
    """What it did, once it has come to its end."""
    summary: Summary | None = None
    """Of a batch, from which the report of its slot can be written again."""

    def done(self, summary: Summary) -> None:
        """It came to its end, with or without failures."""
        self.state, self.layers, self.whole = summary["state"], summary["layers"], summary


def begin(settings: Settings, slot: str | None, rebuild: bool) -> tuple[str, int, str]:
    """(slot, attempt, run id); attempt 0 when the slot is complete, or older than one that is.

    A run whose earlier pod died goes on with its slot. Raises ConfigurationError for a slot ahead,
    and where the ledger was lost.
    """
    run_id = new_run_id()
    check_ledger(settings)
    with open_warehouse(settings) as warehouse:
        known = warehouse.ledger.slots()
        mine = warehouse.ledger.batch_of(run_id)
        if mine and mine[1] == "completed":
            return slots.show(mine[0]), 0, run_id
        chosen = slots.parse(slot) if slot else mine[0] if mine else slots.choose(known, settings.clock(), rebuild)
        newest = slots.newest_complete(known)
        slots.check_not_ahead(chosen, newest, settings.clock())
        if newest and (chosen < newest or (chosen == newest and not rebuild)):
            return slots.show(chosen), 0, run_id
        attempt = start(warehouse, Batch(run_id, chosen), shared=settings.profile != "local")
    return slots.show(chosen), attempt, run_id


def start(warehouse: SqlWarehouse, batch: Batch, shared: bool, wait: float = WAIT_SECONDS) -> int:
    """Record the run, once no other machine is at work; which attempt it is. Raises LockedError after `wait` seconds.

    Of two that begin at once each sees the other, lets go and tries again, after a pause by chance.
    """
    until = time.monotonic() + wait
    while True:
        while others := warehouse.ledger.elsewhere(batch.run_id):
            if time.monotonic() > until:
                raise at_work(*others[0])
            time.sleep(1)
        with warehouse.transaction():
            attempt, over = warehouse.ledger.start_batch(batch, shared)
            warehouse.ledger.events(pipelines.abandoned(warehouse, over, now()))
        if not warehouse.ledger.elsewhere(batch.run_id):
            return attempt
        warehouse.ledger.finish_batch(batch, "failed", None)
        time.sleep(random.uniform(1, 5))


def at_work(run_id: str, slot: datetime, holder: str) -> LockedError:
    """Another machine is at work."""
    host, _, process = holder.partition(":")
    return LockedError(
        "the batch", f"it is held by host {host}, process {process}, slot {slots.show(slot)}, run {run_id}",
        f"wait for it to end; {ALIVE_MINUTES} minutes after its last sign of life it counts as over",
    )  # fmt: skip


@contextmanager
def alive(context: Context, pause: float = BEAT_SECONDS) -> Iterator[None]:
    """Give signs of life meanwhile, where other machines may be at work on the same warehouse."""
    if context.settings.profile == "local":
        yield
        return
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(pause):
            try:
                with open_warehouse(context.settings) as warehouse:
                    warehouse.ledger.beat(context.batch)
            except HallmarkError as error:
                LOG.warning("no sign of life could be given: %s", error.cause)

    thread = threading.Thread(target=beat, name="signs of life", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def newest_slot(settings: Settings) -> str:
    """The slot of what is done beside the batches: the newest one, whatever its state, else that of now."""
    with open_warehouse(settings) as warehouse:
        known = warehouse.ledger.slots()
    return slots.show(known[-1][0] if known else slots.floor(settings.clock()))


@contextmanager
def part(settings: Settings, name: str, sources: str | None = None, profile: str | None = None) -> Iterator[Run]:
    """A run beside the batches, under the newest slot, which it does not complete."""
    slot, attempt, run_id = begin(settings, newest_slot(settings), rebuild=True)
    with recorded(make_context(slot, sources, profile, run_id, attempt), name) as run:
        yield run


@contextmanager
def recorded(context: Context, name: str, whole: bool = False) -> Iterator[Run]:
    """The work of a run that has begun: however it ends, the ledger and an event say so.

    `whole`: it is all that there is to do for its slot, so that it can complete it.
    """
    run, began = Run(context), now()
    told = pipelines.begun(context, name, began) if name in pipelines.WHOLE else None
    if told:
        with open_warehouse(context.settings) as warehouse, warehouse.transaction():
            warehouse.ledger.events([context.tell.run(told, owner=PLATFORM)])
    stopped: dict[str, str] | None = None
    try:
        with interrupt.heard(), alive(context):
            yield run
    except Exception as error:
        stopped = words(error)
        error.told = True  # type: ignore[attr-defined]
        raise
    finally:
        state = run.state if whole or run.state == "failed" else "partial"
        with open_warehouse(context.settings) as warehouse, warehouse.transaction():
            warehouse.ledger.finish_batch(context.batch, state, run.summary)
            layers = {x["layer"]: x["status"] for x in run.layers}
            # Who gives a command sees its error; nobody is called for it.
            cause = stopped if name.split()[0] in DEPLOYED else None
            data: dict[str, Any] = {"owner": PLATFORM, "layers": layers, "error": cause}
            if told:
                end = pipelines.ended(told, run.state, now(), run.whole)
                data["run"] = end.model_dump(mode="json", exclude_defaults=True)
            warehouse.ledger.events([context.event(f"hallmark.run.{run.state}.v1", name, **data)])
        with open_warehouse(context.settings) as warehouse:
            save_picture(context.settings, warehouse)
