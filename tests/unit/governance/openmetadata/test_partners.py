"""Partners in the catalog: what their API answers, what was landed of it, and the way from there into bronze."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from governance.events import Teller
from governance.model import Column, Dataset, Event
from governance.openmetadata.push import made_of, origins_of
from governance.openmetadata.reconcile import reconcile
from tests.unit.governance.openmetadata.world import (
    DAY,
    World,
    column,
    describe,
    edge,
    failures,
    pairs,
    renamed,
    tags,
    with_columns,
)

COLUMNS = (
    Column(name="Id", type="BIGINT"),
    Column(name="home.address", type="STRUCT(city VARCHAR)"),
    Column(name="spent", type="DECIMAL(18,2)"),
)
LANDED = Dataset(name="airbyte:ads.users", layer="source", kind="container", owner="sales", columns=COLUMNS)
USERS = Dataset(
    name="api:ads.users", layer="source", kind="endpoint", owner="sales", domain="Trade", label="Users",
    description="Who was reached.", columns=COLUMNS, primary_key=("Id",),
)  # fmt: skip
NAMES = ("id", "home_address", "spent")
BRONZE = Dataset(name="bronze.ads__users", layer="bronze", columns=tuple(Column(name=n, type="VARCHAR") for n in NAMES))
EDGES = tuple(
    edge(f"airbyte:ads.users.{c.name.lower()}", f"bronze.ads__users.{n}", c.name)
    for c, n in zip(COLUMNS, NAMES, strict=True)
)
SERVICE, USERS_FQN, LANDED_FQN = "hallmark_ads", "hallmark_ads.ads.users", "hallmark_landing.ads.users"
BRONZE_FQN = "hallmark_warehouse.warehouse.bronze.ads__users"


def loaded(cause: str = "1", endpoint: Dataset | None = USERS, origin: Dataset = LANDED) -> list[Event]:
    """What a flow tells of a load of the stream."""
    tell = Teller(cause=cause, clock=lambda: DAY)
    lineage = tell.lineage(BRONZE.name, EDGES, pipeline="ingest-ads", origin=origin, endpoint=endpoint)
    return [tell.dataset(BRONZE), lineage]


def endpoint_of(world: World, **more: Any) -> dict[str, Any]:
    """As a user sees it, its fields as `columns`."""
    found = world.bot.named("apiEndpoints", USERS_FQN, **{"fields": "owners,domains,tags", **more})
    return {**found, "columns": found["responseSchema"]["schemaFields"]}


@pytest.fixture
def partner(world: World) -> World:
    assert failures(world.deliver(*loaded())) == []
    return world


def test_a_stream_is_an_endpoint_of_a_collection_of_an_api(partner: World) -> None:
    service = partner.bot.named("services/apiServices", SERVICE)
    assert service["serviceType"] == "Rest"
    collection = partner.bot.named("apiCollections", f"{SERVICE}.ads", fields="apiEndpoints")
    assert [e["fullyQualifiedName"] for e in collection["apiEndpoints"]] == [USERS_FQN]
    found = endpoint_of(partner)
    assert (found["displayName"], found["description"]) == ("Users", "Who was reached.")
    assert [o["name"] for o in found["owners"]] == ["sales"] and [d["name"] for d in found["domains"]] == ["Trade"]
    fields = [(c["name"], c["dataType"], c["dataTypeDisplay"]) for c in found["columns"]]
    assert fields == [
        ("Id", "LONG", "bigint"), ("home.address", "RECORD", "struct(city varchar)"),
        ("spent", "UNKNOWN", "decimal(18,2)"),
    ]  # fmt: skip
    assert [c["name"] for c in column(found, "home.address")["children"]] == ["city"]


def test_the_way_leads_from_the_endpoint_by_what_was_landed_into_bronze(partner: World) -> None:
    [(source, landed)] = partner.upstream(LANDED_FQN, "container").items()
    assert source == USERS_FQN and pairs(landed) == {
        (f"{USERS_FQN}.responseSchema.Id", f"{LANDED_FQN}.Id"): "Id",
        (f'{USERS_FQN}.responseSchema."home.address"', f'{LANDED_FQN}."home.address"'): "home.address",
        (f"{USERS_FQN}.responseSchema.spent", f"{LANDED_FQN}.spent"): "spent",
    }
    [(source, into)] = partner.upstream(BRONZE_FQN).items()
    assert source == LANDED_FQN and len(pairs(into)) == len(COLUMNS)
    for details in (landed, into):
        assert details["source"] == "PipelineLineage"
        assert details["pipeline"]["fullyQualifiedName"] == "hallmark_prefect.ingest-ads"
    assert partner.catalog.tally.missing_edges == []


def test_again_nothing_is_written(partner: World) -> None:
    writes = len(partner.server.writes)
    assert failures(partner.deliver(*loaded("2"))) == []
    later = World(partner.server)
    assert failures(later.deliver(*loaded("3"))) == [] and len(partner.server.writes) == writes
    later.close()


def mended(world: World, events: list[Event]) -> dict[str, Any]:
    """What a process that begins now finds and does."""
    fresh, lineage = World(world.server), events[-1]
    work = reconcile(fresh.catalog, origins_of(lineage), made_of(lineage), ("bronze",), {BRONZE.name})
    try:
        return asdict(fresh.run(work))
    finally:
        fresh.close()


def test_reconcile_brings_back_what_somebody_took_away_and_then_writes_nothing(partner: World) -> None:
    before = endpoint_of(partner)["id"]
    assert mended(partner, loaded())["created"] == 1  # a team that nobody needed yet
    partner.person.call("DELETE", f"apiEndpoints/{before}?hardDelete=false&recursive=true", 200)
    partner.person.call("DELETE", f"lineage/container/name/{LANDED_FQN}/table/name/{BRONZE_FQN}", 200)
    found = mended(partner, loaded())
    assert (found["created"], found["updated"], found["deleted"], found["missing_edges"]) == (1, 1, 0, [])
    assert endpoint_of(partner)["id"] == before and set(partner.upstream(BRONZE_FQN)) == {LANDED_FQN}
    partner.person.call("DELETE", f"services/apiServices/name/{SERVICE}?hardDelete=true&recursive=true", 200)
    assert mended(partner, loaded())["created"] == 4  # service, collection, endpoint, edge
    writes = len(partner.server.writes)
    assert mended(partner, loaded())["created"] == 0 and len(partner.server.writes) == writes


def test_of_a_stream_that_is_read_no_more_all_stays(partner: World) -> None:
    assert mended(partner, loaded(endpoint=None))["deleted"] == 0
    assert endpoint_of(partner) and set(partner.upstream(LANDED_FQN, "container")) == {USERS_FQN}


def test_a_field_that_is_new_comes_and_one_that_is_gone_goes_with_its_edge(partner: World) -> None:
    columns = (*COLUMNS[:2], Column(name="phone", type="VARCHAR", pii="phone"))
    changed = renamed(USERS, columns=columns), renamed(LANDED, columns=columns)
    assert failures(partner.deliver(loaded("2", *changed)[-1])) == []
    found = endpoint_of(partner)
    assert [c["name"] for c in found["columns"]] == ["Id", "home.address", "phone"]
    assert tags(column(found, "phone")) == {"PII.Sensitive"}
    [landed] = partner.upstream(LANDED_FQN, "container").values()
    assert f"{LANDED_FQN}.phone" in {to for _, to in pairs(landed)} and len(pairs(landed)) == 3


def test_a_type_that_somebody_else_changed_is_put_right(partner: World) -> None:
    fields = [{"name": "Id", "dataType": "STRING"}]
    body = {"name": "users", "apiCollection": f"{SERVICE}.ads", "responseSchema": {"schemaFields": fields}}
    partner.person.put("apiEndpoints", **body)
    assert failures(partner.deliver(*loaded("2"))) == []
    assert [c["dataType"] for c in endpoint_of(partner)["columns"]] == ["LONG", "RECORD", "UNKNOWN"]


def test_of_an_endpoint_and_its_fields_a_person_has_the_say_too(world: World) -> None:
    said = with_columns(USERS, Column(name="Id", type="BIGINT", description="Its number.", tags=("key",)))
    world.push(said)
    path = f"apiEndpoints/{endpoint_of(world)['id']}"
    world.person.patch(
        path, describe("By hand."), {"op": "remove", "path": "/responseSchema/schemaFields/0/description"},
        {"op": "remove", "path": "/responseSchema/schemaFields/0/tags/0"},
    )  # fmt: skip
    anew = with_columns(said, Column(name="Id", type="BIGINT", description="Anew.", tags=("key",)))
    world.push(renamed(anew, description="Said anew."))
    found = endpoint_of(world)
    assert found["description"] == "By hand."
    assert not column(found, "Id").get("description") and tags(column(found, "Id")) == set()


def test_streams_of_a_partner_come_together_and_one_without_columns_is_there_too(world: World) -> None:
    names = [f"api:ads.stream_{n}" for n in range(20)]
    world.push(*(renamed(USERS, name=name) for name in names), renamed(USERS, columns=()))
    assert "responseSchema" not in world.bot.named("apiEndpoints", USERS_FQN)
    assert world.bot.get("apiEndpoints", limit=50)["paging"]["total"] == 21
    assert [c.path for c in world.server.writes].count("/api/v1/apiEndpoints/bulk") == 1
    assert world.push(*(renamed(USERS, name=name) for name in names), renamed(USERS, columns=())) == 0
