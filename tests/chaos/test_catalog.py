"""A catalog that fails, and dispatchers that die: in the end it says what one says that nothing befell.

The catalog is the strict stand-in of tests/openmetadata.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from governance.dispatcher import Dispatcher
from governance.model import Event
from governance.openmetadata.concerns import CONCERNS
from governance.outbox import Outbox
from governance.transports.file import FileTransport
from tests.chaos.catalog_events import BEGIN, told
from tests.chaos.dispatching import APART, NAME, Place, brought, counted, dispatching, killed, put, settle, together
from tests.homes import Home
from tests.openmetadata.server import Server

SEED = 7
Doc = dict[str, Any]
KILLS = int(os.environ.get("KILLS", "100"))
APART.set_forkserver_preload(["tests.chaos.dispatching", "httpx", "sqlalchemy.dialects.sqlite", "psycopg"])


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as started:
        yield started


@pytest.fixture(params=["sqlite", "postgres"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.db'}"
    make: Callable[[str, str], str] = request.getfixturevalue("database")
    return make("chaos_outbox", "SELECT 1")


def place_of(server: Server, folder: Path, state: str | None = None) -> Place:
    return Place(state or f"sqlite:///{folder / 'state.db'}", server.url, server.token, folder / "brought")


def undisturbed(slots: int, folder: Path) -> Doc:
    """The catalog after so many slots, each dispatched when it was told."""
    with Server() as server:
        place = place_of(server, folder)
        for slot in range(1, slots + 1):
            put(place.state, told(slot))
            settle(place)
        assert all(call.status < 400 or call.status == 404 for call in server.calls), "404: not made yet"
        return server.snapshot(times=True)


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Doc:
    return undisturbed(3, tmp_path_factory.mktemp("undisturbed"))


def delivered(place: Place) -> None:
    """Everything was, and nothing else became of it."""
    with Outbox(place.state) as outbox:
        assert set(outbox.counts()[NAME]) == {"delivered"}, outbox.rows(limit=5)


def in_order(place: Place, slots: int) -> None:
    """No event, and no two of one entity, were brought at the same time; and each entity's in their order."""
    by_entity: dict[str, list[tuple[float, float, str, bool]]] = defaultdict(list)
    for event, entity, began, ended, error in brought(place):
        by_entity[entity].append((began, ended, event, error is None))
    wanted: dict[str, list[str]] = defaultdict(list)
    with Outbox(place.state) as outbox:
        known = {row["event_id"] for row in outbox.rows(limit=10_000)}
    for event in (e for slot in range(1, slots + 1) for e in told(slot) if e.id in known):
        wanted[event.subject].append(event.id)
    for entity, tries in by_entity.items():
        tries.sort()
        assert all(one[1] <= other[0] for one, other in pairwise(tries)), entity
        assert [event for _, _, event, done in tries if done] == wanted[entity], entity
    assert set(by_entity) == set(wanted)


# --- out for a batch, or longer -------------------------------------------------------------------------


def test_a_catalog_that_was_down_for_whole_batches_says_the_same_afterwards(
    server: Server, tmp_path: Path, three: Doc
) -> None:
    place = place_of(server, tmp_path)
    server.down()
    for slot in (1, 2, 3):
        put(place.state, told(slot))
        with dispatching(place) as (dispatcher, outbox, transport):
            assert dispatcher.drain(patience=0.5)["delivered"] == 0
            assert transport.asked == 1, "one attempt to connect is all that the outage costs a flow"
            assert dispatcher.drain(patience=0.5)["delivered"] == 0
            assert transport.asked == 1, "and the same dispatcher leaves it alone for a while"
            assert {row["attempts"] for row in outbox.rows(limit=1000)} == {0}
    server.up()
    settle(place)
    assert server.snapshot(times=True) == three
    delivered(place)


