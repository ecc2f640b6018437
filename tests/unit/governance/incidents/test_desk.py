"""What a person and the time do to an incident, and who is told of it."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from governance.errors import ConfigurationError
from governance.hours import Hours, Window
from governance.incidents.model import Reported
from governance.incidents.post_mortem import post_mortem
from governance.oncall import Ownership, Quiet, Team
from governance.outbox import Outbox
from tests.unit.governance.incidents.support import NOW, World, check

A = "silver.orders"


def test_acknowledge_assign_and_resolve(world: World) -> None:
    world.fails(A)
    one = world.one().id
    acknowledged = world.desk.acknowledge(one[:6], "ada", "looking")
    assert (acknowledged.state, acknowledged.assignee) == ("acknowledged", "ada")
    assert world.desk.acknowledge(one, "bob").revision == acknowledged.revision  # the first one is on it
    assert world.desk.assign(one, "ada", "growth").assignee == "growth"
    assert world.desk.resolve(one, "ada", "mended").state == "resolved"
    assert [(e.actor, e.verb) for e in world.store.timeline(one)] == [
        ("hallmark", "opened"), ("ada", "acknowledged"), ("ada", "assigned"), ("ada", "resolved"),
    ]  # fmt: skip
    assert world.told("slack:#platform") == ["opened", "acknowledged", "assigned", "resolved"]
    world.fails(A)
    assert (world.one().id, world.one().state) == (one, "open")


def test_an_id_that_is_none_is_one_clear_error(world: World) -> None:
    world.fails(A)
    with pytest.raises(ConfigurationError, match="no incident has this id"):
        world.desk.acknowledge("ffffffffff", "ada")
    with pytest.raises(ConfigurationError, match="no incident"):
        world.desk.acknowledge("%", "ada")


def test_a_muted_incident_is_recorded_and_comes_back(world: World) -> None:
    world.fails(A)
    until = world.now + timedelta(hours=2)
    world.desk.mute(world.one().id, "ada", until, "the source is being moved")
    world.fails(A)
    assert (world.one().state, world.one().count) == ("muted", 2)
    world.pass_(hours=3)
    assert world.desk.tick() == 1
    assert world.one().state == "open" and world.told("pagerduty:platform")[-1] == "unmuted"
    with pytest.raises(ConfigurationError, match="has passed"):
        world.desk.mute(world.one().id, "ada", NOW)


def test_what_nobody_acknowledges_is_escalated_once(world: World) -> None:
    world.hear(world.gate(A, check(A), owner="growth"))
    world.pass_(minutes=29)
    assert world.desk.tick() == 0
    world.pass_(minutes=2)
    assert world.desk.tick() == 1
    assert world.told("pagerduty:platform") == ["escalated"]
    assert world.told("jsm:growth") == ["opened", "escalated"]
    world.pass_(minutes=60)
    assert world.desk.tick() == 0
    world.desk.acknowledge(world.one().id, "ada")
    assert world.told("pagerduty:platform") == ["escalated", "acknowledged"]  # who was called must hear that


def test_what_is_acknowledged_is_not_escalated(world: World) -> None:
    world.hear(world.gate(A, check(A), owner="growth"))
    world.desk.acknowledge(world.one().id, "ada")
    world.pass_(hours=3)
    assert world.desk.tick() == 0


def test_what_opens_in_maintenance_is_muted_until_its_end(world: World) -> None:
    window = Window(name="move", begin=NOW, end=NOW + timedelta(hours=1), datasets=("silver.*",))
    world = World(world.url, world.ownership.model_copy(update={"maintenance": (window,)}))
    world.fails(A)
    world.fails("gold.mart")
    states = {i.dataset: i.state for i in world.open}
    assert states == {A: "muted", "gold.mart": "open"}
    world.pass_(hours=1)
    world.desk.tick()
    assert {i.state for i in world.open} == {"open"}


def test_quiet_hours_let_a_warning_wait_and_a_page_through(world: World) -> None:
    night = Quiet(name="night", timezone="Europe/Berlin", since=time(20), until=time(8), severities=("warning",))
    world = World(world.url, world.ownership.model_copy(update={"quiet": (night,)}))
    world.now = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)
    world.fails(A, severity="warning")
    world.fails("gold.mart")
    with Outbox(world.url, lambda: world.now) as outbox:
        due = outbox.next_due("slack:#platform")
        claims = outbox.claim("slack:#platform")
        assert [c.event.data["dataset"] for c in claims] == ["gold.mart"]
        outbox.ack(claims)
        assert due is not None and due <= datetime.now(UTC)
        assert len(outbox.claim("pagerduty:platform")) == 1
        world.now = datetime(2026, 11, 25, 7, 0, tzinfo=UTC)  # 8 o'clock in Berlin
        assert [c.event.data["dataset"] for c in outbox.claim("slack:#platform")] == [A]


def test_what_was_said_of_an_episode_before_it_opened_again_is_over(world: World) -> None:
    world.fails(A)
    said = world.now
    world.passes(A)
    world.pass_(hours=1)
    world.fails(A)
    for verb in ("acknowledged", "resolved"):
        assert world.desk.heed(Reported(incident=world.one().id, verb=verb, actor="ada", at=said)) is None
    assert world.one().state == "open"
    told = Reported(incident=world.one().fingerprint, verb="acknowledged", actor="ada", at=world.now)
    assert world.desk.heed(told) and world.one().state == "acknowledged"


def test_a_page_that_comes_out_of_hours_waits_for_their_beginning(world: World) -> None:
    team = Team(name="platform", slack="#platform", page=(), page_in_hours=("critical",))
    world = World(world.url, Ownership(default="platform", teams={"platform": team}))
    world.now = datetime(2026, 11, 27, 18, 5, tzinfo=UTC)  # a Friday evening
    world.fails(A)
    with Outbox(world.url, lambda: world.now) as outbox:
        assert outbox.claim("pagerduty:platform") == []
        assert outbox.next_due("pagerduty:platform") == datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
        assert len(outbox.claim("slack:#platform")) == 1


def test_quiet_hours_that_touch_each_other_are_one(world: World) -> None:
    night = Quiet(name="night", since=time(20), until=time(8))
    weekend = Quiet(name="weekend", days=("sat", "sun"), teams=("growth",))
    known = world.ownership.model_copy(update={"quiet": (night, weekend)})
    saturday = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
    assert known.quiet_until("growth", "warning", saturday) == datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
    assert known.quiet_until("platform", "warning", saturday) is None
    assert known.quiet_until("growth", "critical", saturday) is None


@pytest.mark.parametrize(
    ("at", "inside"),
    [
        ("2026-11-24T08:00:00+00:00", True), ("2026-11-24T07:59:00+00:00", False),  # 9 o'clock in Berlin
        ("2026-11-24T15:59:00+00:00", True), ("2026-11-24T16:00:00+00:00", False),
        ("2026-07-24T07:00:00+00:00", True),  # in summer
        ("2026-11-28T10:00:00+00:00", False),  # a Saturday
        ("2026-12-25T10:00:00+00:00", False),  # Christmas, a Friday
    ],
)  # fmt: skip
def test_hours_of_a_team(at: str, inside: bool) -> None:
    hours = Hours(
        timezone="Europe/Berlin", days=("mon", "tue", "wed", "thu", "fri"), since=time(9), until=time(17), holidays="DE"
    )
    assert hours.contain(datetime.fromisoformat(at)) is inside


def test_hours_past_midnight_end_in_the_morning() -> None:
    night = Hours(since=time(22), until=time(6), days=("fri",))
    friday = datetime(2026, 11, 27, 23, 10, tzinfo=UTC)
    assert night.contain(friday) and night.end_after(friday) == datetime(2026, 11, 28, 6, 0, tzinfo=UTC)
    assert not night.contain(friday + timedelta(days=1))


def test_the_draft_of_a_post_mortem_says_what_happened_and_escapes_it(world: World) -> None:
    world.fails(A, observed="<script>|`x`", query='select * from "a"')
    world.desk.acknowledge(world.one().id, "ada", "looking *now*")
    world.passes(A)
    one = world.one()
    said = post_mortem(one, world.store.timeline(one.id))
    assert "| resolved | 2026-11-24 09:01:00 | 1 min |" in said
    assert "\\<script\\>\\|\\`x\\`" in said and "looking \\*now\\*" in said
    assert '    select * from "a"' in said


def test_an_escalation_counts_from_when_somebody_was_to_be_called(world: World) -> None:
    world.fails(A, owner="growth", severity="warning")
    world.pass_(hours=10)
    world.fails(A, owner="growth")
    assert world.desk.tick() == 0, "it was called of a minute ago"
    world.pass_(minutes=30)
    assert world.desk.tick() == 1 and world.one().escalations == 1


def test_who_acknowledged_a_warning_is_called_when_it_grows_worse(world: World) -> None:
    world.fails(A, severity="warning")
    world.desk.acknowledge(world.one().id, "ada")
    world.fails(A)
    assert (world.one().state, world.one().severity, world.one().assignee) == ("open", "critical", "ada")


def test_a_mute_outlives_a_pass(world: World) -> None:
    world.fails(A)
    world.desk.mute(world.one().id, "ada", until := world.now + timedelta(days=7))
    world.passes(A)
    world.fails(A)
    assert (world.one().state, world.one().muted_until) == ("muted", until)
    world.desk.resolve(world.one().id, "ada")
    world.fails(A)
    assert world.one().state == "open", "who says that it is over ends the mute too"
