"""A channel of Slack that fails: what an error means, and that no message is sent twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest

from governance.incidents.model import Incident, Links
from governance.transports.base import Outage, PermanentError, TransientError
from governance.transports.slack import SlackTransport
from tests.slack.server import Server
from tests.unit.governance.slack_support import Clock, World

BROKEN = ("500", "503", "reset", "accept-then-die")


@pytest.fixture
def world() -> Iterator[World]:
    clock = Clock()
    with Server(now=lambda: clock.now().timestamp(), clock=clock) as server:
        yield World(server, clock)


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_an_unclear_outcome_makes_no_second_message(world: World, kind: str, nth: int) -> None:
    world.server.fail("chat.postMessage", kind, nth)
    events = [world.change("opened"), world.change("noted", "first", actor="jon")]
    (one, *_) = world.tell(*events)
    assert isinstance(one, TransientError) and one.reason in ("server", "connection")
    world.anew()
    assert world.tell(*events) == [None, None]
    (root,) = world.server.channel().roots
    assert [m.metadata["event_payload"]["part"] for m in world.server.channel().messages if m.metadata] == [
        "root", "details", "news",
    ]  # fmt: skip
    assert root.metadata and root.metadata["event_type"] == "hallmark_incident"


def test_a_lookup_reads_every_page_and_only_its_own(world: World) -> None:
    world.server.workspace.page = 2
    for n in range(5):
        world.tell(world.event(Incident.model_validate({**dict(world.first), "id": f"b{n:09x}"}), "opened"))
    world.server.fail("chat.postMessage", "accept-then-die")
    event = world.change("opened")
    world.tell(event)
    for n in range(5, 9):
        world.clock.at += 1
        world.server.workspace.post({"channel": "#data-platform", "text": f"a colleague says {n}"})
    world.anew()
    world.clock.at += 1
    assert world.tell(event) == [None]
    mine = [m for m in world.server.channel().roots if "4be07ad215" in str(m.metadata)]
    assert len(mine) == 1 and world.calls("conversations.history") >= 2


def test_a_bot_that_may_not_read_tells_it_twice_rather_than_never(world: World) -> None:
    world.server.workspace.scopes = {"chat:write"}
    world.server.fail("chat.postMessage", "accept-then-die")
    event = world.change("opened")
    world.tell(event)
    world.anew()
    assert world.tell(event) == [None]
    assert len(world.server.channel().roots) == 2


def test_a_stalled_answer_is_an_outage(world: World) -> None:
    world.server.fail("chat.postMessage", "slow")
    world.more = {"token": lambda: world.server.token, "url": world.server.url, "timeout": 0.3}
    world.anew()
    (error, second) = world.tell(world.change("opened"), world.change("repeated", count=2))
    assert isinstance(error, Outage) and error.reason == "timeout" and second is error


def test_a_slack_that_is_not_there_is_an_outage(world: World) -> None:
    world.more = {"token": lambda: "xoxb-secret", "url": "http://127.0.0.1:9/api/"}
    world.anew()
    (error,) = world.tell(world.change("opened"))
    assert isinstance(error, Outage) and error.reason == "connection" and "secret" not in str(error)


@pytest.mark.parametrize("code", ["invalid_auth", "token_revoked", "account_inactive", "missing_scope"])
def test_a_token_that_is_refused_is_nobody_s_fault(world: World, code: str) -> None:
    world.server.fail("chat.postMessage", code)
    event = world.change("opened")
    (error,) = world.tell(event)
    assert isinstance(error, Outage) and error.reason == "auth" and code in str(error)
    world.clock.at += 2
    assert world.tell(event) == [None]
    assert world.calls("conversations.history") == 0, "what was surely not taken need not be looked up"


@pytest.mark.parametrize(("token", "said"), [(None, "not set"), ("xoxb-1\nX-Evil: 1", "of a form")])
def test_a_token_that_is_none_is_not_sent(world: World, token: str | None, said: str) -> None:
    world.more = {"token": lambda: token, "url": world.server.url}
    world.anew()
    (error,) = world.tell(world.change("opened"))
    assert isinstance(error, Outage) and said in str(error) and "Evil" not in str(error)
    assert world.server.calls == []


def test_a_rotated_token_is_found(world: World) -> None:
    tokens = iter(["xoxb-old", world.server.token])
    world.more = {"token": lambda: next(tokens), "url": world.server.url}
    world.anew()
    event = world.change("opened")
    assert isinstance(world.tell(event)[0], Outage) and world.tell(event) == [None]


@pytest.mark.parametrize(
    ("code", "remedy"),
    [("channel_not_found", "oncall.yml"), ("not_in_channel", "/invite"), ("is_archived", "unarchive"),
     ("restricted_action", "posting permissions"), ("invalid_blocks", "invalid_blocks")],
)  # fmt: skip
def test_what_can_never_be_told_is_given_up_with_a_remedy(world: World, code: str, remedy: str) -> None:
    world.server.fail("chat.postMessage", code)
    other = Incident.model_validate({**dict(world.first), "id": "b000000000"})
    (error, second) = world.tell(world.change("opened"), world.event(other, "opened"))
    assert isinstance(error, PermanentError) and remedy in str(error)
    assert second is None, "the next one is tried"


def test_the_real_states_of_a_channel_are_told(world: World) -> None:
    channel = world.server.channel()
    event = world.change("opened")
    for state, said in (({"archived": True}, "unarchive"), ({"member": False, "archived": False}, "/invite")):
        channel.__dict__.update(state)
        (error,) = world.tell(event)
        assert isinstance(error, PermanentError) and said in str(error)


def test_another_server_in_its_place_is_an_outage(world: World) -> None:
    world.server.fail("chat.postMessage", "not-json")
    (error,) = world.tell(world.change("opened"))
    assert isinstance(error, Outage) and "another server" in str(error)


def test_an_event_without_an_incident_is_given_up(world: World) -> None:
    event = world.change("opened")
    world.desk.incidents.clear()
    broken = event.model_copy(update={"data": {"incident": {"id": "x", "token": "xoxb-secret"}}})
    (error,) = world.tell(broken)
    assert isinstance(error, PermanentError) and "secret" not in str(error)


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("nth", range(1, 9))
def test_a_kill_at_any_point_makes_no_second_message(world: World, nth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    remember, left = world.desk.remember, [nth]

    def dying(id: str, destination: str, reference: dict[str, object]) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        remember(id, destination, reference)

    monkeypatch.setattr(world.desk, "remember", dying)
    events = [world.change("opened"), world.change("noted", "first", actor="jon")]
    with suppress(Killed):
        world.tell(*events)
    world.anew()
    assert world.tell(*events) == [None, None]
    parts = [m.metadata["event_payload"]["part"] for m in world.server.channel().messages if m.metadata]
    assert parts == ["root", "details", "news"]


def test_a_thread_that_is_gone_while_its_outcome_is_unclear_is_told_anew(world: World) -> None:
    world.server.fail("chat.postMessage", "accept-then-die", 2)
    event = world.change("opened")
    assert isinstance(world.tell(event)[0], Outage)
    world.server.channel().messages.clear()
    world.anew()
    assert world.tell(event) == [None]
    assert len(world.server.channel().messages) == 2


def test_what_ended_stays_one_message_after_an_unclear_outcome(world: World) -> None:
    world.server.fail("chat.postMessage", "accept-then-die")
    events = [world.change("opened"), world.change("worsened"), world.change("resolved", state="resolved")]
    assert isinstance(world.tell(*events)[0], Outage)
    world.anew()
    assert world.tell(*events) == [None] * 3
    assert len(world.server.channel().messages) == 1


def test_an_owner_who_was_called_is_not_called_again_after_a_crash(world: World) -> None:
    world.server.fail("chat.postMessage", "accept-then-die")
    events = [world.change("opened"), world.change("worsened", "31 rows")]
    world.tell(*events)
    world.anew()
    assert world.tell(*events) == [None] * 2
    assert [bool(m.called) for m in world.server.channel().messages] == [True, False, False]


def test_slack_may_not_silence_it_for_more_than_an_hour(world: World) -> None:
    world.server.retry_after = 10**9
    event = world.change("opened")
    world.server.fail("chat.postMessage", "429")
    (error,) = world.tell(event)
    assert isinstance(error, TransientError) and error.retry_after == 3600
    world.clock.at += 3601
    assert world.tell(event) == [None]


def test_one_that_cannot_be_shown_does_not_keep_the_others(world: World) -> None:
    def links(incident: Incident) -> Links:
        if incident.id == world.first.id:
            raise ValueError("what it holds, which is nobody's business")
        return Links()

    transport = SlackTransport(
        "#data-platform", world.desk, token=lambda: world.server.token, url=world.server.url, links=links,
        clock=world.clock, sleep=world.clock.sleep, now=world.clock.now,
    )  # fmt: skip
    other = Incident.model_validate({**dict(world.first), "id": "b000000001"})
    bad, good = (o.error for o in transport.deliver([world.change("opened"), world.event(other, "opened")]))
    assert isinstance(bad, PermanentError) and str(bad).endswith("v1: ValueError")
    assert good is None and len(world.server.channel().roots) == 1


def test_details_that_somebody_deleted_are_told_anew(world: World) -> None:
    world.tell(world.change("opened"))
    channel = world.server.channel()
    (root,) = channel.roots
    (details,) = channel.replies(root.ts)
    channel.messages.remove(details)
    edited = world.first.latest.model_copy(update={"query": "SELECT 99"})
    assert world.tell(world.change("repeated", latest=edited)) == [None]
    (anew,) = channel.replies(root.ts)
    assert anew.ts != details.ts and channel.roots == [root]
    edited = world.first.latest.model_copy(update={"query": "SELECT 100"})
    assert world.tell(world.change("repeated", latest=edited)) == [None] and channel.replies(root.ts) == [anew]


def test_details_that_slack_refused_are_not_taken_for_shown(world: World) -> None:
    world.tell(world.change("opened"))
    world.server.fail("chat.update", "msg_too_long", nth=2)
    event = world.change("repeated", count=2, latest=world.first.latest.model_copy(update={"query": "SELECT 99"}))
    (error,) = world.tell(event)
    assert isinstance(error, PermanentError)
    assert world.tell(event) == [None]
    assert "99" in str(world.server.channel().messages[-1].blocks)


@pytest.mark.parametrize("kind", ["root", "details"])
def test_a_lookup_is_of_the_time_of_sending_however_much_was_said_since(world: World, kind: str) -> None:
    world.server.workspace.page = 1
    world.server.fail("chat.postMessage", "accept-then-die", nth=1 if kind == "root" else 2)
    event = world.change("opened")
    world.tell(event)
    thread = world.server.channel().roots[0].ts if kind == "details" else None
    for n in range(12):
        world.clock.at += 700
        said = {"channel": "#data-platform", "text": f"a colleague says {n}", "thread_ts": thread}
        world.server.workspace.post(said)
    world.anew()
    assert world.tell(event) == [None]
    parts = [m.metadata["event_payload"]["part"] for m in world.server.channel().messages if m.metadata]
    assert sorted(parts) == ["details", "root"]