def test_a_catalog_that_goes_down_in_the_middle_costs_no_tries(server: Server, tmp_path: Path, three: Doc) -> None:
    place = place_of(server, tmp_path)
    for slot in (1, 2, 3):
        put(place.state, told(slot))
        server.fail("*", "", nth=20 * slot, kind="reset", times=1000)
        with dispatching(place) as (dispatcher, outbox, _):
            dispatcher.drain(patience=0)
            waiting = [row for row in outbox.rows(limit=1000) if row["state"] != "delivered"]
            assert waiting and {row["attempts"] for row in waiting} == {0}
        server.release()
    settle(place)
    assert server.snapshot(times=True) == three
    delivered(place)


def test_a_catalog_that_takes_reads_and_no_writes_loses_nothing(server: Server, tmp_path: Path, three: Doc) -> None:
    place = place_of(server, tmp_path)
    for slot in (1, 2, 3):
        put(place.state, told(slot))
    fault = server.fail("PUT", "/bulk|/lineage|/status", nth=1, kind="503", times=1000)
    with dispatching(place) as (dispatcher, outbox, _):
        dispatcher.drain(1)
        assert "buried" not in outbox.counts()[NAME] and fault.seen
    server.release()
    settle(place)
    assert server.snapshot(times=True) == three
    delivered(place)


# --- processes that die ----------------------------------------------------------------------------------


def test_a_dispatcher_killed_at_some_calls_loses_nothing_and_tells_nothing_twice(
    server: Server, tmp_path: Path
) -> None:
    as_if_none_was_killed(server, place_of(server, tmp_path), kills=8)


