"""The parts of a message, as frozen types: what stands in it and in which order, not how it looks.

Texts are data, as they came: each format cleans and escapes them.
"""

from __future__ import annotations

from typing import Literal

from governance.model import Frozen

Tone = Literal["critical", "warning", "info", "seen", "quiet", "ok"]
SIGNS: dict[Tone, str] = {"critical": "🔴", "warning": "🟠", "info": "🔵", "seen": "👀", "quiet": "🔕", "ok": "✅"}


class Facts(Frozen):
    """Labels with short values, two columns where there is room."""

    items: tuple[tuple[str, str], ...]


class Paragraph(Frozen):
    """A few sentences."""

    text: str
    title: str = ""


class Call(Frozen):
    """Somebody is called by name: `<@U…>`, `<!subteam^S…>` or a handle."""

    whom: str
    text: str = ""


class Items(Frozen):
    """A list, and how many there are that it does not name."""

    title: str
    items: tuple[str, ...]
    more: int = 0


class Code(Frozen):
    """Text of a program: a query, an error."""

    title: str
    text: str


class Grid(Frozen):
    """Rows of a table; None is NULL."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]


class LinkRow(Frozen):
    """(label, address) of where to look."""

    links: tuple[tuple[str, str], ...]


class Commands(Frozen):
    """(what it is for, the command) of what can be done."""

    title: str
    items: tuple[tuple[str, str], ...]


Part = Facts | Paragraph | Call | Items | Code | Grid | LinkRow | Commands


class Body(Frozen):
    """A message."""

    title: str
    """One line; empty where the parts are all there is."""
    tone: Tone = "info"
    parts: tuple[Part, ...] = ()
