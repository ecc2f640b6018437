"""Names, fully qualified names and entity links."""

from __future__ import annotations

import re

from tests.openmetadata.errors import bad

PART = re.compile(r'"[^"]*"|[^."]+')
ENTITY_LINK = re.compile(r"<#E::(\w+)::([^<>|]+)>")
REFUSED = re.compile(r'::|[>"\x00-\x1f]')


def checked_name(name: str, longest: int | None = 256) -> str:
    """The name, if an entity, a column or a task may have it."""
    if REFUSED.search(name):
        raise bad(f'[name must match "^((?!::)[^><\\"\\x00-\\x1f])*$"], got {name!r}')
    if not name or (longest and len(name) > longest):
        raise bad(f"[name size must be between 1 and {longest}]")
    return name


def quoted(part: str) -> str:
    """A part of a fully qualified name."""
    return f'"{part}"' if "." in part and not part.startswith('"') else part


def joined(parent: str, *parts: str) -> str:
    """Parts below a parent's fully qualified name."""
    return ".".join([parent, *map(quoted, parts)])


def split(fqn: str) -> list[str]:
    """The parts of a fully qualified name, without quotes."""
    return [part.strip('"') for part in PART.findall(fqn)]


def parsed_link(link: str) -> tuple[str, str, str | None]:
    """Entity type, FQN and column of an entity link."""
    found = ENTITY_LINK.fullmatch(link)
    if found is None:
        raise bad(f"[entityLink must match {ENTITY_LINK.pattern}], got {link!r}")
    fqn, _, rest = found[2].partition("::")
    field, _, column = rest.partition("::")
    if rest and (field != "columns" or not column):
        raise bad(f"Invalid entityLink {link}")
    return found[1], fqn, column.split("::")[0] or None
