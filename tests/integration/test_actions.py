"""What a person does is in ops.actions, and in the timeline of the incidents that it is about."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from blocks.settings import Settings
from flows.state import transports
from governance.model import CheckResult, Event
from tests.homes import SLOT1, Home
from tests.integration.actions_support import later

DATASETS = ("bronze.drops__customers", "bronze.drops__events", "silver.slv_teams", "gold.dim_customer")


@pytest.fixture(scope="module")
def home(second: Home, new_home: Callable[..., Home]) -> Home:
    """After its second slot, with an incident of one check on each of the datasets."""
    home = new_home(second)
    with home.environment():
        known = transports(Settings.load())
        checks = (
            CheckResult(
                check_id=f"{name}.id.odd", layer=name.partition(".")[0], dataset=name, column="id", type="odd",
                severity="critical", success=False, failed_rows=3,
            )
            for name in DATASETS
        )  # type: ignore[arg-type]  # fmt: skip
        at = datetime.now(UTC)
        events = [
            Event.of("hallmark.gate.failed.v1", c.dataset, "test", at, checks=[c.model_dump(mode="json")], owner="")
            for c in checks
        ]
        assert not [o for o in known["incidents"].deliver(events) if o.error]
        for transport in known.values():
            transport.close(1)
    return home


@pytest.fixture
def told(home: Home) -> Iterator[Callable[[], dict[str, list[str]]]]:
    """What is new in the timelines: dataset → what a person did."""
    yield (found := Timelines(home)).new
    found.new()


class Timelines:
    """Of the incidents of the test."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.seen: dict[str, int] = {}
        self.new()

    def new(self) -> dict[str, list[str]]:
        """Since the last time."""
        found = {}
        for one in self.home.hallmark("incident", "list", "--all", "--json").json:
            if not str(one["check_id"]).endswith(".id.odd"):
                continue
            lines = self.home.hallmark("incident", "show", one["id"], "--json").json["timeline"]
            mine = [e["what"] for e in lines if e["actor"] == getpass.getuser()]
            if more := mine[self.seen.get(one["dataset"], 0) :]:
                found[one["dataset"]] = more
            self.seen[one["dataset"]] = len(mine)
        return found


Told = Callable[[], dict[str, list[str]]]


def newest(home: Home, action: str) -> tuple[str, str, str]:
    """(actor, target, reason) of the newest action of a kind."""
    sql = 'SELECT actor, target, reason FROM ops.actions WHERE action = ? ORDER BY "at" DESC LIMIT 1'
    [(actor, target, reason)] = home.rows(sql, action)
    return actor, target, reason


def test_a_rollback_is_in_every_incident_of_its_layer(home: Home, told: Told) -> None:
    done = home.hallmark("rollback", "gold", "--to", SLOT1, "--reason", "wrong rates")
    assert done.code == 0 and "Noted in the incidents " in done.out, done.out
    assert told() == {"gold.dim_customer": [f"rollback gold to {SLOT1}: wrong rates"]}
    assert newest(home, "rollback") == (getpass.getuser(), f"gold to {SLOT1}", "wrong rates")


def test_a_hold_and_its_end_are_in_those_of_its_stream(home: Home, told: Told) -> None:
    assert home.hallmark("hold", "drops.customers", "--until", later(hours=1), "--reason", "half a file").code == 0
    assert home.hallmark("hold", "drops.customers", "--release").code == 0
    [held, released] = told().pop("bronze.drops__customers")
    assert held.startswith("stream.hold drops.customers, until ") and held.endswith(" UTC: half a file")
    assert released == "stream.release drops.customers"
    assert newest(home, "stream.hold") == (getpass.getuser(), "drops.customers", "half a file")


def test_a_replay_is_in_those_of_its_streams_with_what_came_of_it(home: Home, told: Told) -> None:
    call = ("quarantine", "replay", "--stream", "drops.customers", "--reason", "missing_fields", "--note", "once more")
    counts = home.hallmark(*call, "--json").json
    assert counts["selected"] > 0
    target = f"drops.customers (missing_fields): 0 of {counts['selected']} rows published"
    assert told() == {"bronze.drops__customers": [f"quarantine.replay {target}: once more"]}
    assert newest(home, "quarantine.replay") == (getpass.getuser(), target, "once more")
    assert home.hallmark(*call, "--json").json["selected"] == 0
    assert told() == {}, "nothing was done"


def test_a_run_of_what_somebody_chose_is_noted_before_it_ends_incidents(home: Home, told: Told) -> None:
    done = home.hallmark("run", "--from", "silver", "--reason", "the model is mended", "--json")
    assert done.code == 0, done.err
    line = "run from silver: the model is mended"
    assert told() == {"silver.slv_teams": [line], "gold.dim_customer": [line]}
    assert newest(home, "run") == (getpass.getuser(), "from silver", "the model is mended")
