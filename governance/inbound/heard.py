"""What a person did to a page, and which of our incidents that means. No I/O but the desk's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from governance.incidents.model import Desk, Reported
from governance.model import Frozen
from governance.transports.pages import Shown, incident_of, line

EVER = datetime.min.replace(tzinfo=UTC)
TEXT_LIMIT = 500
Pages = Mapping[str, Sequence[str]]
"""The incidents behind each page that is open, by its key: one, or those of a storm."""


class Heard(Frozen):
    """What a person did to a page."""

    key: str
    verb: Literal["acknowledged", "resolved"]
    actor: str
    at: datetime
    note: str = ""


def open_pages(desk: Desk, destinations: Iterable[str]) -> dict[str, list[str]]:
    """What these destinations show and nobody has ended."""
    found: dict[str, list[str]] = {}
    for name in destinations:
        for reference in desk.references(name, "triggered_at", EVER):
            shown = Shown.model_validate(reference)
            if shown.paged:
                found.setdefault(shown.key, []).append(shown.incident)
    return found


def reports(heard: Heard, pages: Pages) -> list[Reported]:
    """The same of our incidents. A page that is not known to be open is looked at by its key alone."""
    own = incident_of(heard.key)
    ids = pages.get(heard.key) or ([own] if own else [])
    said: dict[str, Any] = {"verb": heard.verb, "actor": heard.actor, "at": heard.at, "note": heard.note}
    return [Reported(incident=id_, **said) for id_ in ids]


def text(value: object) -> str:
    """A text of the other side: one line, cut."""
    return line(str(value or ""))[:TEXT_LIMIT]


def time(value: object) -> datetime:
    """An RFC 3339 time. Raises ValueError."""
    at = datetime.fromisoformat(str(value))
    return at if at.tzinfo else at.replace(tzinfo=UTC)
