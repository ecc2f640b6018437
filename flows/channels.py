"""The channels that the settings and oncall.yml name: Slack by channel, pagers by team. It connects to nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from blocks.settings import Settings
from blocks.state import state_database
from flows.links import links_of
from governance.errors import ConfigurationError
from governance.incidents.model import UNRESOLVED, Alert, Incident
from governance.incidents.store import IncidentStore
from governance.messages import alert_of
from governance.oncall import Ownership, Team
from governance.transports.base import Transport

Secret = Callable[[], str | None]


def configured_channels(settings: Settings) -> set[str]:
    """The kinds of channels that there are. One whose secret is in a block alone is named by its URL."""
    named = {
        "slack": settings.slack_token or settings.slack_webhook_url or settings.slack_url,
        "pagerduty": settings.pagerduty_key or settings.pagerduty_url,
        "jsm": settings.jsm_key or settings.jsm_url,
    }
    return {name for name, value in named.items() if value}


def channels(settings: Settings, ownership: Ownership, store: IncidentStore) -> dict[str, Transport]:
    """A transport for each channel and each team's pager, by the name of its destination."""
    names, found = configured_channels(settings), dict[str, Transport]()
    for team in ownership.teams.values():
        if "slack" in names and f"slack:{team.slack}" not in found:
            found[f"slack:{team.slack}"] = _slack(settings, ownership, store, team.slack)
        if team.pager in names:
            found[f"{team.pager}:{team.name}"] = _pager(settings, store, team)
    return found


def _slack(settings: Settings, ownership: Ownership, store: IncidentStore, channel: str) -> Transport:
    from governance.transports.slack import SlackTransport
    from governance.transports.slack_client import URL

    by_bot = bool(settings.slack_token) or not settings.slack_webhook_url
    name = "slack_token" if by_bot else "slack_webhook_url"
    how: dict[str, Any] = {"token" if by_bot else "webhook": secret_of(settings, name)}
    return SlackTransport(
        channel, store, url=settings.slack_url or URL, links=lambda one: links_of(settings, one),
        mention=lambda one: ownership.team_of(one.dataset, one.owner).handle, **how,
    )  # fmt: skip


def _pager(settings: Settings, store: IncidentStore, team: Team) -> Transport:
    key = _block(team.key) if team.key else secret_of(settings, f"{team.pager}_key")
    shared: dict[str, Any] = {
        "describe": lambda one: described(settings, store, one),
        "repeats": bool(team.escalate and team.escalate.to == team.name),
    }
    destination = f"{team.pager}:{team.name}"
    if team.pager == "jsm":
        from governance.transports import jsm

        return jsm.JsmTransport(destination, key, store, settings.jsm_url or jsm.URL, **shared)
    from governance.transports import pagerduty

    return pagerduty.PagerDutyTransport(destination, key, store, settings.pagerduty_url or pagerduty.URL, **shared)


def described(settings: Settings, store: IncidentStore, one: Incident) -> Alert:
    """All that can be said of an incident."""
    return alert_of(one, store.attached(one), links_of(settings, one), store.timeline(one.id))


def secret_of(settings: Settings, name: str) -> Secret:
    """Reads a secret setting, or its block, each time that it is called."""

    def read() -> str | None:
        from blocks.register import secret

        found = secret(name, settings)
        return found.get_secret_value() if found else None

    return read


def _block(name: str) -> Secret:
    def read() -> str | None:
        from blocks.register import secret_block

        return secret_block(name).get_secret_value()

    return read


def check(settings: Settings, ownership: Ownership) -> str:
    """Whether every team that is to be called can be, in words. Raises ConfigurationError for one that cannot."""
    names = configured_channels(settings)
    if not names:
        return "none is configured: incidents are kept, and `hallmark incident list` shows them"
    deaf = [t.name for t in ownership.teams.values() if (t.page or t.page_in_hours) and t.pager not in names]
    if deaf and names & {"pagerduty", "jsm"}:
        raise ConfigurationError(
            "the pagers", f"{', '.join(deaf)} cannot be called: their pager in oncall.yml is not configured",
            "set its HALLMARK_ variables, or give them the other one",
        )  # fmt: skip
    for team in ownership.teams.values():
        if team.key and team.pager in names and os.environ.get("PREFECT_API_URL"):
            _block(team.key)()
    with IncidentStore(state_database(settings)) as store:
        unresolved = len(store.rows(UNRESOLVED, limit=None))
    return f"{', '.join(sorted(names))}; {unresolved} incidents are not resolved"
