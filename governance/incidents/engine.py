"""The transport that brings events to the incidents: each signal opens, keeps or ends an episode, and is told on.

An event is applied once, in one transaction with what it makes of the incidents and with the events for those who must
hear. Delivered again after a kill it changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from governance.errors import HallmarkError
from governance.incidents import episodes
from governance.incidents.episodes import RANK, Change, Policy
from governance.incidents.lineage import Graph
from governance.incidents.model import Incident
from governance.incidents.signals import ALL, Signal, signals
from governance.incidents.store import IncidentStore, Known, Writing
from governance.model import Event
from governance.oncall import Ownership
from governance.openmetadata.concerns import DATASET, LINEAGE
from governance.routing import Destination
from governance.transports.base import Outcome, TransientError, unreadable

log = logging.getLogger(__name__)
HALLMARK = "hallmark"
Route = Callable[[Event], list[Destination]]
"""Who hears of an event, of those who can be reached."""
FOLLOWS_WITHIN = timedelta(hours=6)
"""What opened on a dataset so long before its root did, neither in a slot, follows from it: it was told first."""
GROUPED = ("gate", "freshness", "volume", "schema", "quarantine", "load")
"""Kinds that are about data, and follow the lineage."""


@dataclass(frozen=True)
class IncidentTransport:
    """Keeps the incidents by what it is delivered."""

    store: IncidentStore
    ownership: Ownership
    route: Route
    policy: Policy = field(default_factory=Policy)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def deliver(self, events: Sequence[Event]) -> list[Outcome]:
        """Apply those that were not applied before, all of them or none."""
        found: dict[str, Outcome] = {e.id: Outcome(e.id) for e in events}
        try:
            with self.store.writing() as writing:
                new = writing.unheard(e.id for e in events)
                work = Work(writing, self.ownership, self.route, self.policy)
                for event in {e.id: e for e in events}.values():
                    if event.id in new:
                        try:
                            work.apply(event)
                        except (ValueError, TypeError, KeyError, AttributeError) as error:
                            found[event.id] = Outcome(event.id, unreadable(event, error))
                work.tell()
                writing.hear([i for i in new if found[i].error is None], self.clock())
        except HallmarkError as error:
            failure = TransientError("storage", str(error))
            return [Outcome(e.id, failure) for e in events]
        return [found[e.id] for e in events]

    def close(self, timeout: float) -> bool:
        """Close the database."""
        self.store.close()
        return True


class Work:
    """What events, or the time, make of the incidents within one transaction."""

    def __init__(self, writing: Writing, ownership: Ownership, route: Route, policy: Policy) -> None:
        self.writing, self.ownership, self.route, self.policy = writing, ownership, route, policy
        self._graph: Graph | None = None
        self._open: dict[str, Incident] | None = None
        """The incidents that are not resolved, oldest first, read once."""
        self._changed: dict[str, tuple[Incident, Change, datetime]] = {}

    def apply(self, event: Event) -> None:
        """All signals of an event, or none of them where one cannot be read."""
        before = dict(self._changed)
        try:
            with self.writing.apart():
                self._apply(event)
        except Exception:
            self._changed, self._graph, self._open = before, None, None
            raise

    def _apply(self, event: Event) -> None:
        """Each signal of an event; what it tells of datasets is kept for the grouping."""
        if event.type in (DATASET, LINEAGE):
            self.writing.know(known_of(event))
            self._graph = None
            return
        told = signals(event)
        known, before = self.writing.newest(s.fingerprint for s in told), len(self._changed)
        for signal in told:
            if len(self._changed) > before:  # a signal before this one may have changed its incident too
                known = self.writing.newest([signal.fingerprint])
            if signal.check_id == ALL:
                for one in self._unresolved():
                    if one.dataset == signal.dataset and one.kind == signal.kind:
                        self._judge(one, signal, event.time)
            else:
                self._judge(known.get(signal.fingerprint), signal, event.time)

    def _judge(self, known: Incident | None, signal: Signal, at: datetime) -> None:
        if known and signal.kind == "deadline" and not signal.failed and signal.evidence.slot < known.latest.slot:
            return  # an older slot came to its end: the newer one is overdue all the same
        place = f"{signal.dataset}.{signal.evidence.column}" if signal.evidence.column else signal.dataset
        of_column = self.ownership.owners.get(place) if signal.evidence.column else None
        owner = self.ownership.team_of(place, of_column or signal.owner).name
        change = episodes.judge(known, signal, owner, self.policy)
        if change is None:
            return
        new = change.verb in ("opened", "reopened")
        calls = new or change.verb == "worsened"
        window = self.ownership.window(signal.dataset, signal.evidence.at) if calls else None
        if window and change.incident.state == "open":
            muted = change.incident.model_copy(update={"state": "muted", "muted_until": window.end})
            change = Change(muted, change.verb, f"{change.what} (in maintenance {window.name}: nobody is called)")
        self.make(change, at)
        is_orphan = change.verb in ("repeated", "worsened") and change.incident.root is not None
        if new or is_orphan:
            self._group(change.incident, at)

    def make(self, change: Change, at: datetime, actor: str = HALLMARK) -> Incident:
        """Keep a change, with its line in the timeline; it is told at the end."""
        one = change.incident
        graph = self.graph if one.kind in GROUPED and one.state != "resolved" else None
        if graph:
            one = one.model_copy(update={"blast": graph.blast(one.dataset, one.owner, one.blast.unpublished)})
        before = self.writing.incident(one.id)
        kept = self.writing.put(one)
        self.writing.note(kept.id, at, actor, change.verb, change.what)
        self._changed.pop(f"{kept.id} {change.verb}", None)  # told in the order of what happened last
        self._changed[f"{kept.id} {change.verb}"] = (kept, change, at)
        if self._open is not None:
            self._open.pop(kept.id, None) if kept.state == "resolved" else self._open.update({kept.id: kept})
        old = self.writing.incident(before.root) if before and before.root and before.root != kept.root else None
        if old and (left := episodes.release(old, kept)):
            self.make(left, at)
        return kept

    def _unresolved(self) -> list[Incident]:
        if self._open is None:
            self._open = {one.id: one for one in self.writing.unresolved()}
        return list(self._open.values())

    @property
    def graph(self) -> Graph:
        """Of the datasets, read once."""
        if self._graph is None:
            self._graph = Graph(self.writing.known())
        return self._graph

    def _group(self, one: Incident, at: datetime) -> None:
        """Let it follow from what is open upstream or on the same dataset, and what is open downstream from it."""
        if one.kind not in GROUPED:
            return
        others = [o for o in self._unresolved() if o.id != one.id and o.kind in GROUPED]
        above = self.graph.upstream(one.dataset)
        near = [o for o in others if o.root is None and (o.dataset in {*above, one.dataset} or _one_source(o, one))]
        # A warning that has long been open explains nothing worse that begins now; what is muted, nothing new.
        heard = [o for o in near if o.state != "muted" and RANK[o.severity] >= RANK[one.severity]]
        roots = [o for o in near if o in heard or _together(o, one)]
        far = {o.id: len(self.graph.upstream(o.dataset)) for o in roots}
        if roots:
            root = min(roots, key=lambda o: (far[o.id], o.opened_at, o.id))
            if one.root != root.id:
                self._attach(root, [one], at)
            return
        if one.root is not None:  # its root is over, and it still fails
            alone = one.model_copy(update={"root": None, "called_at": at})
            self.make(Change(alone, "noted", f"{one.root}, which it followed from, is over; it still fails"), at)
        below = self.graph.downstream(one.dataset)
        follow = [o for o in others if o.dataset in below and o.root is None and _together(o, one)]
        if follow:
            theirs = {i for o in follow for i in o.attached}
            self._attach(one, [*follow, *(o for o in others if o.id in theirs)], at)

    def leave(self, one: Incident, at: datetime) -> bool:
        """Let it stand alone whose root has been over for a slot, though its own check was not made since."""
        root = self.writing.incident(one.root) if one.root else None
        if root and not (root.resolved_at and at - root.resolved_at > FOLLOWS_WITHIN):
            return False
        self._group(one, at)
        return True

    def _attach(self, root: Incident, children: Sequence[Incident], at: datetime) -> None:
        for child in children:
            now = self.writing.incident(child.id) or child
            self.make(episodes.attach(now, root), at)
        now = self.writing.incident(root.id) or root
        if change := episodes.adopt(now, children):
            self.make(change, at)

    def tell(self) -> None:
        """An event for each incident that changed, to those whom routing names."""
        for one, change, at in self._changed.values():
            event = told(one, change, at)
            self.writing.tell(event, self.route(event))


def _one_source(one: Incident, other: Incident) -> bool:
    """Whether both are streams of one source that failed in the same run: who is down is one."""
    sources = {i.dataset.partition("__")[0] for i in (one, other)}
    runs = {i.latest.run_id for i in (one, other)}
    return one.kind == other.kind == "load" and len(sources) == len(runs) == 1 and runs != {""}


def _together(one: Incident, other: Incident) -> bool:
    """Whether they began in the same slot; of those that are of none, at about the same time."""
    if one.first.slot and other.latest.slot:
        return one.first.slot == other.latest.slot
    return abs(one.opened_at - other.last_seen) <= FOLLOWS_WITHIN


def told(one: Incident, change: Change, at: datetime) -> Event:
    """`hallmark.incident.<verb>.v1`: the incident as it is since then."""
    data: dict[str, Any] = {
        "incident": one.model_dump(mode="json"), "what": change.what, "owner": one.owner, "severity": one.severity,
        "dataset": one.dataset, "escalations": one.escalations, "slot": one.latest.slot, "run_id": one.latest.run_id,
    }  # fmt: skip
    return Event.of(f"hallmark.incident.{change.verb}.v1", one.id, f"{one.id}/{one.revision}", at, **data)


def known_of(event: Event) -> Known:
    """What a dataset's or a lineage's event says of where it stands."""
    data = event.data
    if event.type == DATASET:
        return Known(name=event.subject, kind=str(data.get("kind") or "table"), owner=str(data.get("owner") or ""))
    inputs = data.get("inputs")
    if inputs is None:
        inputs = {".".join(str(e["source"]).split(".")[:-1]) for e in data.get("edges") or ()}
        inputs |= {data["origin"]["name"]} if data.get("origin") else set()
    return Known(name=event.subject, owner=str(data.get("owner") or ""), inputs=tuple(sorted(map(str, inputs))))
