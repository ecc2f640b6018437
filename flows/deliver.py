"""Drain the outbox: events of the warehouse are relayed to it, and the dispatcher brings them to their destinations."""

from __future__ import annotations

import logging

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from blocks.settings import Settings
from flows import delivery, pulse
from flows.context import name_run
from flows.hooks import WATCHED
from flows.ways_back import heed

LOG = logging.getLogger("hallmark")


@flow(name="deliver", **WATCHED)
def deliver(profile: str | None = None) -> dict[str, int]:
    """Bring what happened to those who must hear of it; what cannot be delivered waits and is tried again."""
    settings = Settings.load(profile=profile)
    name_run(f"deliver {settings.clock():%Y-%m-%d %H:%M}")
    alone = not flow_run.parent_flow_run_id  # a flow around it has its own end, and does not wait for others
    try:
        relay(settings)
        if alone:
            listen(settings)
        return drain(settings)
    finally:
        if alone:
            pulse.delivered(settings)


def deliver_or_wait(profile: str | None = None) -> None:
    """The same at the end of another flow, whose data are published: what fails here is logged, and told next time."""
    try:
        deliver(profile=profile)
    except Exception as error:  # noqa: BLE001 - governance never stops the data
        LOG.error("the events wait: %s", " ".join(str(error).split())[:500])


@task(cache_policy=NO_CACHE)
def relay(settings: Settings) -> int:
    """Copy new events from the warehouse to the outbox."""
    return delivery.relay(settings)


@task(cache_policy=NO_CACHE)
def listen(settings: Settings) -> int:
    """What people did to incidents elsewhere, and what the time does to them."""
    return heed(settings)


@task(cache_policy=NO_CACHE)
def drain(settings: Settings) -> dict[str, int]:
    """Deliver what is due."""
    counts = delivery.drain(settings)
    LOG.info("events: %(delivered)d delivered, %(waiting)d waiting, %(buried)d buried", counts)
    return counts
