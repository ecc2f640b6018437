"""Incidents in memory: for a preview, and for the tests of channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from governance.incidents.model import Entry, Incident


@dataclass
class MemoryDesk:
    """Keeps what it is given, until it is gone."""

    incidents: dict[str, Incident] = field(default_factory=dict)
    entries: dict[str, list[Entry]] = field(default_factory=dict)
    remembered: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def incident(self, id: str) -> Incident | None:
        """As it stands now."""
        return self.incidents.get(id)

    def timeline(self, id: str, after: int = 0) -> Sequence[Entry]:
        """Its entries after this one."""
        return [e for e in self.entries.get(id, ()) if e.seq > after]

    def reference(self, id: str, destination: str) -> dict[str, Any]:
        """What was remembered."""
        return dict(self.remembered.get((id, destination), {}))

    def remember(self, id: str, destination: str, reference: dict[str, Any]) -> None:
        """Keep it."""
        self.remembered[id, destination] = dict(reference)

    def references(self, destination: str, key: str, since: datetime) -> Sequence[dict[str, Any]]:
        """Those whose `key` is a time not before `since`."""
        mine = (r for (_, name), r in self.remembered.items() if name == destination)
        return [r for r in mine if r.get(key) and datetime.fromisoformat(r[key]) >= since]
