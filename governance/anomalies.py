"""Whether a measure of a dataset is as it usually is in this slot of the week. Pure.

The baseline is robust: the median of the same slot of the week in the last eight weeks, that median moved by what the
last week differed from it (as a whole, and at this time of day), and the same slot a week ago; the spread is the median
absolute deviation (MAD; Rousseeuw and Croux, 1993). What is near one of them, or between them, is usual: the first
knows weekends, the others follow a change of habits within days. Of a table that grows all the time the trend is taken
out first. Which measures a dataset has is in `monitors.py`, where they come
from in `flows/watch_seen.py`; `make bench ONLY=watch` says how often it is right.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Literal

from governance.model import Frozen
from governance.monitors import Measure, Monitor

WEEK, WEEKS = 28, 8
"""Slots of a week; weeks of history that count."""
DEVIATIONS = 9.0
"""Robust standard deviations from the baseline at which a value is unusual, at sensitivity 1."""
SHARE, STEP = 0.1, 0.55
"""The least deviation that counts, at sensitivity 1: of a share, and of the logarithm of all else (about 42 % less)."""
TAIL = 0.8
"""Of the logarithm: up to there, deviations that come in 3 % of the slots are usual."""
DRIFT = 0.18
"""How far, of the logarithm, the median of a week is from the baseline when it has drifted."""
STUCK = 4
"""Slots in a row with one value, where it usually changes."""
HOLIDAY = 2.0
"""So many times the usual deviation of a count is allowed around a holiday."""
COUNTS: tuple[Measure, ...] = ("volume", "distinct", "file_count")
_MAD = 1.4826  # of a normal distribution: its standard deviation in MADs
_DAY, _SEVEN = timedelta(days=1), timedelta(weeks=1)


class Seen(Frozen):
    """A measure in one slot."""

    slot: datetime
    value: float
    of: float | None = None
    """Rows that it is a share or a mean of: of few of them it varies more."""


class Verdict(Frozen):
    """What a monitor says of the newest value."""

    state: Literal["learning", "usual", "unusual"]
    why: Literal["", "high", "low", "stuck", "drift"] = ""
    low: float | None = None
    """The usual range; None is no end."""
    high: float | None = None


def judge(
    monitor: Monitor, measure: Measure, history: Sequence[Seen], now: Seen, *, near_holiday: bool = False
) -> Verdict:
    """The verdict on `now` by what was seen before, oldest first; older slots than eight weeks do not count."""
    past = [s for s in history if now.slot - WEEKS * _SEVEN <= s.slot < now.slot]
    if len(past) < monitor.warm_up:
        return Verdict(state="learning")
    scale, base = _Scale.of(measure, past), _Baseline.of(measure, past, now)
    usual = max(_MAD * median(map(abs, base.residuals)), scale.chance(now, base.middle))
    same = [abs(r) for r, s in zip(base.residuals, past, strict=True) if s.slot.hour == now.slot.hour]
    spread = max(usual, min(_MAD * median(same), 2 * usual) if same else 0.0)
    tail = sorted(abs(r - base.level) for r in base.residuals)[-1 - len(past) * 3 // 100]
    allowed = max(DEVIATIONS * spread, scale.least, min(tail, TAIL)) / monitor.sensitivity
    if near_holiday and measure in COUNTS:
        allowed *= HOLIDAY
    low, high = min(base.ends) - allowed, max(base.ends) + allowed
    ends = {"low": None if measure == "null_rate" else scale.back(low), "high": scale.back(high)}
    value = scale.to(now.value)
    if value > high or (value < low and measure != "null_rate"):  # a column that is filled more often harms nobody
        return Verdict(state="unusual", why="high" if value > high else "low", **ends)
    if _is_stuck(past, now) and not (measure == "null_rate" and not now.value):  # mended for good
        return Verdict(state="unusual", why="stuck", **ends)
    drift = abs(median([*base.residuals[1 - WEEK :], value - base.middle]))
    if measure != "null_rate" and drift > max(DRIFT, spread) / monitor.sensitivity:
        return Verdict(state="unusual", why="drift", **ends)
    return Verdict(state="usual", **ends)


@dataclass(frozen=True)
class _Baseline:
    """Where the value is expected, and how far those before were from where they were."""

    middle: float
    """By the same slot of the week."""
    residuals: Sequence[float]
    level: float
    """The median of the residuals of the last week."""
    ends: Sequence[float]
    """Every place where the value would be no surprise."""

    @classmethod
    def of(cls, measure: Measure, past: Sequence[Seen], now: Seen) -> _Baseline:
        scale, slots = _Scale.of(measure, past), [s.slot for s in past]
        raw = [scale.to(s.value) for s in past]
        trend = _trend(slots, raw, now.slot)
        values = [v + trend * ((now.slot - at) / _SEVEN) for v, at in zip(raw, slots, strict=True)]
        weekly = _medians(slots, values, lambda at: (at.weekday(), at.hour))
        residuals = [v - weekly[at.weekday(), at.hour] for v, at in zip(values, slots, strict=True)]
        level = median(residuals[-WEEK:])
        lately = [(s, v, r) for s, v, r in zip(slots, values, residuals, strict=True) if s >= now.slot - 8 * _DAY]
        shifts = [r for at, _, r in lately if at.hour == now.slot.hour]
        week_ago = [v for at, v, _ in lately if at == now.slot - _SEVEN]
        middle = weekly.get((now.slot.weekday(), now.slot.hour), median(values))
        ends = [middle, middle + level, *([middle + median(shifts)] if len(shifts) >= 4 else []), *week_ago]
        return cls(middle, residuals, level, ends)


class _Scale(Frozen):
    """Where deviations are comparable: the logarithm of what is positive, shares as they are, all else by its size."""

    measure: Measure
    kind: Literal["log", "share", "plain"]
    unit: float = 1.0

    @classmethod
    def of(cls, measure: Measure, past: Sequence[Seen]) -> _Scale:
        if measure == "null_rate":
            return cls(measure=measure, kind="share")
        if measure in COUNTS or all(s.value > 0 for s in past):
            return cls(measure=measure, kind="log")
        sizes = [abs(s.value) for s in past]
        return cls(measure=measure, kind="plain", unit=max(median(sizes), max(sizes) * 1e-9) or 1.0)

    @property
    def least(self) -> float:
        return SHARE if self.kind == "share" else STEP

    def to(self, value: float) -> float:
        if self.kind == "log":
            return math.log(max(value, 0.5 if self.measure in COUNTS else 1e-9))
        return value / self.unit

    def back(self, value: float) -> float:
        return math.exp(min(value, 700.0)) if self.kind == "log" else value * self.unit

    def chance(self, now: Seen, middle: float) -> float:
        """The least spread that is to be expected: small numbers vary by chance."""
        if self.kind == "share":
            share = min(max(middle, 0.02), 0.98)
            return math.sqrt(share * (1 - share) / max(now.of or 1.0, 1.0))
        if self.measure in COUNTS:
            return 0.5 / math.sqrt(max(self.back(middle), 1.0))
        return 0.2 / math.sqrt(max(now.of or 100.0, 1.0))


def _medians(
    slots: Sequence[datetime], values: Sequence[float], key: Callable[[datetime], Hashable]
) -> dict[Hashable, float]:
    found: dict[Hashable, list[float]] = defaultdict(list)
    for at, value in zip(slots, values, strict=True):
        found[key(at)].append(value)
    return {k: median(some) for k, some in found.items()}


def _trend(slots: Sequence[datetime], values: Sequence[float], now: datetime) -> float:
    """Growth a week, where it is beyond doubt; by what was there two weeks ago, so that a drift is none."""
    known = dict(zip(slots, values, strict=True))
    steps = [v - known[at - _SEVEN] for at, v in known.items() if at <= now - 2 * _SEVEN and at - _SEVEN in known]
    if len(steps) < WEEK:
        return 0.0
    middle = median(steps)
    return middle if abs(middle) > 2 * _MAD * median(abs(s - middle) for s in steps) else 0.0


def _is_stuck(past: Sequence[Seen], now: Seen) -> bool:
    """Whether the value stands still that usually does not."""
    last, before = past[1 - STUCK :], past[: 1 - STUCK]
    if len(last) < STUCK - 1 or any(s.value != now.value for s in last):
        return False
    same = sum(a.value == b.value for a, b in pairwise(before))
    return same <= 0.1 * len(before)
