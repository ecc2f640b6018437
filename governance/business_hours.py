"""When people of a dataset work: hours, weekdays, holidays and their time zone, and time that is counted so. Pure.

meta: {business_hours: {timezone: America/New_York, opens: "08:00", closes: "18:00", days: [mon, tue, wed, thu, fri],
       holidays: US}}
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError, field_validator, model_validator

from governance.calendar import DAYS, Day, check_calendar, check_zone, is_holiday
from governance.errors import ConfigurationError
from governance.manifest import dataset_name, meta_of
from governance.model import Frozen

MIDNIGHT = "24:00"
_DAY = timedelta(days=1)


class BusinessHours(Frozen):
    """From opening to closing on the days that are no holidays, by the clock of a time zone."""

    timezone: str = "UTC"
    opens: str = "00:00"
    closes: str = MIDNIGHT
    days: tuple[Day, ...] = DAYS[:5]
    holidays: str = ""

    @classmethod
    def declared(cls, node: Mapping[str, Any]) -> BusinessHours | None:
        """Those of a node of dbt's manifest, if it has any. Raises ConfigurationError for what cannot be."""
        found = meta_of(node).get("business_hours")
        if found is None:
            return None
        try:
            return cls.model_validate(found)
        except ValidationError as error:
            raise ConfigurationError.of_validation(f"meta.business_hours of {dataset_name(node)}", error) from None

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        return check_zone(value)

    @field_validator("opens", "closes")
    @classmethod
    def _clock(cls, value: str) -> str:
        if value != MIDNIGHT:
            time.fromisoformat(value)
        return value

    @field_validator("holidays")
    @classmethod
    def _calendar(cls, value: str) -> str:
        return check_calendar(value)

    @model_validator(mode="after")
    def _order(self) -> BusinessHours:
        if not self.days:
            raise ValueError("there is no day")
        if self.closes != MIDNIGHT and time.fromisoformat(self.closes) <= time.fromisoformat(self.opens):
            raise ValueError("it closes before it opens; hours over midnight are not known")
        return self

    def between(self, start: datetime, end: datetime) -> timedelta:
        """How much of the time from `start` to `end` lies in the hours."""
        zone, total = ZoneInfo(self.timezone), timedelta()
        day, last = start.astimezone(zone).date(), end.astimezone(zone).date()
        while day <= last:
            if self.is_open(day):
                opens, closes = self._at(day, self.opens), self._at(day, self.closes)
                total += max(min(end.astimezone(UTC), closes) - max(start.astimezone(UTC), opens), timedelta())
            day += _DAY
        return total

    def is_open(self, day: date) -> bool:
        """Whether it is a day of business."""
        return DAYS[day.weekday()] in self.days and not self.is_holiday(day)

    def is_holiday(self, day: date) -> bool:
        """Whether it is a public holiday of the calendar."""
        return is_holiday(self.holidays, day)

    def near_holiday(self, moment: datetime) -> bool:
        """Whether a holiday is on that day, the one before or the one after."""
        day = moment.astimezone(ZoneInfo(self.timezone)).date()
        return any(self.is_holiday(day + n * _DAY) for n in (-1, 0, 1))

    def _at(self, day: date, clock: str) -> datetime:
        """A clock's time as UTC, so that an hour that the summer takes or gives is counted as it is."""
        if clock == MIDNIGHT:
            day, clock = day + _DAY, "00:00"
        return datetime.combine(day, time.fromisoformat(clock), ZoneInfo(self.timezone)).astimezone(UTC)
