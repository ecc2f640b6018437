"""What becomes of an episode when its check fails or passes, and as time goes by. Pure.

open or acknowledged, until a pass resolves it. A failure soon after that opens the same episode again. One that comes
and goes is held open until it has been quiet for a while.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from governance.incidents.model import Incident, Verb
from governance.incidents.signals import Signal
from governance.model import EVENT_NAMESPACE, Severity

RANK: dict[Severity, int] = {"info": 0, "warning": 1, "critical": 2}


@dataclass(frozen=True)
class Policy:
    """How episodes are told apart."""

    reopen: timedelta = timedelta(hours=24)
    """A failure so long after a pass still belongs to the same episode."""
    flaps: int = 4
    flap_window: timedelta = timedelta(hours=24)
    """So many changes between failing and passing within this time hold it open."""


@dataclass(frozen=True)
class Change:
    """An incident as it is from now on, and what happened to it."""

    incident: Incident
    verb: Verb
    what: str


def judge(known: Incident | None, signal: Signal, owner: str, policy: Policy) -> Change | None:
    """What a signal makes of the newest episode of its fingerprint; None: nothing to tell."""
    at = signal.evidence.at
    if not signal.failed:
        return _passed(known, at, policy) if known and known.state != "resolved" else None
    if known is None or (known.resolved_at and at - known.resolved_at > policy.reopen):
        return Change(_opened(signal, owner), "opened", signal.title)
    return _failed(known, signal, owner, policy)


def _opened(signal: Signal, owner: str) -> Incident:
    at = signal.evidence.at
    identity = uuid.uuid5(EVENT_NAMESPACE, f"{signal.fingerprint}\x1f{at.isoformat()}").hex[:10]
    return Incident(
        id=identity, fingerprint=signal.fingerprint, state="open", kind=signal.kind, severity=signal.severity,
        dataset=signal.dataset, check_id=signal.check_id, owner=owner, title=signal.title, opened_at=at, last_seen=at,
        first=signal.evidence, latest=signal.evidence, changes=(at,), called_at=at,
        blast={"unpublished": signal.unpublished},
    )  # fmt: skip


def _failed(known: Incident, signal: Signal, owner: str, policy: Policy) -> Change | None:
    at = signal.evidence.at
    if at < known.opened_at:  # told late, of before
        return None
    worst = max(known.severity, signal.severity, key=RANK.__getitem__)
    newer = at >= known.last_seen
    again = known.resolved_at is not None or known.passing_since is not None
    if known.resolved_at and at < known.resolved_at:
        again = False
    if known.passing_since and at < known.passing_since:  # told late: it passes since then
        return Change(known.model_copy(update={"count": known.count + 1}), "repeated", signal.title)
    update: dict[str, object] = {"count": known.count + 1, "severity": worst, "passing_since": None}
    if newer:
        update |= {"last_seen": at, "latest": signal.evidence, "title": signal.title, "owner": owner}
    if again:
        update["changes"] = (*_recent(known.changes, at, policy), at)
    # Who waives it publishes nevertheless.
    kept = () if newer and signal.evidence.waived else known.blast.unpublished
    all_of = tuple(dict.fromkeys((*kept, *signal.unpublished)))
    update["blast"] = known.blast.model_copy(update={"unpublished": all_of})
    if known.state == "resolved":
        if not again:
            return None
        muted = known.muted_until is not None and known.muted_until > at
        update |= {"state": "muted" if muted else "open", "muted_until": known.muted_until if muted else None}
        update |= {"resolved_at": None, "acknowledged_at": None, "root": None, "escalations": 0, "called_at": at}
        return Change(known.model_copy(update=update), "reopened", signal.title)
    if worst == known.severity:
        return Change(known.model_copy(update=update), "repeated", signal.title)
    update["called_at"] = at
    if known.state == "acknowledged":  # somebody has in hand what was less
        update |= {"state": "open", "acknowledged_at": None}
    return Change(known.model_copy(update=update), "worsened", signal.title)


def _passed(known: Incident, at: datetime, policy: Policy) -> Change | None:
    if at < known.last_seen or known.passing_since:
        return None
    changes = (*_recent(known.changes, at, policy), at)
    if len(changes) > policy.flaps:
        hours = policy.flap_window.total_seconds() / 3600
        what = f"it passes, and is held open: {len(changes)} changes within {hours:g} h"
        return Change(known.model_copy(update={"passing_since": at, "changes": changes}), "noted", what)
    return Change(_resolved(known, at, changes), "resolved", "it passes")


def _resolved(known: Incident, at: datetime, changes: tuple[datetime, ...]) -> Incident:
    # Should it fail again before a person's mute ends, it is muted still.
    update = {"state": "resolved", "resolved_at": at, "changes": changes, "passing_since": None}
    return known.model_copy(update=update)


def elapse(known: Incident, now: datetime, policy: Policy) -> Change | None:
    """What the time alone makes of an episode: one that was flapping is over, or a mute has ended."""
    if known.state == "resolved":
        return None
    if known.passing_since and len(_recent(known.changes, now, policy)) < policy.flaps:
        return Change(_resolved(known, now, known.changes), "resolved", "it has been passing without a change")
    if known.state == "muted" and known.muted_until and known.muted_until <= now:
        state = "acknowledged" if known.acknowledged_at else "open"
        update = {"state": state, "muted_until": None, "called_at": now}
        return Change(known.model_copy(update=update), "unmuted", "the mute has ended")
    return None


def attach(known: Incident, root: Incident) -> Change:
    """It follows from another one."""
    return Change(known.model_copy(update={"root": root.id}), "attached", f"it follows from {root.id}: {root.title}")


def adopt(root: Incident, children: Iterable[Incident]) -> Change | None:
    """The other one, which is as bad as the worst that follows from it; None where nothing of it changes."""
    found = list(children)
    attached = tuple(dict.fromkeys((*root.attached, *(c.id for c in found))))
    worst = max((root.severity, *(c.severity for c in found)), key=RANK.__getitem__)
    unpublished = tuple(dict.fromkeys((*root.blast.unpublished, *(u for c in found for u in c.blast.unpublished))))
    if (attached, worst, unpublished) == (root.attached, root.severity, root.blast.unpublished):
        return None
    blast = root.blast.model_copy(update={"unpublished": unpublished})
    verb: Verb = "worsened" if worst != root.severity else "noted"
    what = f"{len(attached)} other{'s follow' if len(attached) > 1 else ' follows'} from it"
    return Change(root.model_copy(update={"attached": attached, "severity": worst, "blast": blast}), verb, what)


def release(root: Incident, child: Incident) -> Change | None:
    """What followed from it does so no more."""
    if child.id not in root.attached:
        return None
    left = tuple(i for i in root.attached if i != child.id)
    return Change(root.model_copy(update={"attached": left}), "noted", f"{child.id} follows from it no more")


def _recent(changes: Iterable[datetime], at: datetime, policy: Policy) -> tuple[datetime, ...]:
    return tuple(c for c in changes if at - c <= policy.flap_window)
