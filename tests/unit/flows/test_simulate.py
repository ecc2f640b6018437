"""The simulated batch: no byte is lost, more of anything never makes it later, and the numbers add up."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from flows.capacity import (
    RATES,
    TASK_RUNS_A_DAY,
    TASK_RUNS_OF_LAYERS,
    TB,
    Assumptions,
    cores_needed,
    credits_needed,
    kind_of,
)
from flows.simulate import run, simulate, streams_of

ROOT = Path(__file__).resolve().parents[3]


def test_the_streams_share_all_bytes_and_all_kinds() -> None:
    assumed = Assumptions()
    streams = streams_of(assumed)
    assert len(streams) == assumed.streams and sum(s.bytes for s in streams) == pytest.approx(assumed.bytes)
    assert max(s.bytes for s in streams) == pytest.approx(assumed.largest_share * assumed.bytes)
    for kind, share in assumed.mix.items():
        assert sum(s.bytes for s in streams if s.kind == kind) == pytest.approx(share * assumed.bytes, rel=0.05)
    assert [s.bytes for s in streams_of(Assumptions(streams=1))] == [assumed.bytes]
    assert set(assumed.mix) <= set(RATES)


def test_layers_come_one_after_the_other_and_within_three_hours() -> None:
    times = run(Assumptions())
    assert 0 < times.first_stream < times.ends["read"] < times.layers["bronze"]
    assert times.layers["bronze"] < times.layers["silver"] < times.layers["gold"] < 3 * 3600
    assert all(0 < share <= 1 for share in times.busy.values())


@pytest.mark.parametrize("name", ["pods", "source_mb_s", "pod_upload_mb_s", "warehouse_size"])
def test_twice_as_much_of_anything_is_no_slower(name: str) -> None:
    few = Assumptions(pods=4)
    more = replace(few, **{name: getattr(few, name) * 2})
    assert run(more).layers["gold"] <= run(few).layers["gold"]


def test_reading_takes_what_the_cores_give() -> None:
    assumed = Assumptions(
        mix={"csv": 1.0}, pods=1, pod_cores=1, bytes=RATES["csv"] * 1e9, source_mb_s=1e6, pod_upload_mb_s=1e9
    )
    assert run(assumed).ends["read"] == pytest.approx(1000, rel=0.01)


@pytest.mark.parametrize(
    ("changed", "bottleneck"),
    [({"pods": 2}, "pods"), ({"source_mb_s": 100}, "source_mb_s"), ({"pods": 96}, "warehouse_size")],
)
def test_the_bottleneck_is_what_is_scarce(changed: dict[str, float], bottleneck: str) -> None:
    assert simulate(replace(Assumptions(), **changed))["bottleneck"] == bottleneck  # type: ignore[arg-type]


def test_cores_and_credits_grow_with_the_bytes() -> None:
    assert cores_needed({}, 3) == 0 and cores_needed({"csv": 1}, 3) == 1
    assert cores_needed({"csv": RATES["csv"] * 1e6 * 3600 * 3 * 7}, 3) == 7
    one, two = (credits_needed(size, 100, Assumptions()) for size in (1 * TB, 2 * TB))
    assert one < two < 2 * one and credits_needed(0, 0, Assumptions()) == 0


def test_a_day_of_ten_terabytes_stays_within_what_prefect_takes() -> None:
    found = simulate(Assumptions())
    assert found["task_runs_a_day"] == 4 * (400 + 40 + TASK_RUNS_OF_LAYERS) <= TASK_RUNS_A_DAY
    assert found["cores_needed"] == cores_needed({s["stream"][4:]: s["bytes"] for s in found["streams"]}, 3) > 1


def test_the_kind_of_a_file_is_that_of_what_is_packed() -> None:
    assert kind_of("files", None, "a/b.ndjson.gz") == "json" and kind_of("files", "csv", "a.txt") == "csv"
    assert kind_of("files", None, "a.dat") == "csv" and kind_of("documents", None, "a.xml") == "documents"
    assert kind_of("postgres", None, "") == "postgres" and kind_of("airbyte", None, "") == "json"


@pytest.mark.drift
def test_the_rates_are_those_that_were_measured() -> None:
    measured = json.loads((ROOT / "benchmarks" / "results.json").read_text("utf-8"))["rates"]["rates"]
    assert pytest.approx(measured, rel=0.05) == RATES, "make bench ONLY=rates measures them, capacity.py has them"
