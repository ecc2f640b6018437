"""What is paged: the key of an incident's page, what is done about it, and what it says. Pure; no I/O.

The key is of the episode. The fingerprint alone is the same for each episode of a check: an acknowledgement that comes
late would fall on the next one. A reopened incident is the same episode and has the same key; PagerDuty and JSM
Operations make a new alert of it once the old one is closed, so that somebody is called again:
https://developer.pagerduty.com/docs/send-alert-event (Alert De-Duplication).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, get_args

from pydantic import Field

from governance.incidents.model import Alert, Incident
from governance.model import Frozen, Severity

PREFIX = "hallmark"
VALUE_LIMIT = 1_000
LISTED = 10
ROWS = 3
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
Act = Literal["trigger", "again", "acknowledge", "resolve"]
"""again: the page is ended and sent anew, since neither pager calls anybody for one that is there already."""


class Shown(Frozen):
    """What a destination has of an incident: its reference at the desk."""

    incident: str
    state: Literal["", "triggered", "acknowledged", "resolved"] = ""
    key: str = ""
    revision: int = 0
    severity: Severity = "info"
    escalations: int = 0
    triggered_at: datetime | None = None
    storm_at: datetime | None = None
    """Since when it is one of those that a single page of a storm stands for; None: it has a page of its own."""

    @property
    def paged(self) -> bool:
        """Somebody has it on a screen."""
        return self.state in ("triggered", "acknowledged")


class Page(Frozen):
    """What a pager shows, whatever the pager."""

    key: str
    summary: str
    severity: Severity
    source: str
    """The dataset, flow or destination."""
    team: str
    kind: str
    at: datetime
    details: dict[str, str] = Field(default_factory=dict)
    links: tuple[tuple[str, str], ...] = ()
    """(what it is, where)."""


def key_of(one: Incident) -> str:
    """Of the page of an incident; 53 characters, which need no quoting in a URL."""
    return f"{PREFIX}-{one.fingerprint}-{one.id}"


def storm_key(first: str) -> str:
    """Of the page of a storm that begins with this incident."""
    return f"{PREFIX}-storm-{first}"


def incident_of(key: str) -> str | None:
    """The id of the incident that a key is of; None for a storm's, and for another program's."""
    prefix, _, rest = key.partition("-")
    fingerprint, _, incident = rest.rpartition("-")
    return incident if prefix == PREFIX and incident and fingerprint not in ("", "storm") else None


def wanted(one: Incident, shown: Shown, repeats: bool = False) -> Act | None:
    """What brings the page to where the incident is; None: nothing.

    `repeats`: an escalation calls the same people a second time.
    """
    if one.state == "muted":
        return None
    if one.state == "resolved" or one.root:
        return "resolve" if shown.paged else None
    if one.state == "acknowledged":  # before it was paged: nobody is called for what somebody has in hand
        return "acknowledge" if shown.state == "triggered" else None
    if not shown.paged:
        return "trigger"
    if shown.state == "acknowledged" or (repeats and one.escalations > shown.escalations):
        return "again"
    return "again" if SEVERITIES.index(one.severity) > SEVERITIES.index(shown.severity) else None


def page_of(alert: Alert) -> Page:
    """The page of an incident."""
    one = alert.incident
    names = {"run": "Prefect run", "catalog": "OpenMetadata", "report": "report", "runbook": "runbook"}
    links = tuple((text, url) for name, text in names.items() if (url := getattr(alert.links, name)))
    return Page(
        key=key_of(one), summary=line(one.title) or line(f"{one.check_id} of {one.dataset}"), severity=one.severity,
        source=line(one.dataset) or "hallmark", team=line(one.owner), kind=one.kind, at=one.opened_at,
        details=_details(alert), links=tuple(link for link in links if link[1].startswith(("http://", "https://"))),
    )  # fmt: skip


def storm_page(key: str, open_: int, newest: Incident, severity: Severity) -> Page:
    """The one page of many incidents."""
    return Page(
        key=key, summary=f"storm: {open_} incidents open, the newest: {line(newest.title)}", severity=severity,
        source=line(newest.dataset) or "hallmark", team=line(newest.owner), kind="storm", at=newest.opened_at,
        details={
            "open": str(open_), "newest": f"{newest.id} {line(newest.title)}"[:VALUE_LIMIT],
            "why one page": "more were paged within an hour than one can read", "commands": "hallmark incident list",
        },
    )  # fmt: skip


def _details(alert: Alert) -> dict[str, str]:
    """By name; personal columns are masked in the evidence already."""
    one, seen, blast = alert.incident, alert.incident.latest, alert.incident.blast
    of = f" of {seen.rows}" if seen.rows is not None else ""
    commands = [f"{a.title}: {a.command}" for a in alert.actions]
    said: dict[str, Any] = {
        "incident": one.id, "check": one.check_id, "column": seen.column, "slot": seen.slot, "run": seen.run_id,
        "failed rows": f"{seen.failed_rows}{of}" if seen.failed_rows else "",
        "observed": seen.observed, "expected": seen.threshold, "error": seen.error, "remedy": seen.remedy,
        "failures": one.count if one.count > 1 else "", "follow from it": _listed(one.attached),
        "downstream": _listed(blast.datasets), "dashboards": _listed(blast.dashboards),
        "owners downstream": _listed(blast.owners), "not published": _listed(blast.unpublished),
        "rows": _rows(one), "commands": " | ".join([*commands, f"hallmark incident show {one.id}"]),
    }  # fmt: skip
    return {name: line(str(value))[:VALUE_LIMIT] for name, value in said.items() if value not in ("", None)}


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def _rows(one: Incident) -> str:
    sample = one.latest.sample
    if sample is None:
        return ""
    return " | ".join(
        ", ".join(f"{c}={v}" for c, v in zip(sample.columns, r, strict=False)) for r in sample.rows[:ROWS]
    )


def line(text: str) -> str:
    """On one line, without what no text that is sent may hold."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