@pytest.mark.chaos
@pytest.mark.timeout(3600)
def test_a_dispatcher_killed_at_many_calls_loses_nothing_and_tells_nothing_twice(
    server: Server, tmp_path: Path, state: str
) -> None:
    as_if_none_was_killed(server, place_of(server, tmp_path, state), KILLS // 2)


def as_if_none_was_killed(server: Server, place: Place, kills: int) -> None:
    """Tell slot after slot to dispatchers that die, so many of them, each at a call that is drawn."""
    chance, done, slot, folder = random.Random(SEED), 0, 0, place.log.parent / "clean"
    folder.mkdir()
    with Server() as other:
        clean = place_of(other, folder)
        while done < kills:
            slot += 1
            for one in (place, clean):
                put(one.state, told(slot))
            calls = counted(clean)
            while done < kills and killed(place, chance.randint(1, calls)):
                done += 1
        settle(place)
        delivered(place)
        assert server.snapshot(times=True) == other.snapshot(times=True)
    again = sum(call.status == 409 and "testCaseResults" in call.path for call in server.calls)
    print(f"{done} kills over {slot} slots, the last of {calls} calls; {again} results were there already")


# --- several at once -------------------------------------------------------------------------------------


def test_two_dispatchers_at_once_over_a_catalog_with_faults(
    server: Server, tmp_path: Path, state: str, three: Doc
) -> None:
    place = place_of(server, tmp_path, state)
    for slot in (1, 2, 3):
        put(place.state, told(slot))
    for nth, kind in ((15, "503"), (40, "reset"), (70, "accept-then-die"), (100, "429"), (130, "500"), (160, "reset")):
        server.fail("*", "", nth=nth, kind=kind)
    server.fail("POST", "/testCaseResults/", nth=3, kind="accept-then-die")
    server.fail("PUT", "/bulk", nth=2, kind="accept-then-die")
    together(place)
    assert server.snapshot(times=True) == three
    delivered(place)
    in_order(place, 3)


def test_a_delivery_that_outlasts_its_lease_is_nobody_elses(server: Server, tmp_path: Path) -> None:
    place = place_of(server, tmp_path)
    put(place.state, told(1))
    server.latency = 0.1
    together(place)
    in_order(place, 1)
    spans = [ended - began for _, _, began, ended, _ in brought(place)]
    assert max(spans) > 0.6, "one took longer than a lease"


# --- the token, poison, and other destinations -----------------------------------------------------------


def test_a_token_that_is_rotated_midway_costs_no_try(server: Server, tmp_path: Path, three: Doc) -> None:
    place, file = place_of(server, tmp_path), tmp_path / "token"
    file.write_text(server.token)
    for slot in (1, 2, 3):
        put(place.state, told(slot))

    def rotate(asked: int) -> None:
        if asked == 2:
            server.rotate_token()
        if asked > 3:
            file.write_text(server.rotate_token())

    with dispatching(place, file.read_text, rotate) as (dispatcher, outbox, transport):
        assert 0 < dispatcher.drain(patience=0)["delivered"] < dispatcher.drain(patience=0)["waiting"]
        assert transport.asked == 2, (
            "it is left alone until a person has written the token down, and asked now and then"
        )
        refused = [row for row in outbox.rows(state="retry") if row["last_error"].startswith("auth: ")]
        assert refused and {row["attempts"] for row in refused} == {0}
    with dispatching(place, file.read_text, lambda asked: rotate(asked + 3)) as (dispatcher, outbox, _):
        assert dispatcher.drain()["waiting"] == 0
        assert {row["attempts"] for row in outbox.rows(limit=1000)} == {1}
    assert server.snapshot(times=True) == three


def test_what_the_catalog_refuses_is_buried_and_can_be_put_back(server: Server, tmp_path: Path, three: Doc) -> None:
    home = Home(tmp_path)
    place = place_of(server, tmp_path)
    for slot in (1, 2, 3):
        server.deny(*["EditTests"] * (slot == 2))
        put(place.state, told(slot))
        settle(place)
    listed = home.hallmark("outbox", "list", "--state", "buried", "--json").json
    gates = [e for e in told(2) if ".gate." in e.type]
    assert {row["event_id"] for row in listed} == {e.id for e in gates}, "and what came after them was delivered"
    assert all("403" in row["last_error"] and "[EditTests] not allowed" in row["last_error"] for row in listed)
    assert home.hallmark("outbox", "retry", "--json").json == {"put_back": len(gates)}
    settle(place)
    delivered(place)
    found, rows = server.snapshot(times=True), "failedRowsSample"
    assert [found[k] for k in ("entities", "series", "lineage")] == [
        three[k] for k in ("entities", "series", "lineage")
    ]
    assert found["extras"][rows] == three["extras"][rows], "a late result does not bring its rows over those of a newer"


def test_an_event_of_a_wrong_form_is_buried_and_blocks_nobody(server: Server, tmp_path: Path, three: Doc) -> None:
    place = place_of(server, tmp_path)
    for slot in (1, 2, 3):
        put(place.state, told(slot))
    wrong = [
        Event.of(f"hallmark.{what}.v1", "silver.people", "wrong", BEGIN, **data)
        for what, data in (
            ("dataset.published", {"columns": 5}), ("lineage.published", {"edges": 5}), ("gate.failed", {"checks": 5}),
            ("run.completed", {"run": 5}),
        )
    ]  # fmt: skip
    put(place.state, wrong)
    put(place.state, told(4))
    settle(place)
    with Outbox(place.state) as outbox:
        buried = outbox.rows(state="buried")
    assert {row["event_id"] for row in buried} == {e.id for e in wrong}
    assert all("not of the form of" in row["last_error"] and row["attempts"] == 1 for row in buried), buried
    assert server.snapshot(times=True)["series"].keys() == three["series"].keys()


def test_a_catalog_that_hangs_does_not_delay_another_destination(server: Server, tmp_path: Path) -> None:
    place = place_of(server, tmp_path)
    hung = server.fail("*", "", nth=5, kind="stall", times=1000)
    with dispatching(place) as (_, outbox, transport):
        outbox.put([e for e in told(1) if e.type in CONCERNS], [NAME, "file"])
        both = Dispatcher(outbox, {NAME: transport, "file": FileTransport(tmp_path / "events")})
        working = threading.Thread(target=both.drain)
        working.start()
        while hung.seen < hung.nth or set(outbox.counts()["file"]) != {"delivered"}:
            assert working.is_alive(), "it waits for the catalog"
            time.sleep(0.01)
        assert "delivered" not in outbox.counts()[NAME]
        server.release()
        working.join(60)
    settle(place)
    delivered(place)
