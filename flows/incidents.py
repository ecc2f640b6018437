"""Incidents as commands see them: whole, as a post-mortem, and what a person does, which the ledger records too.

`acted` and `noted` are for every other action of a person: in ops.actions, and in the incidents that it is about.
"""

from __future__ import annotations

import getpass
import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from blocks.settings import Settings
from blocks.warehouses import is_made, open_warehouse
from flows.channels import described
from flows.delivery import alert
from flows.links import links_of
from flows.state import incident_desk, open_incidents
from governance.errors import ConfigurationError, HallmarkError
from governance.incidents.model import UNRESOLVED, Alert, Incident
from governance.incidents.post_mortem import post_mortem
from governance.preview import sample_alerts

LOG = logging.getLogger("hallmark")
RECENT = timedelta(days=1)
MOST = 10_000
LINE = 500


def listed(settings: Settings, owner: str | None, limit: int, everything: bool) -> list[Incident]:
    """What is not resolved, newest first, then what was within a day: a failure would open it again."""
    since = settings.clock() - RECENT
    with open_incidents(settings) as store:
        rows = store.rows((), owner, limit if everything else MOST)
    found = [i for i in rows if everything or i.resolved_at is None or i.resolved_at >= since]
    return sorted(found, key=lambda i: i.state == "resolved")[:limit]


def whole(settings: Settings, id: str) -> dict[str, Any]:
    """An incident with its timeline and links. Raises ConfigurationError for an id that is none."""
    with open_incidents(settings) as store:
        one = store.find(id)
        timeline = [{"at": e.at, "actor": e.actor, "what": e.what} for e in store.timeline(one.id)]
        attached = [shown(found) for found in store.attached(one)]
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
        return post_mortem(one, store.timeline(one.id), store.attached(one))


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


def acted(
    settings: Settings, action: str, target: str, about: Iterable[str], reason: str = "", until: datetime | None = None
) -> list[str]:
    """Record and note an action that records nothing itself; called before it begins, since it may end the incidents.

    Returns what `noted` does.
    """
    actor = getpass.getuser()
    record(settings, actor, action, target, reason, until)
    return noted(settings, actor, action, target, about, reason, until)


def noted(
    settings: Settings,
    actor: str,
    action: str,
    target: str,
    about: Iterable[str],
    reason: str = "",
    until: datetime | None = None,
) -> list[str]:
    """Write a person's action into the timelines of the unresolved incidents that it is about; their ids.

    `about`: checks, datasets (with the child tables of a stream), or layers. What cannot be noted is logged: the action
    stands.
    """
    names = tuple(about)
    line = f"{action} {target}{f', until {show_time(until)}' if until else ''}{f': {reason}' if reason else ''}"
    line = " ".join(line.split())[:LINE]
    done: list[str] = []
    try:
        with incident_desk(settings) as desk:
            for one in desk.store.rows(UNRESOLVED, limit=None):
                if is_about(one, names):
                    done.append(desk.note(one.id, actor, line).id)
    except (HallmarkError, SQLAlchemyError) as error:
        cause = error.cause if isinstance(error, HallmarkError) else type(error).__name__
        LOG.warning("%s is done, and not noted in each incident that it is about: %s", action, cause)
    return done


def is_about(one: Incident, names: Iterable[str]) -> bool:
    """Whether an incident is one of these checks or datasets, or of a table below one of these names."""
    return any(n in (one.check_id, one.dataset) or one.dataset.startswith((f"{n}.", f"{n}__")) for n in names)


def show_time(at: datetime) -> str:
    """A time as a person reads it."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
