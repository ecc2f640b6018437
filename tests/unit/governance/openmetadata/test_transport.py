"""The transport, over a server that fails in every way that one does; and events that are none."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from governance.dispatcher import Dispatcher
from governance.model import Event
from governance.outbox import Outbox
from governance.transports.base import Outage, PermanentError, TransientError, Transport
from governance.transports.openmetadata import names_in
from tests.openmetadata.server import Server
from tests.unit.governance.openmetadata.test_edges import ID, NAME, REPORT
from tests.unit.governance.openmetadata.test_quality import QUERY, SAMPLE
from tests.unit.governance.openmetadata.test_runs import DONE, STARTED, event
from tests.unit.governance.openmetadata.world import (
    CUSTOMERS,
    DAY,
    ORDERS,
    World,
    check,
    failures,
    renamed,
    tags,
    told,
)
from tests.unit.governance.test_transports import TransportContract

DATASET = told(renamed(ORDERS, description="Said anew."), rows=3)
LINEAGE = Event.of(
    "hallmark.lineage.published.v1", "silver.report", "1", DAY, pipeline="transform",
    edges=[e.model_dump(mode="json") for e in (NAME, ID)],
)  # fmt: skip
FAILED = check(success=False, sample=SAMPLE, query=QUERY)
GATE = Event.of(
    "hallmark.gate.failed.v1", "silver.orders", "1", DAY, checks=[FAILED.model_dump(mode="json"), check(2).model_dump()]
)
STALE = Event.of("hallmark.dataset.stale.v1", "silver.customers", "1", DAY, data_as_of="2026-11-21")
RUN = event(DONE)
# For each type of event, the requests that it makes and that matter.
REQUESTS = {
    "dataset": (DATASET, [("GET", "tables/name"), ("PATCH", "tables/"), ("PUT", "v1/tables$"), ("PUT", "Profile")]),
    "lineage": (LINEAGE, [("GET", "v1/lineage"), ("PUT", "v1/lineage"), ("GET", "tables/name")]),
    "gate": (GATE, [("POST", "testDefinitions"), ("PUT", "v1/dataQuality/testCases$"), ("POST", "testCaseResults"),
                    ("PUT", "failedRowsSample"), ("PUT", "inspectionQuery")]),
    "stale": (STALE, [("GET", "tables/name"), ("PATCH", "tables/")]),
    "run": (RUN, [("POST", "pipelineServices"), ("PUT", "v1/pipelines"), ("PUT", "status")]),
}  # fmt: skip
CALLS = [(kind, method, path) for kind, (_, requests) in REQUESTS.items() for method, path in requests]
REASONS = {
    "503": "server", "429": "throttled", "500": "server", "reset": "connection", "accept-then-die": "connection",
    "stall": "timeout",
}  # fmt: skip


class TestOpenMetadata(TransportContract):
    """As every transport; of load events the catalog hears nothing."""

    @pytest.fixture(autouse=True)
    def _server(self) -> Iterator[None]:
        with Server() as server:
            self.server = server
            yield

    def make(self, folder: Path) -> Transport:
        return World(self.server).transport

    def received(self, transport: Transport, folder: Path) -> list[str]:
        pytest.skip("events of loads do not concern the catalog")

    def test_nothing_to_deliver_asks_for_nothing_and_closing_twice_is_fine(self) -> None:
        transport = World(self.server).transport
        assert transport.deliver([]) == [] and self.server.calls == []
        assert transport.close(1.0) and transport.close(1.0)


@pytest.fixture
def pushed(world: World) -> World:
    world.push(ORDERS, CUSTOMERS, REPORT)
    return world


@pytest.mark.parametrize(("kind", "method", "path"), CALLS)
@pytest.mark.parametrize("fault", ["503", "accept-then-die"])
def test_after_a_fault_the_end_is_as_without_it(world: World, kind: str, method: str, path: str, fault: Any) -> None:
    """The fault is told as what it is; the event comes again, and then all is there, once."""
    one = REQUESTS[kind][0]
    with Server() as other:
        without = World(other)
        without.push(ORDERS, CUSTOMERS, REPORT)
        assert failures(without.deliver(one)) == []
        expected = other.snapshot(times=True)
        without.close()
    world.push(ORDERS, CUSTOMERS, REPORT)
    seen = world.server.fail(method, path, 1, fault)
    [error] = failures(world.deliver(one))
    assert seen.seen and isinstance(error, TransientError) and error.reason == REASONS[fault]
    assert error.retry_after == (1.0 if fault == "503" else None)
    assert failures(world.deliver(one)) == []
    assert world.server.snapshot(times=True) == expected


@pytest.mark.parametrize("fault", REASONS)
def test_a_fault_is_told_as_what_it_is_and_other_events_go_on(pushed: World, fault: Any) -> None:
    pushed.server.fail("PUT", "/lineage$", 1, fault, times=5)
    started = time.monotonic()
    outcomes = {o.event_id: o.error for o in pushed.deliver(LINEAGE, STALE, RUN, DATASET)}
    assert time.monotonic() - started < 5
    error = outcomes.pop(LINEAGE.id)
    assert isinstance(error, TransientError) and not isinstance(error, Outage) and error.reason == REASONS[fault]
    assert set(outcomes.values()) == {None}
    assert "Hallmark.Stale" in tags(pushed.table("customers"))


def test_a_server_that_stalls_is_left_alone_after_a_few_requests(pushed: World) -> None:
    pushed.server.fail("GET", "tables/name", 1, "stall", times=10_000)
    events = [told(renamed(CUSTOMERS, name=f"silver.t{n}")) for n in range(100)]
    started = time.monotonic()
    outcomes = pushed.deliver(*events)
    assert time.monotonic() - started < 6, "two timeouts at most, and not one for each round of connections"
    assert any(isinstance(o.error, Outage) for o in outcomes) and len(failures(outcomes)) == 100
    pushed.server.release()
    assert failures(pushed.deliver(*events)) == []


def test_a_server_that_is_down_costs_nothing(pushed: World) -> None:
    pushed.server.down()
    started = time.monotonic()
    [error] = failures(pushed.deliver(DATASET))
    assert isinstance(error, Outage) and error.reason == "connection" and time.monotonic() - started < 1
    pushed.server.up()
    pushed.server.fail("GET", "system/version", 1, "stall")
    started = time.monotonic()
    [error] = failures(pushed.deliver(DATASET))
    assert isinstance(error, Outage) and error.reason == "timeout" and time.monotonic() - started < 1
    assert failures(pushed.deliver(DATASET)) == []


def test_a_token_that_is_rotated_meanwhile_is_read_anew_by_all_that_need_it(pushed: World) -> None:
    events = [told(renamed(CUSTOMERS, name=f"silver.t{n}")) for n in range(40)]
    pushed.deliver(RUN)
    rotated: list[str] = []

    def rotate() -> None:
        while not any("silver.t3" in c.path for c in pushed.server.calls):
            time.sleep(0.005)
        pushed.token = pushed.server.rotate_token()
        rotated.append(pushed.token)

    pushed.server.latency = 0.02
    thread = threading.Thread(target=rotate)
    thread.start()
    outcomes = pushed.deliver(*events)
    thread.join()
    assert failures(outcomes) == [] and rotated
    assert 401 in {c.status for c in pushed.server.calls}


def test_a_token_that_is_refused_is_nobodys_fault_but_its_own(pushed: World) -> None:
    pushed.server.rotate_token()
    [error, other] = failures(pushed.deliver(DATASET, RUN))
    assert isinstance(error, Outage) and error.reason == "auth" and isinstance(other, Outage)
    assert pushed.token not in str(error)
    pushed.token = pushed.server.token
    assert failures(pushed.deliver(DATASET, RUN)) == []


@pytest.mark.parametrize("token", ["secret\nword", "secret wörd", "secret word"])
def test_a_token_that_is_none_is_not_told(world: World, token: str) -> None:
    world.token = token
    [error] = failures(world.deliver(DATASET))
    assert isinstance(error, Outage) and error.reason == "auth" and "secret" not in f"{error!r} {error.__cause__}"


def test_names_come_from_the_token_and_from_nothing_else(server: Server) -> None:
    assert names_in(server.token) == {"ingestion-bot"}
    assert [names_in(t) for t in ("", "abc", "a.b.c", "a.W10.c", "a.IjEi.c")] == [set()] * 5


def test_what_the_server_refuses_is_buried_with_its_message(pushed: World) -> None:
    pushed.server.deny("EditLineage")
    outcomes = {o.event_id: o.error for o in pushed.deliver(LINEAGE, RUN)}
    assert outcomes[RUN.id] is None and isinstance(outcomes[LINEAGE.id], PermanentError)
    assert "403" in str(outcomes[LINEAGE.id]) and "EditLineage" in str(outcomes[LINEAGE.id])


BROKEN: dict[str, dict[str, Any]] = {
    "hallmark.dataset.published.v1": {"layer": "platinum"},
    "hallmark.lineage.published.v1": {"edges": 5},
    "hallmark.gate.failed.v1": {"checks": [{"check_id": 1}]},
    "hallmark.gate.passed.v1": {"checks": "all"},
    "hallmark.run.started.v1": {"run": ["secret"]},
    "hallmark.run.completed.v1": {"run": {"pipeline": "x", "state": "unheard-of", "started_at": "yesterday"}},
}


@pytest.mark.parametrize("type_", BROKEN)
def test_an_event_of_a_broken_form_is_buried_and_blocks_nobody(pushed: World, type_: str) -> None:
    broken = Event.of(type_, "silver.orders", "broken", DAY, **BROKEN[type_])
    outcomes = {o.event_id: o.error for o in pushed.deliver(broken, DATASET, GATE, RUN)}
    error = outcomes.pop(broken.id)
    assert isinstance(error, PermanentError) and type_ in str(error) and "secret" not in str(error)
    assert set(outcomes.values()) == {None}


@pytest.mark.parametrize(
    "other",
    [
        Event.of("hallmark.dataset.published.v2", "silver.orders", "1", DAY, anything=[1]),
        Event.of("hallmark.load.published.v1", "crm.projects", "1", DAY),
        Event.of("hallmark.run.failed.v1", "replay", "1", DAY, owner="data-platform"),
    ],
)
def test_an_event_that_does_not_concern_the_catalog_is_delivered_by_that(pushed: World, other: Event) -> None:
    writes = len(pushed.server.writes)
    assert failures(pushed.deliver(other)) == [] and len(pushed.server.writes) == writes


def test_a_dataset_told_with_more_than_is_known_arrives(pushed: World) -> None:
    assert failures(pushed.deliver(told(ORDERS, "2", of_the_future=1, rows=5))) == []


def test_of_two_events_of_one_dataset_the_later_one_counts(pushed: World) -> None:
    first, last = told(ORDERS, "1"), told(renamed(ORDERS, tier="tier3", description="Last."), "2", at=1)
    assert failures(pushed.deliver(first, last)) == []
    assert tags(pushed.table()) == {"Tier.Tier3", "Hallmark.core"} and pushed.table()["description"] == "Last."


def test_another_release_is_left_alone(pushed: World) -> None:
    pushed.server.state.setting.release = "1.9.4"
    writes = len(pushed.server.writes)
    [error] = failures(pushed.deliver(DATASET))
    assert isinstance(error, Outage) and "1.9.4" in str(error) and len(pushed.server.writes) == writes


@pytest.fixture
def outbox(tmp_path: Path) -> Callable[[], Outbox]:
    return lambda: Outbox(f"sqlite:///{tmp_path / 'state.db'}")


def test_the_dispatcher_brings_all_that_can_be_brought_over_an_outage(
    world: World, outbox: Callable[[], Outbox]
) -> None:
    """Over threads that come and go, a server that was down, and an event that can never be delivered."""
    world.push(ORDERS, CUSTOMERS, REPORT)
    world.run(world.client.close())
    poison = Event.of("hallmark.gate.passed.v1", "silver.orders", "broken", DAY, checks="all")
    with outbox() as box:
        box.put([event(STARTED), poison, DATASET, GATE, LINEAGE, STALE, RUN], ["openmetadata"])
        world.server.down()
        dispatcher = Dispatcher(box, {"openmetadata": world.transport})
        assert dispatcher.drain(1.0, 0.0) == {"delivered": 0, "waiting": 7, "buried": 0}
        world.server.up()
        fresh = Dispatcher(box, {"openmetadata": world.transport})
        assert fresh.drain(20.0) == {"delivered": 6, "waiting": 0, "buried": 1}
    assert world.transport.close(1.0)
    assert world.table()["description"] == "Said anew."


def test_a_retry_after_is_kept_to(world: World, outbox: Callable[[], Outbox]) -> None:
    world.server.fail("GET", "tables/name", 1, "503")
    slept: list[float] = []
    with outbox() as box:
        box.put([DATASET], ["openmetadata"])

        def sleep(seconds: float) -> None:
            slept.append(seconds)
            time.sleep(seconds)

        found = Dispatcher(box, {"openmetadata": world.transport}, sleep=sleep).drain(20.0)
    assert found["delivered"] == 1 and sum(slept) >= timedelta(milliseconds=900).total_seconds()
    assert world.transport.close(1.0)
