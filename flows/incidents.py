"""Incidents as commands see them: whole, as a post-mortem, and what a person does, which the ledger records too."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from blocks.settings import Settings
from blocks.warehouses import is_made, open_warehouse
from flows.channels import described
from flows.delivery import alert
from flows.links import links_of
from flows.state import incident_desk, open_incidents
from governance.errors import ConfigurationError, HallmarkError
from governance.incidents.model import Alert, Incident
from governance.incidents.post_mortem import post_mortem
from governance.preview import sample_alerts

LOG = logging.getLogger("hallmark")


def whole(settings: Settings, id: str) -> dict[str, Any]:
    """An incident with its timeline and links. Raises ConfigurationError for an id that is none."""
    with open_incidents(settings) as store:
        one = store.find(id)
        timeline = [{"at": e.at, "actor": e.actor, "what": e.what} for e in store.timeline(one.id)]
        attached = [shown(found) for i in one.attached if (found := store.incident(i))]
    links = {name: url for name, url in links_of(settings, one).model_dump().items() if url}
    return {**shown(one), "first": one.first.model_dump(), "timeline": timeline, "links": links, "incidents": attached}


def shown(one: Incident) -> dict[str, Any]:
    """An incident as `--json` prints it."""
    left = {"first", "latest", "changes", "revision", "passing_since", "escalations"}
    return one.model_dump(exclude=left) | {"evidence": one.latest.model_dump()}


def draft(settings: Settings, id: str) -> str:
    """The draft of a post-mortem."""
    with open_incidents(settings) as store:
        one = store.find(id)
        attached = [found for i in one.attached if (found := store.incident(i))]
        return post_mortem(one, store.timeline(one.id), attached)


def previewed(name: str | None) -> dict[str, Alert]:
    """What is said of an incident of this home, or of the samples. Raises ConfigurationError for neither."""
    known = sample_alerts()
    if name is None or name in known:
        return sample_alerts(name)
    settings = Settings.load()
    with open_incidents(settings) as store:
        try:
            one = store.find(name)
        except ConfigurationError as error:
            remedy = f"{error.remedy}, or one of {', '.join(known)}"
            raise ConfigurationError(error.what, error.cause, remedy) from None
        return {one.id: described(settings, store, one)}


def act(settings: Settings, verb: str, id: str, actor: str, **arguments: Any) -> Incident:
    """Acknowledge, assign, resolve or mute; recorded in ops.actions as well, where the warehouse answers."""
    with incident_desk(settings) as desk:
        one: Incident = getattr(desk, verb)(id, actor, **arguments)
    alert(settings)
    until = arguments.get("until")
    record(settings, actor, f"incident.{verb}", one.id, arguments.get("note") or arguments.get("reason") or "", until)
    return one


def record(
    settings: Settings, actor: str, action: str, target: str, reason: str = "", until: datetime | None = None
) -> None:
    """Into ops.actions. While a batch holds the warehouse the incident's timeline alone says so."""
    if not is_made(settings):
        return
    try:
        with open_warehouse(settings, wait=1) as warehouse:
            warehouse.ledger.act(actor, action, target, reason, until)
    except HallmarkError as error:
        LOG.warning("%s is not in ops.actions: %s", action, error.cause)
