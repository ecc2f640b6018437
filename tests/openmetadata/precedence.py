"""Who wins: a write over what is stored, by who writes and how (section 3.1 of the notes on the server)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.openmetadata.kinds import Kind
from tests.openmetadata.parts import FIELDS, Doc, parts_of, set_parts

KEPT_WITHOUT_VALUE = frozenset({"style", "certification", "connection", "ingestionRunner"})


@dataclass(frozen=True)
class Writer:
    """Who writes, and whether its call overrides."""

    user: str
    bot: bool
    override: bool = False


def merged(kind: Kind, stored: Doc, sent: Doc, by: Writer) -> Doc:
    """The new state of an entity, by a PUT."""
    new = dict(stored)
    for name in kind.settable:
        value = RULES.get(name, anything)(name, stored.get(name), sent.get(name), by)
        if value is None:
            new.pop(name, None)
        else:
            new[name] = value
    if kind.parts:
        before = {part["name"]: part for part in parts_of(kind, stored)}
        after = [merged_part(before.get(part["name"]), part, by) for part in parts_of(kind, sent)]
        if kind.parts == FIELDS and by.bot:
            after = [shown_as_before(before.get(part["name"]), part) for part in after]
        new = set_parts(kind, new, after)
        if by.bot and sent.get("tableConstraints") is None and new.get("tableConstraints"):
            names = {part["name"] for part in after}
            new["tableConstraints"] = [c for c in new["tableConstraints"] if set(c.get("columns") or []) <= names]
    return new


def merged_part(stored: Doc | None, sent: Doc, by: Writer) -> Doc:
    """A column or task over the stored one of its name."""
    if stored is None:
        return sent
    new = {key: value for key, value in sent.items() if value is not None}
    new["description"] = text("description", stored.get("description"), sent.get("description"), by)
    keeping = Writer(by.user, by.bot)
    new["displayName"] = text("displayName", stored.get("displayName"), sent.get("displayName"), keeping)
    new["tags"] = tags("tags", stored.get("tags"), sent.get("tags"), by)
    if sent.get("children") is not None:
        before = {part["name"]: part for part in stored.get("children") or []}
        new["children"] = [merged_part(before.get(part["name"]), part, by) for part in sent["children"]]
    return {key: value for key, value in new.items() if value is not None}


def shown_as_before(stored: Doc | None, sent: Doc) -> Doc:
    """A field whose type a bot does not show in other words."""
    shown = (stored or {}).get("dataTypeDisplay")
    same = shown and (stored or {}).get("dataType") == sent["dataType"]
    return {**sent, "dataTypeDisplay": shown} if same else sent


def text(_: str, stored: Any, sent: Any, by: Writer) -> Any:
    """Descriptions and display names."""
    if by.override:
        return sent or stored
    return stored if by.bot and stored else sent


def references(_: str, stored: Any, sent: Any, by: Writer) -> Any:
    """Owners, domains and the like: none is removed by a PUT."""
    return stored if (by.bot and stored and not by.override) or not sent else sent


def assigned(name: str, stored: Any, sent: Any, by: Writer) -> Any:
    """Domains and data products: an override does not reach them."""
    return references(name, stored, sent, Writer(by.user, by.bot))


def tags(_: str, stored: Any, sent: Any, by: Writer) -> Any:
    """Labels: merged, or replaced within each classification that an override names."""
    old, new = stored or [], sent or []
    coming = {label["tagFQN"] for label in new}
    roots = {group(label) for label in new} if by.override else set()
    kept = [label for label in old if label["tagFQN"] not in coming and group(label) not in roots]
    return sorted(kept + new, key=lambda label: str(label["tagFQN"]))


def group(label: Doc) -> tuple[str, str]:
    """The classification or glossary of a label."""
    return label["source"], label["tagFQN"].partition(".")[0]


def extension(_: str, stored: Any, sent: Any, by: Writer) -> Any:
    """Custom properties: a bot sets them by PATCH only."""
    if by.bot:
        return stored
    return {**(stored or {}), **{key: value for key, value in (sent or {}).items() if value is not None}} or None


def life_cycle(_: str, stored: Any, sent: Any, by: Writer) -> Any:
    """The newest stamp of each part."""
    parts = {**(stored or {})}
    for part, value in (sent or {}).items():
        if value and value["timestamp"] >= parts.get(part, {}).get("timestamp", 0):
            parts[part] = value
    return parts or None


def constraints(_: str, stored: Any, sent: Any, by: Writer) -> Any:
    """A bot that sends none keeps them."""
    return stored if by.bot and sent is None else sent


def retention(_: str, stored: Any, sent: Any, by: Writer) -> Any:
    """A bot that sends none keeps it, and so does an override."""
    return stored if (by.bot and (sent is None or by.override)) else sent


def anything(name: str, stored: Any, sent: Any, by: Writer) -> Any:
    """All other members are as sent."""
    return stored if sent is None and name in KEPT_WITHOUT_VALUE else sent


RULES = {
    "description": text, "displayName": text, "owners": references, "reviewers": references, "experts": references,
    "domains": assigned, "dataProducts": assigned, "tags": tags, "extension": extension, "lifeCycle": life_cycle,
    "tableConstraints": constraints, "retentionPeriod": retention,
}  # fmt: skip
