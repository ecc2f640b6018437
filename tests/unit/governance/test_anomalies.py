"""What is unusual: each kind of fault on histories that are made, and what must never be."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.anomalies import STUCK, WEEK, Seen, judge
from governance.monitors import Measure, Monitor

START = datetime(2026, 1, 5, tzinfo=UTC)
SLOT = timedelta(hours=6)
WEEKS = 8


def seasonal(count: int = WEEKS * WEEK + 1, growth: float = 0.0, noise: float = 0.05, seed: int = 1) -> list[Seen]:
    """Busy by day, quiet by night and at weekends."""
    some, found = random.Random(seed), []
    for n in range(count):
        at = START + n * SLOT
        level = 10_000 * (0.3 if at.weekday() > 4 else 1) * (0.2, 1, 1.4, 0.6)[at.hour // 6]
        found.append(Seen(slot=at, value=round(level * math.exp(some.gauss(0, noise) + growth * n)), of=level))
    return found


def verdict(seen: list[Seen], factor: float = 1.0, measure: Measure = "volume", **monitor: object) -> tuple[str, str]:
    """On the last of them, so many times as large."""
    *past, last = seen
    now = last.model_copy(update={"value": last.value * factor})
    found = judge(Monitor.model_validate(monitor), measure, past, now)
    return found.state, found.why


@pytest.mark.parametrize("measure", ["volume", "distinct", "file_count", "file_size", "mean", "quantile"])
@pytest.mark.parametrize(("factor", "why"), [(0.45, "low"), (3.0, "high"), (0.0, "low"), (0.85, ""), (1.15, "")])
def test_a_drop_and_a_spike_are_unusual(measure: Measure, factor: float, why: str) -> None:
    for last in range(WEEK):  # in every slot of the week
        found = verdict(seasonal(WEEKS * WEEK + 1 + last), factor, measure)
        assert found == ("unusual" if why else "usual", why)


def test_a_weekend_is_a_weekend() -> None:
    seen = seasonal(7 * WEEK + 20 + 2)  # ends on a Saturday
    assert seen[-1].slot.weekday() == 5 and verdict(seen) == ("usual", "")
    monday = seasonal(7 * WEEK + 2)
    assert monday[-1].slot.weekday() == 0 and verdict(monday, 0.3)[0] == "unusual", "what is usual on a Sunday"


@pytest.mark.parametrize("step", [1.03, 0.97])
def test_a_drift_is_found_while_no_day_is_unusual_by_itself(step: float) -> None:
    seen = seasonal(WEEKS * WEEK + 14 * 4)
    for n in range(14 * 4):
        one = seen[-14 * 4 + n]
        seen[-14 * 4 + n] = one.model_copy(update={"value": one.value * step ** (n / 4)})
    found = [verdict(seen[: len(seen) - 56 + n + 1]) for n in range(56)]
    assert ("unusual", "drift") in found and found[:16] == [("usual", "")] * 16


def test_what_stands_still_is_stuck_unless_it_always_does() -> None:
    seen = seasonal(noise=0.3)
    frozen = seen[-STUCK].value
    held = [*seen[:-STUCK], *(s.model_copy(update={"value": frozen}) for s in seen[-STUCK:])]
    assert verdict(held, measure="mean")[0] == "unusual"
    constant = [s.model_copy(update={"value": 7.0}) for s in seen]
    assert verdict(constant) == ("usual", "")


def test_growth_is_no_drift_and_a_loss_of_half_is_unusual() -> None:
    seen = seasonal(growth=0.01, noise=0.01)
    assert verdict(seen) == ("usual", "")
    assert verdict(seen, 0.5)[0] == "unusual"


def test_a_share_is_judged_by_how_many_rows_it_is_of() -> None:
    past = [Seen(slot=START + n * SLOT, value=0.05, of=1000) for n in range(WEEKS * WEEK)]

    def of(rows: int, share: float) -> str:
        now = Seen(slot=START + WEEKS * WEEK * SLOT, value=share, of=rows)
        return judge(Monitor(), "null_rate", past, now).state

    assert (of(1000, 0.2), of(4, 0.25), of(1000, 0.0)) == ("unusual", "usual", "usual")


def test_a_monitor_warms_up_and_has_a_sensitivity() -> None:
    seen = seasonal()
    assert verdict(seen[-112:], 0.1) == ("learning", "")
    assert verdict(seen[-113:], 0.1)[0] == "unusual"
    assert verdict(seen[-113:], 0.1, warm_up=200) == ("learning", "")
    assert verdict(seen, 0.7) == ("usual", "") and verdict(seen, 0.7, sensitivity=3)[0] == "unusual"
    assert verdict(seen, 0.5)[0] == "unusual" and verdict(seen, 0.5, sensitivity=0.3) == ("usual", "")


def test_around_a_holiday_twice_as_much_is_usual() -> None:
    *past, now = seasonal()
    few = now.model_copy(update={"value": now.value * 0.45})
    assert judge(Monitor(), "volume", past, few).state == "unusual"
    assert judge(Monitor(), "volume", past, few, near_holiday=True).state == "usual"


@given(
    values=st.lists(st.floats(-1e12, 1e12) | st.just(0.0), min_size=113, max_size=230),
    measure=st.sampled_from(["volume", "mean", "null_rate", "quantile", "file_size"]),
)
@settings(deadline=None, max_examples=60)
def test_any_history_has_a_verdict_and_a_range(values: list[float], measure: Measure) -> None:
    values = [min(abs(v), 1.0) if measure == "null_rate" else v for v in values]
    seen = [Seen(slot=START + n * SLOT, value=v, of=10) for n, v in enumerate(values)]
    found = judge(Monitor(), measure, seen[:-1], seen[-1])
    assert found.state in ("usual", "unusual") and found.high is not None and not math.isnan(found.high)
    assert found.low is None or found.low <= found.high
