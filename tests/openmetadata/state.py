"""What the server keeps: entities with their histories, edges, series, tasks, and what search knows of them."""

from __future__ import annotations

import threading
import time
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from tests.openmetadata.errors import not_found
from tests.openmetadata.index import Index

Doc = dict[str, Any]
Series = dict[int, Doc]


@dataclass
class Record:
    """An entity as it is now, and as it was."""

    type: str
    doc: Doc
    parent: str | None = None
    history: list[Doc] = field(default_factory=list)
    """Earlier versions, newest first."""
    seeded: bool = False

    @property
    def id(self) -> str:
        """Never changes, also over a soft deletion."""
        return str(self.doc["id"])

    @property
    def fqn(self) -> str:
        """Its key within its type."""
        return str(self.doc["fullyQualifiedName"])

    @property
    def deleted(self) -> bool:
        """Whether it is soft-deleted."""
        return bool(self.doc.get("deleted"))

    @property
    def ref(self) -> Doc:
        """How other entities name it."""
        return {"id": self.id, "type": self.type}


@dataclass
class Edge:
    """Lineage between two entities."""

    source: Doc
    target: Doc
    details: Doc
    description: str | None = None


@dataclass
class Setting:
    """How the server is set up, where installations differ."""

    release: str = "2.0.6"
    denied: set[str] = field(default_factory=set)
    """Operations that the bot's policy refuses, as `EditLineage`."""
    search_delay: float = 0.0
    """Seconds until search knows of a write."""
    retro_results_are_history: bool = True
    """A result older than the newest leaves the incident alone; older releases of 2.0 may differ."""


class State:
    """All of it. Who reads it from another thread than the server's holds `lock`."""

    def __init__(self) -> None:
        self.setting = Setting()
        self.records: dict[str, Record] = {}
        self.keys: dict[tuple[str, str], str] = {}
        self.children: dict[str, dict[str, None]] = defaultdict(dict)
        self.edges: dict[tuple[str, str], Edge] = {}
        self.series: dict[tuple[str, str], Series] = defaultdict(dict)
        """Per (what, id of an entity): rows by timestamp."""
        self.extras: dict[tuple[str, str], Any] = {}
        """Per (what, id of an entity): the one value, as sample data."""
        self.tasks: dict[str, Doc] = {}
        self.incidents: dict[str, list[Doc]] = defaultdict(list)
        """Per id of a test case: rows of its incidents' states, oldest first."""
        self.contract_results: dict[str, dict[str, Doc]] = defaultdict(dict)
        self.property_types: dict[str, Doc] = {}
        self.properties: dict[str, dict[str, Doc]] = defaultdict(dict)
        """Per entity type: its custom properties by name."""
        self.search = Index()
        self.lock = threading.RLock()
        self._last = 0

    def __getstate__(self) -> Doc:
        return {name: value for name, value in vars(self).items() if name != "lock"}

    def __setstate__(self, kept: Doc) -> None:
        vars(self).update(kept)
        self.lock = threading.RLock()

    def now(self) -> int:
        """Milliseconds, never the same twice."""
        self._last = max(self._last + 1, int(time.time() * 1000))
        return self._last

    def add(self, record: Record) -> Record:
        """Keeps a new entity."""
        self.records[record.id] = record
        self.keys[record.type, record.fqn] = record.id
        if record.parent:
            self.children[record.parent][record.id] = None
        return record

    def drop(self, record: Record) -> None:
        """Forgets an entity, and all that hangs on it."""
        one = record.id
        del self.records[one], self.keys[record.type, record.fqn]
        if record.parent:
            self.children[record.parent].pop(one, None)
        self.children.pop(one, None)
        for ends in [ends for ends, edge in self.edges.items() if one in ends or named(edge.details) == one]:
            del self.edges[ends]
            self.search.put("edge", ends, None, self.setting.search_delay)
        for key in [key for key in self.series if key[1] == one]:
            del self.series[key]
        for key in [key for key in self.extras if key[1] == one]:
            del self.extras[key]
        for task in [task for task, doc in self.tasks.items() if doc["about"]["id"] == one]:
            del self.tasks[task]
        self.incidents.pop(one, None)
        self.contract_results.pop(one, None)

    def find(self, type_: str, fqn: str) -> Record | None:
        """An entity by name, deleted or not."""
        found = self.keys.get((type_, fqn))
        return self.records[found] if found else None

    def named(self, type_: str, fqn: str) -> Record:
        """An entity that is there, by name; 404."""
        found = self.find(type_, fqn)
        if found is None or found.deleted:
            raise not_found(type_, fqn)
        return found

    def by_id(self, type_: str, id_: str) -> Record:
        """An entity that is there, by id; 404."""
        found = self.records.get(id_)
        if found is None or found.deleted or found.type != type_:
            raise not_found(type_, id_)
        return found

    def of_type(self, type_: str) -> list[Record]:
        """All of a type, by name."""
        return sorted((r for r in self.records.values() if r.type == type_), key=lambda r: (r.doc["name"], r.id))


def named(details: Doc) -> str | None:
    """The id of the pipeline that an edge names."""
    pipeline = details.get("pipeline") or {}
    return pipeline.get("id")


def new_id() -> str:
    """An id that nothing has."""
    return str(uuid.uuid4())
