"""Ages by the clock and by business hours, when a dataset usually comes, and which batches are overdue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.business_hours import BusinessHours
from governance.errors import ConfigurationError
from governance.freshness import Freshness, declared_freshness, overdue_slots, usual_by

OFFICE = BusinessHours(timezone="America/New_York", opens="09:00", closes="17:00", holidays="US")
HOUR = timedelta(hours=1)
SLOT = 6 * HOUR
MOMENTS = st.integers(0, 365 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2026-11-20T21:00", "2026-11-23T15:00", 2),  # Friday 16:00 there to Monday 10:00
        ("2026-11-25T22:00", "2026-11-27T15:00", 1),  # Thanksgiving between
        ("2026-03-06T14:00", "2026-03-09T21:00", 16),  # Friday and Monday whole, and the summer began
        ("2026-11-21T00:00", "2026-11-22T00:00", 0),
    ],
)
def test_time_is_counted_in_business_hours(start: str, end: str, hours: float) -> None:
    assert OFFICE.between(at(start), at(end)) == hours * HOUR


def test_a_day_that_the_clock_changes_has_its_hours() -> None:
    whole = BusinessHours(timezone="Europe/Berlin", days=("sun",))
    assert whole.between(at("2026-03-28T00:00"), at("2026-03-30T12:00")) == 23 * HOUR
    assert whole.between(at("2026-10-24T00:00"), at("2026-10-26T12:00")) == 25 * HOUR


@given(MOMENTS, MOMENTS, MOMENTS)
def test_parts_add_up_and_are_no_more_than_the_time(a: datetime, b: datetime, c: datetime) -> None:
    first, middle, last = sorted((a, b, c))
    assert OFFICE.between(first, middle) + OFFICE.between(middle, last) == OFFICE.between(first, last)
    assert timedelta() <= OFFICE.between(first, last) <= last - first


@pytest.mark.parametrize(
    "meta",
    [{"timezone": "Mars/Base"}, {"opens": "9"}, {"opens": "18:00", "closes": "09:00"}, {"days": ["sunny"]},
     {"holidays": "ZZ"}, {"from": "08:00"}],
)  # fmt: skip
def test_hours_that_cannot_be_are_refused(meta: dict[str, Any]) -> None:
    node = {"resource_type": "model", "schema": "gold", "name": "t", "meta": {"business_hours": meta}}
    with pytest.raises(ConfigurationError, match=r"meta.business_hours of gold.t"):
        BusinessHours.declared(node)


def test_a_weekend_makes_nothing_late() -> None:
    limits: dict[str, Any] = {"dataset": "gold.t", "warn_after": 4 * HOUR, "error_after": 12 * HOUR}
    friday, monday = at("2026-11-20T21:00"), at("2026-11-23T15:00")
    assert Freshness(**limits).judge(friday, monday) == "overdue"
    office = Freshness(**limits, hours=OFFICE)
    assert office.judge(friday, monday) == "fresh" and office.judge(friday, monday + 3 * HOUR) == "late"
    assert office.judge(friday, monday + 24 * HOUR + 4 * HOUR) == "overdue"
    assert office.judge(None, monday) == "never"


def test_what_comes_later_than_usual_is_late_though_no_age_is_declared_for_it() -> None:
    slots = [at("2026-11-01T00:00") + n * SLOT for n in range(60)]
    came = {s: s + timedelta(minutes=40 + n % 5) for n, s in enumerate(slots)}
    due = usual_by(came, slots)
    assert due and slots[-1] + SLOT + timedelta(minutes=130) <= due <= slots[-1] + SLOT + timedelta(minutes=135)
    one = Freshness(dataset="gold.t", error_after=24 * HOUR)
    assert one.judge(came[slots[-1]], due, due) == "fresh"
    assert one.judge(came[slots[-1]], due + timedelta(minutes=1), due) == "late"
    assert usual_by(dict(list(came.items())[::2]), slots) is None, "it comes in every other slot only"
    assert usual_by(dict(list(came.items())[:10]), slots[:10]) is None, "not known yet"


def test_a_batch_is_overdue_three_hours_after_its_slot() -> None:
    done = at("2026-11-22T00:00")
    states = {done: "completed", done - SLOT: "unfinished"}
    assert overdue_slots(states, done + 15 * HOUR) == []
    assert overdue_slots(states, done + 15 * HOUR + timedelta(seconds=1)) == [done + SLOT]
    assert overdue_slots({**states, done + SLOT: "unfinished"}, done + 22 * HOUR) == [done + SLOT, done + 2 * SLOT]
    assert overdue_slots({done: "unfinished"}, done + 10 * HOUR) == [done], "the first one counts too"
    assert overdue_slots({}, done) == []


def test_hours_are_declared_beside_freshness() -> None:
    node = {
        "resource_type": "source", "schema": "bronze", "name": "a__b",
        "freshness": {"warn_after": {"count": 12, "period": "hour"}},
        "config": {"meta": {"business_hours": {"timezone": "Europe/Berlin", "holidays": "DE-BY"}}},
    }  # fmt: skip
    [found] = declared_freshness({"sources": {"x": node}})
    assert found.warn_after == 12 * HOUR and found.hours and found.hours.near_holiday(at("2026-11-02T10:00"))
