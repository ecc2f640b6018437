"""A channel of Slack by an incoming webhook: no edits, no threads, few messages."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest

from governance.incidents.samples import NOW
from governance.transports.base import Outage, PermanentError, TransientError
from tests.slack.server import Server
from tests.unit.governance.slack_support import OWNER, Clock, World


@pytest.fixture
def world() -> Iterator[World]:
    clock = Clock()
    with Server(now=lambda: clock.now().timestamp(), clock=clock) as server:
        yield World(server, clock, webhook=lambda: server.webhook())


def test_one_message_then_short_ones_for_changes_and_none_for_repeats(world: World) -> None:
    world.tell(world.change("opened"))
    for n in range(2, 20):
        world.tell(world.change("repeated", count=n))
    world.tell(world.change("noted", "the CRM was down", actor="jon"))
    world.tell(world.change("acknowledged", actor="maria", state="acknowledged"))
    world.tell(world.change("worsened", "31 rows"))
    world.tell(world.change("resolved", "the check passed", state="resolved", resolved_at=NOW + timedelta(hours=1)))
    said = world.server.channel().roots
    assert len(said) == 4 and not any(m.edits for m in said)
    assert [bool(m.called) for m in said] == [True, False, True, False]
    assert "SELECT c.*" in str(said[0].blocks) and len(said[1].blocks) < 5
    assert "4be07ad215" in str(said[3].blocks) and "Resolved" in said[3].text


def test_what_ended_before_it_was_told_is_one_message(world: World) -> None:
    world.tell(world.change("opened"), world.change("resolved", state="resolved", resolved_at=NOW + timedelta(hours=1)))
    (only,) = world.server.channel().roots
    assert only.called == [] and "Resolved" in only.text


def test_a_crash_after_slack_took_it_tells_it_twice(world: World) -> None:
    world.server.fail("webhook", "accept-then-die")
    event = world.change("opened")
    (error,) = world.tell(event)
    assert isinstance(error, Outage)
    world.anew()
    assert world.tell(event) == [None]
    assert len(world.server.channel().roots) == 2


@pytest.mark.parametrize(
    ("kind", "expected", "reason"),
    [("429", TransientError, "throttled"), ("500", TransientError, "server"), ("reset", Outage, "connection"),
     ("no_service", Outage, "auth"), ("invalid_token", Outage, "auth"), ("channel_is_archived", PermanentError, ""),
     ("channel_not_found", PermanentError, ""), ("invalid_blocks", PermanentError, "")],
)  # fmt: skip
def test_what_a_refusal_means(
    world: World, kind: str, expected: type[Exception], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    world.server.fail("webhook", kind)
    (error,) = world.tell(world.change("opened"))
    assert type(error) is expected or isinstance(error, expected)
    assert getattr(error, "reason", "") == reason
    assert "secret-part" not in f"{error!r} {caplog.text}", "the address of a webhook is a secret"


@pytest.mark.parametrize("address", ["ftp://host/secret-part", "secret-part", "", "https://h/secret-part\nX: y"])
def test_an_address_that_is_none_is_named_nowhere(world: World, address: str) -> None:
    world.more = {"webhook": lambda: address}
    world.anew()
    (error,) = world.tell(world.change("opened"))
    assert isinstance(error, Outage) and "secret-part" not in str(error)


def test_messages_are_paced(world: World) -> None:
    for verb in ("opened", "worsened", "muted", "unmuted"):
        assert world.tell(world.change(verb)) == [None]  # type: ignore[arg-type]
    assert len(world.server.channel().roots) == 4 and len(world.clock.slept) == 3


def test_the_owner_is_named_where_it_was_opened(world: World) -> None:
    world.tell(world.change("opened"))
    assert OWNER in str(world.server.channel().roots[0].blocks)
