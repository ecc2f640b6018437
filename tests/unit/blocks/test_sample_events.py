"""The events of the sample, read again by Python's json, against what was counted while they were written."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from blocks.sample import events
from blocks.sample.plan import ANCHOR, SESSION, Plan, added

PLAN = Plan(1200, 7)
AFTER = ANCHOR + timedelta(hours=6)
Json = dict[str, Any]
TIMES = {
    "iso_z": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "iso_offset": r".*T\d\d:\d\d:\d\d\.\d{3}\+05:30",
    "epoch_ms": r"\d{13}", "blank": "", "text": "just now",
}  # fmt: skip
IDS = {"zeros": r"\d{5}", "number": r"\d{1,4}", "blank": "", "unknown": r"9000\d{5}"}


def silent(step: str, done: int, total: int) -> None:
    assert 0 < done <= total


def form_of(text: str, forms: dict[str, str]) -> str:
    return next(name for name, pattern in forms.items() if re.fullmatch(pattern, text))


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> tuple[Json, Path]:
    folder = tmp_path_factory.mktemp("events")
    return events.write_base(PLAN, folder, silent), folder


def read_events(path: Path) -> tuple[list[bytes], Counter[str]]:
    """The good lines of a file, and how many others there are."""
    good: list[bytes] = []
    others: Counter[str] = Counter()
    for line in path.read_bytes().removesuffix(b"\n").split(b"\n"):
        try:
            if line:
                assert isinstance(json.loads(line.decode()), dict)
                good.append(line)
            else:
                others["blank"] += 1
        except UnicodeDecodeError:
            others["invalid_encoding"] += 1
        except json.JSONDecodeError:
            others["cut" if line.startswith(b'{"event_id":"E') else "not_json"] += 1
    return good, others


def facts_of(lines: list[bytes]) -> Json:
    found = [json.loads(line, parse_float=Decimal) for line in lines]
    clicks = [one["properties"]["campaign"] for one in found if "campaign" in one["properties"]]
    campaigns: dict[str, Counter[str]] = {}
    for click in clicks:
        campaigns.setdefault(click["id"], Counter())[click["medium"]] += 1
    amounts = [one["properties"]["amount"] for one in found if "amount" in one["properties"]]
    return {
        "event_type": Counter(one["event_type"] for one in found),
        "occurred_at": Counter(form_of(str(one["occurred_at"]), TIMES) for one in found),
        "customer_id": Counter(_identity(one["customer_id"]) for one in found),
        "project_id": Counter("null" if one["project_id"] is None else "set" for one in found),
        "campaign": campaigns, "with_amount": len(amounts), "amount": str(sum(amounts, Decimal("0.00"))),
    }  # fmt: skip


def _identity(value: str | int) -> str:
    found = form_of(str(value), IDS)
    assert isinstance(value, int) == (found in ("number", "unknown"))
    return found


def test_every_line_is_accounted_for(collected: tuple[Json, Path]) -> None:
    told, folder = collected
    paths = sorted(folder.iterdir())
    read = [read_events(path) for path in paths]
    good = [line for lines, _ in read for line in lines]
    others = sum((counts for _, counts in read), Counter[str]())
    assert told["files"] == len(paths) == 4
    assert told["rows_good"] == len(good)
    assert told["blank_lines"] == others.pop("blank") > 0
    assert told["unreadable"] == others
    assert others.keys() == {"cut", "not_json", "invalid_encoding"}
    assert others["invalid_encoding"] == 1
    assert told["rows_total"] == len(good) + others.total()
    assert told["distinct"]["rows"] == len(set(good)) == len({json.loads(line)["event_id"] for line in good})
    assert told["exact_repeats"] == len(good) - len(set(good)) > 0
    assert len(set(good)) + others["cut"] + others["invalid_encoding"] == PLAN.sessions * SESSION == 4800
    assert [path.read_bytes()[-1:] == b"\n" for path in paths] == [True, False, True, True]


def test_events_hold_the_dirt_that_is_told(collected: tuple[Json, Path]) -> None:
    told, folder = collected
    good = [line for path in sorted(folder.iterdir()) for line in read_events(path)[0]]
    assert {key: told[key] for key in facts_of(good)} == facts_of(good)
    distinct = facts_of(list(dict.fromkeys(good)))
    assert told["distinct"] == {**distinct, "rows": len(set(good))}
    assert set(told["occurred_at"]) == set(TIMES)
    assert set(told["customer_id"]) == set(IDS)
    assert {"page_scrolled", "heartbeat", "campaign_click", "brief_submitted"} < set(told["event_type"])


def test_no_number_fits_a_float_and_the_project_is_the_customers(collected: tuple[Json, Path]) -> None:
    _, folder = collected
    for number, path in enumerate(sorted(folder.iterdir())):
        for index, line in enumerate(read_events(path)[0]):
            one = json.loads(line, parse_float=Decimal)
            assert one["sequence"] == 2**53 + 1 + int(one["event_id"][1:])
            assert ("device" in one) == (number >= 2 + (index < 2))  # the first two are repeated from the last file
            assert re.search(rb'"amount":\d+\.\d\d[,}]', line) if "amount" in one["properties"] else True
            customer = int(one["user_email"][-14:-8])
            if str(one["customer_id"]) and not str(one["customer_id"]).startswith("9000"):
                assert int(one["customer_id"]) == customer
            if one["project_id"]:
                assert PLAN.customer_of(int(one["project_id"][1:])) == customer
                assert int(one["project_id"][1:]) <= PLAN.projects


def test_events_come_in_the_order_of_time_and_a_file_repeats_the_end_of_the_last(collected: tuple[Json, Path]) -> None:
    _, folder = collected
    files = [read_events(path)[0] for path in sorted(folder.iterdir())]
    for earlier, later in pairwise(files):
        assert list(dict.fromkeys(earlier))[-2:] == later[:2]
    seen = [json.loads(line)["occurred_at"] for lines in files for line in lines[2:]]
    times = [datetime.fromisoformat(text) for text in seen if form_of(str(text), TIMES) == "iso_z"]
    assert datetime(2026, 1, 1, tzinfo=UTC) < min(times) < max(times) < ANCHOR
    assert all(one < two + timedelta(hours=1) for one, two in pairwise(times))


def test_a_wave_brings_events_with_a_new_field(collected: tuple[Json, Path], tmp_path: Path) -> None:
    told, folder = collected
    done = events.write_wave(PLAN, tmp_path, 1, ANCHOR, AFTER)
    assert done["new"] == [path.name for path in sorted(tmp_path.iterdir())]
    assert done["new_columns"] == ["app_version"]
    first, second = (read_events(tmp_path / name)[0] for name in done["new"])
    assert not any(b'"app_version"' in line for line in first)
    assert all(b'"app_version"' in line for line in second[2:])
    fresh = {json.loads(line)["event_id"] for line in [*first, *second]}
    base = {json.loads(line)["event_id"] for path in folder.iterdir() for line in read_events(path)[0]}
    assert not fresh & base
    assert done["counts"]["rows_good"] == len(first) + len(second)
    assert done["counts"]["distinct"]["rows"] == len(fresh)
    assert added(told, done["counts"])["distinct"]["rows"] == len(fresh | base)
    both = [*{**dict.fromkeys(first), **dict.fromkeys(second)}]
    assert Decimal(done["counts"]["distinct"]["amount"]) == Decimal(facts_of(both)["amount"])
    assert not fresh & {  # the next wave's are new again
        json.loads(line)["event_id"]
        for name in events.write_wave(PLAN, tmp_path, 2, AFTER, AFTER)["new"]
        for line in read_events(tmp_path / name)[0]
    }


def test_a_seed_gives_its_bytes_and_a_small_sample_a_handful(tmp_path: Path) -> None:
    def made(name: str, seed: int) -> list[bytes]:
        events.write_base(Plan(300, seed), tmp_path / name, silent)
        events.write_wave(Plan(300, seed), tmp_path / name, 1, ANCHOR, AFTER)
        return [path.read_bytes() for path in sorted((tmp_path / name).iterdir())]

    one = made("one", 7)
    assert made("again", 7) == one
    assert made("other", 8) != one
    told = events.write_base(Plan(1, 7), tmp_path / "small", silent)
    assert told["distinct"]["rows"] + sum(told["unreadable"].values()) >= 60
    assert Plan(50_000, 7).sessions * SESSION == 200_000
