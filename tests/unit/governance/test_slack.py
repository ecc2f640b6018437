"""A channel of Slack by a bot's token: one message an incident, as it stands, and never a second one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

import pytest

from governance.incidents.model import Incident
from governance.incidents.samples import NOW, storm_members
from governance.transports.base import TransientError
from governance.transports.slack import SlackTransport
from tests.slack.server import Server
from tests.unit.governance.slack_support import OWNER, Clock, World


@pytest.fixture
def world() -> Iterator[World]:
    clock = Clock()
    with Server(now=lambda: clock.now().timestamp(), clock=clock) as server:
        yield World(server, clock)


def test_an_incident_is_one_message_with_its_details_in_the_thread(world: World) -> None:
    assert world.tell(world.change("opened", "12 of 1,500 rows")) == [None]
    (root,) = world.server.channel().roots
    (details,) = world.server.channel().replies(root.ts)
    assert root.called == [OWNER.strip("<>")] and details.called == []
    shown = world.server.picture()
    for said in (
        "12 projects belong to no known customer",
        "hallmark incident ack 4be07ad215",
        "SELECT c.*",
        "P-10482",
    ):
        assert said in shown


def test_fifty_failures_are_one_message_whose_counter_moves(world: World) -> None:
    events = [world.change("opened")]
    for n in range(2, 51):
        events.append(world.change("repeated", count=n, last_seen=NOW + timedelta(minutes=n)))
        if n % 10 == 0:
            assert set(world.tell(*events)) == {None}
            events = []
    (root,) = world.server.channel().roots
    assert len(world.server.channel().replies(root.ts)) == 1
    assert "50" in str(root.blocks[1]) and root.edits == 4


def test_what_is_shown_already_is_not_sent_again(world: World) -> None:
    event = world.change("opened")
    world.tell(event)
    before = len(world.server.calls)
    assert world.tell(event, event) == [None, None]
    world.anew()
    assert world.tell(event) == [None]
    assert len(world.server.calls) == before


def test_late_events_show_how_it_stands_now(world: World) -> None:
    events = [world.change("opened"), world.change("repeated", count=2)]
    events.append(world.change("acknowledged", "on it", actor="maria", state="acknowledged", assignee="maria"))
    assert world.tell(*events) == [None] * 3
    (root,) = world.server.channel().roots
    assert root.edits == 0 and "acknowledged by maria" in str(root.blocks)
    assert root.called == [], "somebody has it already"
    replies = world.server.channel().replies(root.ts)
    assert len(replies) == 2 and "acknowledged by maria: on it" in replies[1].text


def test_each_change_is_a_reply_and_the_owner_is_called_when_it_matters(world: World) -> None:
    world.tell(world.change("opened", severity="warning"))
    world.tell(world.change("noted", "the CRM was down", actor="jon"))
    world.tell(world.change("acknowledged", actor="maria", state="acknowledged"))
    world.tell(world.change("worsened", "31 rows", severity="critical"))
    world.tell(world.change("resolved", "the check passed", state="resolved", resolved_at=NOW + timedelta(hours=1)))
    world.tell(world.change("reopened", "it fails again", state="open", resolved_at=None))
    (root,) = world.server.channel().roots
    replies = world.server.channel().replies(root.ts)[1:]
    said = [
        next(w for w in ("noted", "acknowledged", "worsened", "resolved", "reopened") if w in r.text) for r in replies
    ]
    assert said == ["noted", "acknowledged", "worsened", "resolved", "reopened"]
    assert [bool(r.called) for r in replies] == [False, False, True, False, True]
    assert root.blocks[0]["text"]["text"].startswith("🔴 Critical")


def test_what_ended_before_it_was_told_is_one_quiet_message(world: World) -> None:
    events = [world.change("opened"), world.change("repeated", count=2)]
    events.append(world.change("resolved", state="resolved", resolved_at=NOW + timedelta(hours=1)))
    world.tell(*events)
    (only,) = world.server.channel().messages
    assert only.called == [] and only.blocks[0]["text"]["text"].startswith("✅ Resolved")
    world.tell(world.change("reopened", state="open", resolved_at=None))
    replies = world.server.channel().replies(only.ts)
    assert len(world.server.channel().roots) == 1 and replies[-1].called == [OWNER.strip("<>")]


def test_a_storm_is_one_message(world: World) -> None:
    root = world.change("opened", attached=tuple(f"a{n:09x}" for n in range(39)))
    events = [root]
    for member in storm_members():
        mine = Incident.model_validate({**dict(member), "root": world.first.id})
        world.desk.incidents[mine.id] = mine
        events += [world.event(mine, "opened"), world.event(mine, "attached")]
    assert set(world.tell(*events)) == {None}
    (shown,) = world.server.channel().roots
    assert shown.edits == 0 and len(world.server.channel().replies(shown.ts)) == 1
    picture = world.server.picture()
    assert "39 incidents with this origin (32 critical, 7 warning)" in picture and "… and 29 more" in picture


def test_one_that_is_attached_later_moves_to_its_origin(world: World) -> None:
    origin = Incident.model_validate({**dict(world.first), "id": "0c5e8f21d7", "dataset": "bronze.crm__projects"})
    world.tell(world.change("opened"))
    world.desk.incidents[origin.id] = origin.model_copy(update={"attached": (world.first.id,)})
    world.tell(world.change("attached", root=origin.id))
    mine, its = world.server.channel().roots
    assert "It follows from incident 0c5e8f21d7" in str(mine.blocks) and "1 incident with this origin" in str(
        its.blocks
    )


def test_a_desk_that_forgot_it_does_not_silence_it(world: World) -> None:
    event = world.change("opened")
    world.desk.incidents.clear()
    assert world.tell(event) == [None]
    assert len(world.server.channel().roots) == 1


def test_a_channel_gets_a_message_a_second(world: World) -> None:
    # The stand-in refuses a second one within a second of the same clock.
    events = [world.change("opened")]
    for n in range(5):
        other = Incident.model_validate({**dict(world.first), "id": f"b{n:09x}"})
        events.append(world.event(other, "opened"))
    assert world.tell(*events) == [None] * 6
    assert len(world.server.channel().messages) == 12 and sum(world.clock.slept) >= 11
    posts = [c.at for c in world.server.calls if c.method == "chat.postMessage"]
    assert all(b - a >= 1 for a, b in pairwise(posts))


def test_more_than_a_minute_s_worth_comes_again(world: World) -> None:
    events = [
        world.event(Incident.model_validate({**dict(world.first), "id": f"c{n:09x}"}), "opened") for n in range(60)
    ]
    found = world.tell(*events)
    late = [e for e in found if e is not None]
    assert late and all(isinstance(e, TransientError) and e.reason == "throttled" for e in late)
    while any(found):
        found = world.tell(*events)
    assert len(world.server.channel().roots) == 60


def test_a_429_is_obeyed_and_stops_the_rest(world: World) -> None:
    world.server.retry_after = 30
    world.server.fail("chat.postMessage", "429")
    first = world.change("opened")
    other = world.event(Incident.model_validate({**dict(world.first), "id": "b000000000"}), "opened")
    found = world.tell(first, other)
    assert all(isinstance(e, TransientError) and (e.reason, e.retry_after) == ("throttled", 30.0) for e in found)
    assert len(world.server.calls) == 1
    (again,) = world.tell(first)
    assert isinstance(again, TransientError) and again.retry_after and again.retry_after > 20
    assert len(world.server.calls) == 1, "nothing is sent before its time"
    world.clock.at += 30
    assert world.tell(first, other) == [None, None]


def test_a_message_that_somebody_deleted_is_told_anew(world: World) -> None:
    world.tell(world.change("opened"))
    world.server.channel().messages.clear()
    assert world.tell(world.change("repeated", count=2)) == [None]
    assert len(world.server.channel().roots) == 1


def test_one_of_token_and_webhook_is_asked_for() -> None:
    from governance.incidents.memory import MemoryDesk

    with pytest.raises(ValueError, match="token or a webhook"):
        SlackTransport("#a", MemoryDesk())


def test_by_a_real_clock_the_rate_is_kept_too() -> None:
    with Server() as server:
        world = World(server, Clock())
        world.transport = SlackTransport("#data-platform", world.desk, token=lambda: server.token, url=server.url)
        assert world.tell(world.change("opened"), world.change("noted", "a word", actor="jon")) == [None, None]
        assert len(server.channel().messages) == 3
