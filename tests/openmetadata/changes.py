"""Versions: what changed between two states of an entity, in the server's own shape."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.openmetadata.kinds import Kind
from tests.openmetadata.parts import FIELDS, parts_of, set_parts
from tests.openmetadata.state import Doc, Record

UNVERSIONED = frozenset(
    "id name fullyQualifiedName version updatedAt updatedBy changeDescription incrementalChangeDescription href "
    "sourceHash lifeCycle".split()
)
PART_FIELDS = ("description", "displayName", "tags", "constraint", "dataTypeDisplay", "dataLength", "ordinalPosition",
               "taskType", "taskSQL", "sourceUrl", "downstreamTasks", "startDate", "endDate", "owners", "precision",
               "scale")  # fmt: skip
Change = tuple[str, Any, Any]


class Changes:
    """Fields that were added, changed, or taken away."""

    def __init__(self, kind: Kind, old: Doc, new: Doc) -> None:
        self.added: list[Doc] = []
        self.updated: list[Doc] = []
        self.deleted: list[Doc] = []
        self.major = False
        without = (set_parts(kind, old, []), set_parts(kind, new, []))
        for name in sorted((set(old) | set(new)) - UNVERSIONED):
            self._note(name, without[0].get(name), without[1].get(name))
        if kind.parts:
            self._note_parts(kind.parts, parts_of(kind, old), parts_of(kind, new))

    def __bool__(self) -> bool:
        return bool(self.added or self.updated or self.deleted)

    def described(self, previous: float) -> Doc:
        """The entity's changeDescription."""
        return {
            "fieldsAdded": self.added,
            "fieldsUpdated": self.updated,
            "fieldsDeleted": self.deleted,
            "previousVersion": previous,
        }

    def _note(self, name: str, old: Any, new: Any) -> None:
        if old == new or (not old and not new and not isinstance(old, bool | int) and not isinstance(new, bool | int)):
            return
        if isinstance(old or [], list) and isinstance(new or [], list):
            if gone := [item for item in old or [] if item not in (new or [])]:
                self.deleted.append({"name": name, "oldValue": text(gone)})
            if come := [item for item in new or [] if item not in (old or [])]:
                self.added.append({"name": name, "newValue": text(come)})
            if not gone and not come:
                self.updated.append({"name": name, "oldValue": text(old), "newValue": text(new)})
        elif old is None:
            self.added.append({"name": name, "newValue": text(new)})
        elif new is None:
            self.deleted.append({"name": name, "oldValue": text(old)})
        else:
            self.updated.append({"name": name, "oldValue": text(old), "newValue": text(new)})

    def _note_parts(self, path: str, old: list[Doc], new: list[Doc]) -> None:
        before, after = {typed(part): part for part in old}, {typed(part): part for part in new}
        if gone := [part for key, part in before.items() if key not in after]:
            self.major = True
            self.deleted.append({"name": path, "oldValue": text(gone)})
        if come := [part for key, part in after.items() if key not in before]:
            self.added.append({"name": path, "newValue": text(come)})
        for key, part in after.items():
            if (was := before.get(key)) is not None and was != part:
                below = f"{path}.{part['name']}"
                for name in PART_FIELDS:
                    self._note(named(below, name), was.get(name), part.get(name))
                self._note_parts(below, was.get("children") or [], part.get("children") or [])


def named(part: str, member: str) -> str:
    """How a change of a part is called. The server names one of a response's field in two ways."""
    if member != "tags" and part.startswith(f"{FIELDS}."):
        return f"schemaFields.responseSchema.{part.removeprefix(f'{FIELDS}.')}.{member}"
    return f"{part}.{member}"


def typed(part: Doc) -> tuple[Any, ...]:
    """A column of another type is another column."""
    return part["name"], part.get("dataType"), part.get("arrayDataType")


def text(value: Any) -> Any:
    """A value as the server keeps it in a change."""
    return json.dumps(value) if isinstance(value, dict | list) else value


def apply(kind: Kind, record: Record, new: Doc, by: str, now: int) -> bool:
    """Gives an entity its new state; whether that is another version."""
    old = record.doc
    changes = Changes(kind, old, new)
    if not changes:
        record.doc = {**new, "version": old["version"]}
        return False
    version = round(old["version"] + (1.0 if changes.major else 0.1), 1)
    record.history.insert(0, old)
    record.doc = {
        **new, "version": version, "updatedAt": now, "updatedBy": by,
        "changeDescription": changes.described(old["version"]),
    }  # fmt: skip
    return True


def versions(record: Record) -> Iterator[Doc]:
    """All versions of an entity, newest first."""
    yield record.doc
    yield from record.history
