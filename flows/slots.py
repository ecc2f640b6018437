"""Slots: the UTC labels 00, 06, 12 and 18 h under which batches run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from governance.errors import RefusedError

LENGTH = timedelta(hours=6)


def parse(text: str) -> datetime:
    """A slot from `2026-11-22T06:00:00Z` or any ISO form; without a zone it is UTC."""
    try:
        slot = datetime.fromisoformat(text)
    except ValueError:
        raise RefusedError(f"slot {text}", "not a time", "write it like 2026-11-22T06:00:00Z") from None
    slot = slot.astimezone(UTC) if slot.tzinfo else slot.replace(tzinfo=UTC)
    if slot != floor(slot):
        raise RefusedError(f"slot {text}", "a slot is at 00, 06, 12 or 18 h UTC", f"use {show(floor(slot))}")
    return slot


def show(slot: datetime) -> str:
    """A slot as it is printed and stored in JSON."""
    return slot.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def floor(time: datetime) -> datetime:
    """The slot that a time falls in."""
    utc = time.astimezone(UTC)
    return utc.replace(hour=utc.hour - utc.hour % 6, minute=0, second=0, microsecond=0)


def newest_complete(known: Sequence[tuple[datetime, str]]) -> datetime | None:
    """Of the slots of the ledger."""
    return max((slot for slot, state in known if state == "completed"), default=None)


def check_not_ahead(slot: datetime, newest: datetime | None, now: datetime) -> None:
    """Raises RefusedError for a slot beyond the next one: once complete, it would end all that come before it."""
    last = max(floor(now), newest + LENGTH) if newest else floor(now) + LENGTH
    if slot > last:
        raise RefusedError(f"slot {show(slot)}", "it is beyond the next one", f"use {show(last)} or an older one")


def choose(known: Sequence[tuple[datetime, str]], now: datetime, rebuild: bool = False) -> datetime:
    """The oldest unfinished slot, else the next after the last complete one, else the slot of now.

    To rebuild layers without ingesting, the last complete slot is taken again.
    """
    unfinished = [slot for slot, state in known if state != "completed"]
    if unfinished:
        return unfinished[0]
    if known and rebuild:
        return known[-1][0]
    return known[-1][0] + LENGTH if known else floor(now)
