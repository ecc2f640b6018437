"""Hours of the week in a time zone, without public holidays: when a team works, or wants to be left alone. Pure."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo

import holidays as public
from pydantic import Field, field_validator

from governance.model import Frozen

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONGEST = timedelta(days=31)
STEP = timedelta(minutes=15)


class Hours(Frozen):
    """From one time of the day to another on some days; past midnight if `until` is not after `since`."""

    timezone: str = "UTC"
    """IANA's name of it, such as Europe/Berlin."""
    days: tuple[Day, ...] = DAYS
    since: time = time(0)
    until: time = time(0)
    holidays: str | None = None
    """Country, or country-subdivision, whose public holidays are no days of it (ISO 3166, such as DE or US-CA)."""
    on_holidays: bool = False
    """Whether all of a public holiday belongs to it instead."""

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ValueError, OSError):
            raise ValueError(f"{value!r} is no time zone, such as Europe/Berlin") from None
        return value

    @field_validator("holidays")
    @classmethod
    def _country(cls, value: str | None) -> str | None:
        if value:
            _holidays(value)
        return value

    def contain(self, at: datetime) -> bool:
        """Whether a moment lies within them."""
        local = at.astimezone(ZoneInfo(self.timezone))
        if self.on_holidays and self._is_holiday(local.date()):
            return True
        clock = local.time().replace(tzinfo=None)
        if self.since < self.until:
            return self._is_day(local.date()) and self.since <= clock < self.until
        evening = self._is_day(local.date()) and clock >= self.since
        return evening or (self._is_day(local.date() - timedelta(days=1)) and clock < self.until)

    def end_after(self, at: datetime) -> datetime:
        """When they end, of a moment within them; to a quarter of an hour, and a month later at most."""
        quarter = at.replace(minute=at.minute - at.minute % 15, second=0, microsecond=0)
        found = quarter + STEP
        while self.contain(found) and found - at < LONGEST:
            found += STEP
        return found

    def _is_day(self, day: date) -> bool:
        return DAYS[day.weekday()] in self.days and not self._is_holiday(day)

    def _is_holiday(self, day: date) -> bool:
        return bool(self.holidays) and day in _holidays(str(self.holidays))


class Window(Frozen):
    """A time that was announced, in which what fails is recorded and wakes nobody."""

    name: str
    begin: datetime
    end: datetime
    datasets: tuple[str, ...] = Field(default=("*",))
    """Patterns as in a shell: `bronze.crm__*`; of flows too."""


@cache
def _holidays(place: str) -> public.HolidayBase:
    country, _, part = place.partition("-")
    try:
        return public.country_holidays(country, subdiv=part or None)
    except NotImplementedError:
        raise ValueError(f"{place!r} is no country whose holidays are known, such as DE or US-CA") from None
