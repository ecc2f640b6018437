"""The backtest of the watch on one history: the same seed gives the same figures, and they are good ones."""

from __future__ import annotations

from itertools import pairwise

from benchmarks.watch import FLIGHTS, KINDS, LENGTHS, broken, histories, planned, score


def test_faults_are_found_and_little_else() -> None:
    history = next(histories(FLIGHTS))
    faults = planned(history, 1)
    assert faults == planned(history, 1) != planned(history, 2) and len(faults) == len(KINDS)
    assert all(a.end < b.start for a, b in pairwise(faults))
    found = score([(broken(history, faults), faults)])
    assert found.faults.total() == len(KINDS) and set(found.faults) == set(LENGTHS)
    assert found.recall >= 0.8 and found.precision >= 0.9, found  # of 13 faults; `make bench` has all histories
    assert found.found["stuck"] == found.found["late"] == 3 and found.found["drift"] == 1


def test_who_never_warns_finds_nothing_and_who_always_does_is_wrong() -> None:
    history = next(histories(FLIGHTS))
    faults = planned(history, 1)
    cases = [(broken(history, faults), faults)]
    silent = score(cases, lambda measure, series: [], lateness=False)
    assert (silent.recall, silent.true, silent.false) == (0.0, 0, 0)
    loud = score(cases, lambda measure, series: list(range(0, len(series), 6)), lateness=False)
    assert loud.precision < 0.5
