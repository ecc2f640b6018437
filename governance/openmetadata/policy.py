"""Who wins where a person and the declarations say different things of an entity, field by field.

- `seed`: written where the catalog has nothing. A person's value stays, and a field that a person emptied stays empty.
- `enforce`: what is declared wins; a person's value that it takes the place of is recorded.
- `merge`: ours beside theirs. A label that we put on (`Automated`) goes when it is no longer declared.

A bot's PUT keeps the fields that hold something; what has to change goes by a JSON patch. Who wrote a field last is in
the versions of the entity, which name the fields that each of them changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from governance.model import Frozen

Rule = Literal["seed", "enforce", "merge"]
Json = dict[str, Any]
RULES: Mapping[str, Rule] = {
    "description": "seed", "displayName": "seed", "domains": "seed", "owners": "enforce", "types": "enforce",
    "constraints": "enforce", "pii": "enforce", "tier": "enforce", "tags": "merge",
}  # fmt: skip
OURS = "Automated"
TIER, PII = "Tier", "PII"
_FIELD_OF = {TIER: "tier", PII: "pii"}


class Overridden(Frozen):
    """A person's value that a declared one took the place of."""

    entity: str
    field: str
    was: str
    now: str
    editor: str


class History:
    """Who changed which field of an entity, newest first. `ours` are the names under which we write."""

    def __init__(self, versions: Sequence[str | Json], ours: Iterable[str] = ()) -> None:
        self._versions = [json.loads(v) if isinstance(v, str) else v for v in versions]
        self._ours = set(ours)

    def person(self, field: str) -> str | None:
        """The person who wrote the field last; None where that was a program, or nobody did."""
        for version in self._versions:
            change = version.get("changeDescription") or {}
            kinds = ("fieldsAdded", "fieldsUpdated", "fieldsDeleted")
            if any(_names(x.get("name", ""), field) for kind in kinds for x in change.get(kind) or ()):
                editor = str(version.get("updatedBy", ""))
                return None if editor in self._ours or editor.endswith("-bot") else editor
        return None


def _names(changed: str, field: str) -> bool:
    """Whether a change is of the field; a column's is `columns.<name>.description`, its name quoted or not."""
    return changed.replace('"', "") == field.replace('"', "")


def labels(stored: Sequence[Json], wanted: Iterable[str], rules: Mapping[str, Rule]) -> list[Json] | None:
    """The labels that should be there beside and instead of the stored ones; None where they are as they should be."""
    wanted = list(dict.fromkeys(wanted))
    kept = [x for x in stored if x["tagFQN"] in wanted or not _gone(x, wanted, rules)]
    there = {x["tagFQN"] for x in kept}
    kept_in = {family(x["tagFQN"]) for x in kept if family(x["tagFQN"]) in _FIELD_OF}
    new = [t for t in wanted if t not in there and family(t) not in kept_in]
    if len(kept) == len(stored) and not new:
        return None
    label = {"source": "Classification", "labelType": OURS, "state": "Confirmed"}
    return [*kept, *({"tagFQN": t, **label} for t in new)]


def _gone(label: Json, wanted: Sequence[str], rules: Mapping[str, Rule]) -> bool:
    """Whether a stored label that is not declared has to go."""
    kind = family(label["tagFQN"])
    if label.get("labelType") == OURS and label.get("source", "Classification") == "Classification":
        return True
    rule = rules[_FIELD_OF.get(kind, "tags")]
    return rule == "enforce" and any(family(t) == kind for t in wanted)


def family(tag: str) -> str:
    """The classification of a tag."""
    return tag.partition(".")[0]


def by_hand(stored: Sequence[Json], now: Sequence[Json]) -> list[str]:
    """The labels of a person among those that went."""
    left = {x["tagFQN"] for x in now}
    return [x["tagFQN"] for x in stored if x["tagFQN"] not in left and x.get("labelType") != OURS]
