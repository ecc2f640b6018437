"""Who wins where a person and the declarations say different things of an entity, field by field.

- `seed`: written where the catalog has nothing, and kept up to date while nobody else writes it. A person's value
  stays, that of another program too, and a field that a person emptied stays empty.
- `enforce`: what is declared wins; a person's value that it takes the place of is recorded.
- `merge`: of labels: ours beside theirs, and one of ours that a person took off stays off.

A label that we put on (`Automated`) goes when it is no longer declared. Types and constraints are the warehouse's:
nobody has a say in them.

A bot's PUT keeps the fields that hold something; what has to change goes by a JSON patch. Who wrote a field last is in
the versions of the entity, which name the fields that each of them changed.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Literal

from governance.model import Frozen

Rule = Literal["seed", "enforce", "merge"]
Json = dict[str, Any]
RULES: Mapping[str, Rule] = {
    "description": "seed", "displayName": "seed", "domains": "seed", "owners": "enforce",
    "pii": "enforce", "tier": "enforce", "tags": "merge",
}  # fmt: skip
ALLOWED: Mapping[str, tuple[Rule, ...]] = {
    **dict.fromkeys(("description", "displayName", "domains", "owners"), ("seed", "enforce")),
    **dict.fromkeys(("pii", "tier", "tags"), ("merge", "enforce")),
}
OURS = "Automated"
TIER, PII = "Tier", "PII"
EXCLUSIVE = frozenset((TIER, PII))
"""Classifications of the server of which an entity has one label."""
_FIELD_OF = {TIER: "tier", PII: "pii"}


class Overridden(Frozen):
    """A person's value that a declared one took the place of."""

    entity: str
    field: str
    was: str
    now: str
    editor: str


def rules_of(given: Mapping[str, Rule] | None) -> dict[str, Rule]:
    """The rules with those that are given. Raises ValueError for a field or a rule that there is not."""
    for field, rule in (given or {}).items():
        if rule not in ALLOWED.get(field, ()):
            known = "; ".join(f"{f}: {' or '.join(r)}" for f, r in ALLOWED.items())
            raise ValueError(f"no rule {rule!r} for {field!r}; there are {known}")
    return {**RULES, **(given or {})}


class History:
    """Who changed which field of an entity, newest first. `ours` are the names under which we write."""

    def __init__(self, versions: Sequence[str | Json], ours: Collection[str] = ()) -> None:
        self._versions = [json.loads(v) if isinstance(v, str) else v for v in versions]
        self._ours = set(ours)

    def person(self, field: str) -> str | None:
        """The person who wrote the field last; None where that was a program, or nobody did since it was made."""
        return next((self._person(version) for version, _ in self._changes(field)), None)

    def is_ours(self, field: str) -> bool:
        """Whether what the field holds is what we wrote: nobody changed it since, and we made or changed it."""
        last = next((version for version, _ in self._changes(field)), None)
        made = last or (self._versions[-1] if self._versions else {})
        return made.get("updatedBy") in self._ours

    def took_off(self, field: str, tag: str) -> str | None:
        """The person who took a label off, where that is the last that was done with it."""
        for version, change in self._changes(field):
            if _holds(change.get("fieldsAdded"), field, tag):
                return None
            if _holds(change.get("fieldsDeleted"), field, tag):
                return self._person(version)
        return None

    def put_on(self, field: str, tag: str) -> str | None:
        """The person who put a label on; it may have been there since the entity was made."""
        for version, change in self._changes(field):
            if _holds(change.get("fieldsAdded"), field, tag):
                return self._person(version)
        return self._person(self._versions[-1]) if self._versions else None

    def _person(self, version: Json) -> str | None:
        editor = str(version.get("updatedBy", ""))
        return None if editor in self._ours or editor.endswith("-bot") else editor

    def _changes(self, field: str) -> Iterable[tuple[Json, Json]]:
        """The versions that changed a field, each with its changes."""
        kinds = ("fieldsAdded", "fieldsUpdated", "fieldsDeleted")
        for version in self._versions:
            change = version.get("changeDescription") or {}
            if any(_names(x.get("name", ""), field) for kind in kinds for x in change.get(kind) or ()):
                yield version, change


def _names(changed: str, field: str) -> bool:
    """Whether a change is of the field; a column's is `columns.<name>.description`, its name quoted or not.

    Of a container the columns stand in `dataModel`. The fields of an endpoint go by two names.
    """
    plain = changed.replace('"', "").removeprefix("dataModel.")
    for above in ("responseSchema.schemaFields.", "schemaFields.responseSchema."):
        if plain.startswith(above):
            plain = f"columns.{plain.removeprefix(above)}"
    return plain == field.replace('"', "")


def _holds(changes: Sequence[Json] | None, field: str, tag: str) -> bool:
    """Whether changes of a field name a label."""
    values = [x.get(v) for x in changes or () if _names(x.get("name", ""), field) for v in ("oldValue", "newValue")]
    texts = [v if isinstance(v, str) else json.dumps(v) for v in values]
    return any(json.dumps(tag) in text for text in texts)


def labels(
    stored: Sequence[Json], wanted: Iterable[str], rules: Mapping[str, Rule], exclusive: Collection[str] = EXCLUSIVE
) -> list[Json] | None:
    """The labels that should be there beside and instead of the stored ones; None where they are as they should be.

    Of a classification in `exclusive` there is one label at most.
    """
    wanted = one_of_each(wanted, exclusive)
    kept = [x for x in stored if (is_tag(x) and x["tagFQN"] in wanted) or not _gone(x, wanted, rules, exclusive)]
    there = {x["tagFQN"] for x in kept if is_tag(x)}
    taken = {family(tag) for tag in there} & set(exclusive)
    new = [t for t in wanted if t not in there and family(t) not in taken]
    if len(kept) == len(stored) and not new:
        return None
    label = {"source": "Classification", "labelType": OURS, "state": "Confirmed"}
    return [*kept, *({"tagFQN": t, **label} for t in new)]


def one_of_each(tags: Iterable[str], exclusive: Collection[str]) -> list[str]:
    """Each label once, and of an exclusive classification the first one."""
    found: list[str] = []
    for tag in dict.fromkeys(tags):
        if family(tag) not in exclusive or all(family(t) != family(tag) for t in found):
            found.append(tag)
    return found


def _gone(label: Json, wanted: Sequence[str], rules: Mapping[str, Rule], exclusive: Collection[str]) -> bool:
    """Whether a stored label that is not declared has to go."""
    if not is_tag(label):
        return False
    if label.get("labelType") == OURS:
        return True
    kind = family(label["tagFQN"])
    return rule_of(label["tagFQN"], rules) == "enforce" and kind in exclusive and any(family(t) == kind for t in wanted)


def rule_of(tag: str, rules: Mapping[str, Rule]) -> Rule:
    """Of a label."""
    return rules[_FIELD_OF.get(family(tag), "tags")]


def is_tag(label: Json) -> bool:
    """Whether a label is of a classification; the others are terms of a glossary, which are people's."""
    return str(label.get("source", "Classification")) == "Classification"


def family(tag: str) -> str:
    """The classification of a tag."""
    return tag.partition(".")[0] if not tag.startswith('"') else tag.partition('".')[0] + '"'


def by_hand(stored: Sequence[Json], now: Sequence[Json]) -> list[str]:
    """The labels of a person among those that went."""
    left = {x["tagFQN"] for x in now}
    return [x["tagFQN"] for x in stored if x["tagFQN"] not in left and x.get("labelType") != OURS]
