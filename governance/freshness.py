"""How old a dataset may be, and whether it is older: as dbt's `freshness` declares it, and as it usually comes. Pure.

Ages are counted in the dataset's business hours where `meta` declares any (`business_hours.py`). When a batch is due
is here too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Literal

from governance.business_hours import BusinessHours
from governance.manifest import dataset_name
from governance.model import Frozen

Verdict = Literal["fresh", "late", "overdue", "never"]
SLOT = timedelta(hours=6)
DEADLINE = timedelta(hours=3)
"""After the end of its slot a batch must be complete."""
TOLERANCE = timedelta(minutes=90)
"""So much later than usual a dataset may come; a quarter of a slot."""
KNOWN = 28
"""Slots that a dataset must have come in before it is known when it usually does."""
REGULAR = 0.9
"""Of the completed slots: what comes in fewer of them has no usual time."""
_DEVIATIONS = 6 * 1.4826  # MADs of six standard deviations


class Freshness(Frozen):
    """Ages of a dataset: from `warn_after` on it is late, from `error_after` on overdue."""

    dataset: str
    warn_after: timedelta | None = None
    error_after: timedelta | None = None
    hours: BusinessHours | None = None
    """In which age is counted; None is always."""

    def age(self, last: datetime, now: datetime) -> timedelta:
        """How old it is at `now`."""
        return self.hours.between(last, now) if self.hours else now - last

    def judge(self, last: datetime | None, now: datetime, due: datetime | None = None) -> Verdict:
        """What its newest success says at `now`; `due` is when the next was to come at the latest, if that is known."""
        if last is None:
            return "never"
        age = self.age(last, now)
        if self.error_after and age > self.error_after:
            return "overdue"
        beyond = due is not None and now > due and self.age(due, now) > timedelta()
        return "late" if beyond or (self.warn_after and age > self.warn_after) else "fresh"


def usual_by(arrivals: Mapping[datetime, datetime], completed: Sequence[datetime]) -> datetime | None:
    """When the next slot of a dataset is there at the latest, if it comes as usual.

    By the slots in which it came (slot → when) and those that were completed at all, of the last eight weeks. None
    while it came too seldom, or too irregularly, for a usual time.
    """
    if len(arrivals) < KNOWN or len(arrivals.keys() & set(completed)) < REGULAR * len(completed):
        return None
    coming = max(arrivals) + SLOT
    took = [(at - slot).total_seconds() for slot, at in arrivals.items() if slot.hour == coming.hour]
    if len(took) < KNOWN // 4:
        return None
    middle = median(took)
    spread = timedelta(seconds=_DEVIATIONS * median(abs(t - middle) for t in took))
    return coming + timedelta(seconds=middle) + max(TOLERANCE, spread)


def overdue_slots(states: Mapping[datetime, str], now: datetime, deadline: timedelta = DEADLINE) -> list[datetime]:
    """Slots whose batch is past its deadline at `now`, oldest first, by slot → completed or unfinished.

    Those that never began are among them, from the last that is known on. Before the first batch none is expected.
    """
    if not states:
        return []
    after = max((s for s, state in states.items() if state == "completed"), default=min(states) - SLOT)
    found, slot = [], after + SLOT
    while slot + SLOT + deadline < now:
        found.append(slot)
        slot += SLOT
    return found


def declared_freshness(manifest: Mapping[str, Any]) -> tuple[Freshness, ...]:
    """Of every source and model that declares one, ordered by name."""
    found = []
    for node in (*manifest.get("sources", {}).values(), *manifest.get("nodes", {}).values()):
        config = node.get("freshness") or (node.get("config") or {}).get("freshness") or {}
        warn, error = _age(config.get("warn_after")), _age(config.get("error_after"))
        if node["resource_type"] in ("source", "model") and (warn or error):
            hours = BusinessHours.declared(node)
            found.append(Freshness(dataset=dataset_name(node), warn_after=warn, error_after=error, hours=hours))
    return tuple(sorted(found, key=lambda f: f.dataset))


def _age(declared: Mapping[str, Any] | None) -> timedelta | None:
    if not declared or not declared.get("count"):
        return None
    return timedelta(**{f"{declared['period']}s": int(declared["count"])})
