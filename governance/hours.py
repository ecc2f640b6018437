"""Hours of the week in a time zone: when a team works, or wants to be left alone. Pure."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BeforeValidator, Field, field_validator, model_validator

from governance.calendar import DAYS, Day, check_calendar, check_zone, is_holiday
from governance.model import Frozen

LONGEST = timedelta(days=31)
STEP = timedelta(minutes=15)


def parse_clock(value: object) -> time:
    """`09:00` as a time. Raises ValueError for what is none: a number is not, nor a time with a zone of its own."""
    if isinstance(value, time) and value.tzinfo is None:
        return value
    if isinstance(value, str) and (found := re.fullmatch(r"(\d{1,2}):(\d\d)(:00)?", value)):
        return time(int(found[1]), int(found[2]))
    raise ValueError("no time of the day: write it like 09:00, without a zone, which `timezone` gives")


Clock = Annotated[time, BeforeValidator(parse_clock)]


class Hours(Frozen):
    """From one time of the day to another on some days; past midnight if `until` is not after `since`."""

    timezone: str = "UTC"
    """IANA's name of it, such as Europe/Berlin."""
    days: tuple[Day, ...] = DAYS
    since: Clock = time(0)
    until: Clock = time(0)
    holidays: str = ""
    """Country, or country-subdivision, whose public holidays are no days of it (ISO 3166, such as DE or US-CA)."""
    on_holidays: bool = False
    """Whether all of a public holiday belongs to it instead."""

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        return check_zone(value)

    @field_validator("holidays")
    @classmethod
    def _calendar(cls, value: str) -> str:
        return check_calendar(value)

    def contain(self, at: datetime) -> bool:
        """Whether a moment lies within them."""
        local = at.astimezone(ZoneInfo(self.timezone))
        if self.on_holidays and is_holiday(self.holidays, local.date()):
            return True
        clock = local.time().replace(tzinfo=None)
        if self.since < self.until:
            return self._is_day(local.date()) and self.since <= clock < self.until
        evening = self._is_day(local.date()) and clock >= self.since
        return evening or (self._is_day(local.date() - timedelta(days=1)) and clock < self.until)

    def next_within(self, at: datetime) -> datetime:
        """The moment itself where it lies within them, else when they begin next; a month later at most."""
        if self.contain(at):
            return at
        found = at.replace(minute=at.minute - at.minute % 15, second=0, microsecond=0) + STEP
        while not self.contain(found) and found - at < LONGEST:
            found += STEP
        return found

    def end_after(self, at: datetime) -> datetime:
        """When they end, of a moment within them; to a quarter of an hour, and a month later at most."""
        quarter = at.replace(minute=at.minute - at.minute % 15, second=0, microsecond=0)
        found = quarter + STEP
        while self.contain(found) and found - at < LONGEST:
            found += STEP
        return found

    def _is_day(self, day: date) -> bool:
        return DAYS[day.weekday()] in self.days and not is_holiday(self.holidays, day)


class Window(Frozen):
    """A time that was announced, in which what fails is recorded and wakes nobody."""

    name: str
    begin: AwareDatetime
    end: AwareDatetime
    datasets: tuple[str, ...] = Field(default=("*",))
    """Patterns as in a shell: `bronze.crm__*`; of flows too."""

    @model_validator(mode="after")
    def _ahead(self) -> Window:
        if self.end <= self.begin:
            raise ValueError(f"{self.name}: its end is not after its begin")
        return self
