"""What of the findings is told, and when again. No I/O.

A watch looks every 15 minutes at what changes every six hours. So a failure is told once for each slot that it is
found of, and again in the same slot only when it grew worse; a pass when the check failed before, or was never told.
The counter of an incident is then the number of slots that went wrong, "last seen" no older than one, and a missed
slot pages once. Results go to ops.gates in the transaction of their events: the newest one there is what was told. An
event's id comes of the results that it holds and of those that they follow: a watch that is repeated tells nothing new.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from flows import slots
from flows.context import Context
from flows.told import PLATFORM
from flows.watch_checks import Finding
from flows.watch_seen import Told
from governance.freshness import DEADLINE, SLOT
from governance.model import Event

OVERDUE = "hallmark.run.overdue.v1"
BATCH = "batch"
_WORSE = ("info", "warning", "critical")


def untold(findings: Iterable[Finding], told: Mapping[str, Told]) -> list[Finding]:
    """Those that are to be told now."""
    return [f for f in findings if f.is_told and _is_news(f, told.get(f.check.check_id))]


def _is_news(found: Finding, last: Told | None) -> bool:
    if last is None:
        return True
    if found.check.success or last.success:
        return found.check.success != last.success
    return found.slot != last.slot or _WORSE.index(found.check.severity) > _WORSE.index(last.severity)


def gate_events(context: Context, findings: Sequence[Finding], told: Mapping[str, Told]) -> list[Event]:
    """One event for each dataset, with what is to be told of it."""
    owners = {d.name: d.owner for d in context.datasets}
    by_dataset: dict[str, list[Finding]] = {}
    for finding in findings:
        by_dataset.setdefault(finding.check.dataset, []).append(finding)
    events = []
    for dataset, mine in sorted(by_dataset.items()):
        cause = "watch " + " ".join(sorted(_identity(f, told.get(f.check.check_id)) for f in mine))
        teller = replace(context.tell, cause=cause)
        events.append(teller.gate(dataset, [f.check for f in mine], owner=owners.get(dataset, "")))
    return events


def _identity(found: Finding, last: Told | None) -> str:
    check = found.check
    after = last.at.isoformat() if last else ""
    return f"{check.check_id}/{check.success}/{check.severity}/{slots.show(found.slot)}/{after}"


def overdue_events(context: Context, overdue: Sequence[datetime]) -> list[Event]:
    """A batch past its deadline, once for each slot."""
    return [
        context.event(
            OVERDUE, BATCH, slots.show(slot), slot=slots.show(slot), owner=PLATFORM, severity="critical",
            due=slots.show(slot + SLOT + DEADLINE),
        )
        for slot in overdue
    ]  # fmt: skip
