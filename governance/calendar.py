"""What hours of a week are made of: days, time zones, public holidays. Pure.

Holidays are those of the `holidays` package: a country, or country and subdivision (`DE-BY`).
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def check_zone(name: str) -> str:
    """The name. Raises ValueError for one that is no time zone."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("no time zone of the IANA database, such as Europe/Berlin") from None
    return name


def check_calendar(name: str) -> str:
    """The name. Raises ValueError for one that has no holidays."""
    if name:
        _holidays(name, 2026)
    return name


def is_holiday(calendar: str, day: date) -> bool:
    """Whether it is a public holiday; of a calendar without a name no day is."""
    return bool(calendar) and day in _holidays(calendar, day.year)


@lru_cache(maxsize=64)
def _holidays(calendar: str, year: int) -> frozenset[date]:
    import holidays

    country, _, subdivision = calendar.partition("-")
    try:
        return frozenset(holidays.country_holidays(country, subdiv=subdivision or None, years=year))
    except NotImplementedError:
        raise ValueError(f"the package holidays has no calendar {calendar}") from None
