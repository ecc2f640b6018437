"""Names as OpenMetadata writes them: fully qualified names, entity links, and what a name may hold.

The server's rules: parts are joined by dots, and a part with a dot in it is quoted; case counts everywhere; a name has
1 to 256 characters and none of `::`, `>`, `"` and control characters (type/basic.json, `entityName`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from urllib.parse import quote as percent

NAME_LIMIT = 256
_FORBIDDEN = re.compile(r'::|[>"\x00-\x1f<|]')
_PART = re.compile(r'"([^"]*)"|([^.]+)')


def clean(name: str) -> str:
    """A name that the server accepts: what it forbids becomes `_`, and a long one ends in a digest of the whole.

    Without `<` and `|` too, which a name may hold and an entity link may not.
    """
    safe = _FORBIDDEN.sub("_", name).strip() or "_"
    if len(safe) <= NAME_LIMIT:
        return safe
    return f"{safe[: NAME_LIMIT - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def fqn(*parts: str) -> str:
    """The fully qualified name of these parts, outermost first."""
    return ".".join(f'"{part}"' if "." in part else part for part in parts)


def join(parent: str, *parts: str) -> str:
    """A fully qualified name below another one."""
    return f"{parent}.{fqn(*parts)}"


def split(name: str) -> list[str]:
    """The parts of a fully qualified name."""
    return [quoted or plain for quoted, plain in _PART.findall(name)]


def in_path(name: str) -> str:
    """A fully qualified name within a path of a URL."""
    return percent(name, safe="")


class Spelling:
    """Names as they are spelled: one is found as it is, else in another case, where only one is so."""

    def __init__(self, names: Iterable[str]) -> None:
        self._exact = set(names)
        self._folded: dict[str, list[str]] = {}
        for name in self._exact:
            self._folded.setdefault(name.casefold(), []).append(name)

    def of(self, name: str) -> str | None:
        """How it is spelled; None for what is not there, or could be either of two."""
        if name in self._exact:
            return name
        found = self._folded.get(name.casefold(), [])
        return found[0] if len(found) == 1 else None


def linkable(name: str) -> bool:
    """Whether a name can stand in an entity link."""
    return not _FORBIDDEN.search(name)


def entity_link(table: str, column: str | None = None) -> str:
    """What a test case is about."""
    return f"<#E::table::{table}::columns::{column}>" if column else f"<#E::table::{table}>"
