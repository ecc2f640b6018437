"""From a failing gate to a person and back: the engine, the outbox, the dispatcher, the store, and a real pager."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from governance.dispatcher import Dispatcher
from governance.inbound.heard import Heard, open_pages, reports
from governance.inbound.jsm import JsmReader
from governance.inbound.pagerduty import PagerDutyReader
from governance.inbound.receiver import Receiver
from governance.outbox import Outbox
from governance.transports.jsm import JsmTransport
from governance.transports.pace import Pace
from governance.transports.pagerduty import PagerDutyTransport
from tests.pagers import jsm, pagerduty
from tests.pagers.jsm import JsmServer
from tests.pagers.pagerduty import PagerDutyServer
from tests.unit.governance.incidents.support import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(f"sqlite:///{tmp_path / 'state.db'}")
    yield made
    made.store.close()


@pytest.fixture
def duty(world: World) -> Iterator[PagerDutyServer]:
    with PagerDutyServer(clock=lambda: world.now) as server:
        yield server


@pytest.fixture
def operations(world: World) -> Iterator[JsmServer]:
    with JsmServer(clock=lambda: world.now) as server:
        yield server


@pytest.fixture
def drain(world: World, duty: PagerDutyServer, operations: JsmServer) -> Callable[[], dict[str, int]]:
    """Deliver what is due, as a process of its own would."""

    def deliver() -> dict[str, int]:
        shared = {"clock": lambda: world.now, "pace": Pace(120, clock=lambda: world.now)}
        transports = {
            "pagerduty:platform": PagerDutyTransport(
                "pagerduty:platform", lambda: pagerduty.KEY, world.store, duty.url, **shared
            ),
            "jsm:growth": JsmTransport(
                "jsm:growth", lambda: jsm.KEY, world.store, operations.url + jsm.ROOT, **shared
            ),
        }  # fmt: skip
        with Outbox(world.url, lambda: world.now) as outbox:
            counts = Dispatcher(outbox, transports, lambda: world.now, draw=lambda low, high: high).drain(patience=0)
        for transport in transports.values():
            transport.close(1)
        return counts

    return deliver


def test_a_gate_pages_a_person_acknowledges_and_a_pass_ends_it(
    world: World, duty: PagerDutyServer, drain: Callable[[], dict[str, int]]
) -> None:
    for _ in range(3):
        world.fails("gold.a", owner="platform")
    drain()
    assert [a.status for a in duty.alerts] == ["triggered"]
    world.pass_(minutes=1)
    duty.acknowledge(duty.alerts[0].key)
    reader = PagerDutyReader(lambda: pagerduty.TOKEN, duty.url)
    for told in reader.poll(open_pages(world.store, ["pagerduty:platform"])):
        world.desk.heed(told)
    reader.close()
    assert (world.one().state, world.one().assignee) == ("acknowledged", "Ada Person")
    world.pass_(hours=1)
    world.passes("gold.a")
    drain()
    assert world.one().state == "resolved" and [a.status for a in duty.alerts] == ["resolved"]
    world.fails("gold.a", owner="platform")  # within a day: the same episode
    drain()
    assert [a.status for a in duty.alerts] == ["resolved", "triggered"] and duty.alerts[0].key == duty.alerts[1].key


def test_an_outage_of_the_pager_delays_and_calls_once(
    world: World, duty: PagerDutyServer, drain: Callable[[], dict[str, int]]
) -> None:
    world.fails("gold.a", owner="platform")
    world.fails("gold.b", owner="platform")
    duty.fail("die")
    duty.fail(503, 4)
    for _ in range(6):
        drain()
        world.pass_(minutes=20)
    assert [a.status for a in duty.alerts] == ["triggered"] * 2
    assert {i.state for i in world.open} == {"open"}


def test_what_nobody_acknowledges_is_escalated_and_one_acknowledgement_ends_both(
    world: World, duty: PagerDutyServer, operations: JsmServer, drain: Callable[[], dict[str, int]]
) -> None:
    world.fails("gold.g", owner="growth")
    drain()
    assert ([len(s.alerts) for s in (duty, operations)]) == [0, 1]
    world.pass_(minutes=31)
    world.desk.tick()
    drain()
    assert ([len(s.alerts) for s in (duty, operations)]) == [1, 1]
    assert len(operations.alerts[0].log) == 1  # the team itself is not called a second time
    operations.acknowledge(operations.alerts[0].key, "grace@example.com")
    reader = JsmReader(lambda: jsm.TOKEN, jsm.USER, operations.url + jsm.API, clock=lambda: world.now)
    for told in reader.poll(open_pages(world.store, ["pagerduty:platform", "jsm:growth"])):
        world.desk.heed(told)
    reader.close()
    drain()
    assert world.one().assignee == "grace@example.com" and duty.alerts[0].status == "acknowledged"


def test_a_webhook_resolves_ours_and_the_page_stays_ended(
    world: World, duty: PagerDutyServer, drain: Callable[[], dict[str, int]]
) -> None:
    world.fails("gold.a", owner="platform")
    drain()
    world.pass_(minutes=5)
    duty.resolve(duty.alerts[0].key)

    def heed(told: Heard) -> None:
        for one in reports(told, open_pages(world.store, ["pagerduty:platform"])):
            world.desk.heed(one)

    with Receiver("127.0.0.1", 0, heard=heed, pagerduty=[pagerduty.SECRET], clock=lambda: world.now) as receiver:
        body, headers = duty.webhook(duty.alerts[0], "incident.resolved")
        assert httpx.post(f"{receiver.url}/pagerduty", content=body, headers=headers).status_code == 202
    assert world.one().state == "resolved"
    drain()
    assert [a.status for a in duty.alerts] == ["resolved"] and open_pages(world.store, ["pagerduty:platform"]) == {}
