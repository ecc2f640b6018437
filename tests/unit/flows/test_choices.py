"""What a batch decides before it does anything: which streams, which loads, and what a person may see."""

from __future__ import annotations

import pytest

from blocks.sources.base import Planned, Since
from blocks.sources.spec import load_sources
from flows.backfill_choice import Wanted, is_reversed
from flows.commands.quarantine import mask
from flows.context import SOURCES, check_layer, select_streams
from flows.load import split_duplicates
from governance.errors import ConfigurationError

CRM = ["projects", "teams", "people", "time_entries"]
EVERY = {
    "crm": CRM, "drops": ["customers", "events", "invoices"], "mailroom": ["mail"],
    "ads": ["users", "purchases"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        (None, EVERY), ("crm", {"crm": CRM}), ("crm.people", {"crm": ["people"]}),
    ],
)  # fmt: skip
def test_streams_are_chosen_by_name(wanted: str | None, chosen: dict[str, list[str]]) -> None:
    sources = load_sources(SOURCES, {"CRM_URL": "postgresql://x", "DROPS_ROOT": ".", "MAILROOM_ROOT": "."})
    assert select_streams(sources, wanted) == chosen


@pytest.mark.parametrize("wanted", ["cmr", "crm.project", "crm.", "crm.people.id", ""])
def test_an_unknown_stream_names_the_valid_ones(wanted: str) -> None:
    sources = load_sources(SOURCES, {"CRM_URL": "postgresql://x", "DROPS_ROOT": ".", "MAILROOM_ROOT": "."})
    with pytest.raises(ConfigurationError) as raised:
        select_streams(sources, wanted)
    assert "crm.projects" in raised.value.remedy and "drops.customers" in raised.value.remedy


def test_an_unknown_layer_names_the_valid_ones() -> None:
    with pytest.raises(ConfigurationError, match="bronze, silver, gold"):
        check_layer("platinum")


def test_content_that_is_known_or_comes_twice_is_a_duplicate() -> None:
    a, again, known, b = (
        Planned("s:sha256:a", path="a.csv"), Planned("s:sha256:a", path="b.csv"), Planned("s:sha256:k", path="k.csv"),
        Planned("s:sha256:b", path="c.csv"),
    )  # fmt: skip
    assert split_duplicates([a, again, known, b], Since(None, {}, {"s:sha256:k": 3})) == ([a, b], [again, known])


@pytest.mark.parametrize(
    ("raw", "shown"),
    [(None, None), ("", ""), ("Ada,+49 30-1\n", "xxx,+99 99-9\n"), ("Zoë ٣", "xxx 9"), ('"a;b"', '"x;x"')],
)  # fmt: skip
def test_a_mask_keeps_the_shape_alone(raw: str | None, shown: str | None) -> None:
    assert mask(raw) == shown


def test_the_sources_file_of_the_repository_has_owners_that_are_known() -> None:
    from governance.oncall import load_ownership

    sources = load_sources(SOURCES, {"CRM_URL": "postgresql://x", "DROPS_ROOT": ".", "MAILROOM_ROOT": "."})
    assert {s.owner for s in sources.values()} <= set(load_ownership().teams)


@pytest.mark.parametrize(
    ("lower", "upper", "wrong"),
    [
        ("2026-10-02", "2026-10-01", True), ("2026-11-22T06:00:00Z", "2026-11-22T00:00:00Z", True), ("10", "9", True),
        ("9", "10", False), ("2026-10-01", "2026-10-01", False), ("2026-10-01T00:00:00Z", "2026-10-02", False),
        ("b", "a", False),
    ],
)  # fmt: skip
def test_bounds_the_wrong_way_round_are_refused(lower: str, upper: str, wrong: bool) -> None:
    if not wrong:
        assert not is_reversed(lower, upper)
        return
    with pytest.raises(ConfigurationError, match="is later than --to"):
        _ = Wanted(["crm"], lower, upper).range
