"""Incidents in the catalog: moved with ours, and what people do there comes back."""

from __future__ import annotations

from typing import Any

import pytest

from governance.incidents.episodes import Policy, judge
from governance.incidents.model import Incident, Reported
from governance.incidents.signals import signals
from governance.model import Event
from governance.openmetadata.incidents import push_incident, reported
from governance.transports.base import TransientError
from tests.unit.governance.openmetadata.world import CUSTOMERS, DAY, ORDERS, World, check

STATES = "dataQuality/testCases/testCaseIncidentStatus"


@pytest.fixture
def broken(world: World) -> World:
    """A check of a column that failed."""
    world.push(ORDERS, CUSTOMERS)
    world.checks(check(1, success=False))
    return world


def ours(n: int = 1, **update: Any) -> Incident:
    """The incident that the engine makes of it."""
    failed = [check(n, success=False).model_dump(mode="json")]
    [signal] = signals(Event.of("hallmark.gate.failed.v1", "silver.orders", "1", DAY, checks=failed))
    change = judge(None, signal, "sales", Policy())
    assert change
    return change.incident.model_copy(update=update)


def rows(world: World) -> list[dict[str, Any]]:
    """The states of all incidents, newest first."""
    return list(world.bot.get(STATES, startTs=0, endTs=1 << 45, limit=100)["data"])


def states(world: World) -> list[str]:
    return [r["testCaseResolutionStatusType"] for r in sorted(rows(world), key=lambda r: r["timestamp"])]


def push(world: World, one: Incident, verb: Any, what: str = "") -> None:
    world.run(push_incident(world.catalog, one, verb, what))


def asked(world: World, *unresolved: Incident) -> list[Reported]:
    return list(world.run(reported(world.catalog, unresolved)))


def test_it_is_resolved_with_ours_and_once(broken: World) -> None:
    push(broken, ours(), "resolved", "it passes")
    push(broken, ours(), "resolved", "it passes")
    assert states(broken) == ["Assigned", "Resolved"]  # the owner of the table has it from the beginning
    [newest] = [r for r in rows(broken) if r["testCaseResolutionStatusType"] == "Resolved"]
    assert newest["testCaseResolutionStatusDetails"]["testCaseFailureComment"] == "it passes"
    assert newest["severity"] == "Severity1"


def test_a_person_that_the_catalog_knows_is_given_it(broken: World) -> None:
    push(broken, ours(assignee="admin"), "acknowledged", "looking")
    details = rows(broken)[0]["testCaseResolutionStatusDetails"]
    assert details["assignee"]["name"] == "admin"


def test_one_that_it_does_not_know_is_named_in_a_comment(broken: World) -> None:
    push(broken, ours(assignee="ada"), "acknowledged", "looking")
    assert states(broken) == ["Assigned"]
    [task] = broken.bot.get("tasks", category="Incident")["data"]
    assert [c["message"] for c in task["comments"]] == ["acknowledged: looking"]


def test_of_a_table_without_an_owner_it_is_acknowledged(world: World) -> None:
    world.push(ORDERS.model_copy(update={"owner": ""}))
    world.checks(check(1, success=False))
    push(world, ours(assignee="ada"), "acknowledged", "looking")
    assert states(world) == ["New", "Ack"]


def test_what_the_catalog_has_no_incident_of_asks_for_nothing(broken: World) -> None:
    before = len(broken.server.writes)
    push(broken, ours(n=2), "resolved")
    push(broken, ours(kind="flow"), "resolved")
    push(broken, ours(), "repeated")
    assert len(broken.server.writes) == before


def test_a_dataset_that_is_not_there_is_waited_for(world: World) -> None:
    with pytest.raises(TransientError) as failure:
        push(world, ours(), "resolved")
    assert failure.value.reason == "absent"


def test_what_a_person_does_there_comes_back(broken: World) -> None:
    assert asked(broken, ours(owner="sales")) == []
    admin = broken.bot.named("users", "admin")
    body = {"testCaseReference": rows(broken)[0]["testCaseReference"]["fullyQualifiedName"]}
    assignee = {"assignee": {"id": admin["id"], "type": "user"}}
    assigned = {**body, "testCaseResolutionStatusType": "Assigned", "testCaseResolutionStatusDetails": assignee}
    broken.person.call("POST", STATES, 200, assigned)
    [told] = asked(broken, ours())
    assert (told.verb, told.to, told.actor, told.incident) == ("assigned", "admin", "admin", ours().id)
    assert asked(broken, ours(assignee="admin")) == []
    done = {"testCaseFailureReason": "FalsePositive", "testCaseFailureComment": "a test order"}
    resolved = {**body, "testCaseResolutionStatusType": "Resolved", "testCaseResolutionStatusDetails": done}
    broken.person.call("POST", STATES, 200, resolved)
    [told] = asked(broken, ours(assignee="admin"))
    assert (told.verb, told.actor, told.note) == ("resolved", "admin", "a test order")


def test_what_we_did_ourselves_does_not_come_back(broken: World) -> None:
    push(broken, ours(), "resolved", "it passes")
    assert asked(broken, ours()) == []
