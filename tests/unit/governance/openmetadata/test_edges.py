"""Lineage in the catalog: just the edges that there are, those of people beside them."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

import pytest

from governance.model import Column
from governance.openmetadata.edges import Made, push_edges
from governance.transports.base import TransientError
from tests.openmetadata.server import Server
from tests.unit.governance.openmetadata.test_datasets import BOARD, LANDED
from tests.unit.governance.openmetadata.world import (
    CUSTOMERS,
    ORDERS,
    SILVER,
    World,
    edge,
    pairs,
    renamed,
)

REPORT = renamed(CUSTOMERS, name="silver.report")
NAME = edge("silver.customers.name", "silver.report.name", "upper(name)")
ID = edge("silver.orders.id", "silver.report.id", "coalesce(o.id, c.id)")
OTHER_ID = edge("silver.customers.id", "silver.report.id", "coalesce(o.id, c.id)")
WHERE = edge("silver.orders.total", "silver.report.id", "total > 0", kind="indirect")
INTO = f"{SILVER}.report"
BY_ORDERS, BY_CUSTOMERS = f"{SILVER}.orders", f"{SILVER}.customers"


@pytest.fixture
def joined(world: World) -> World:
    world.push(ORDERS, CUSTOMERS, REPORT)
    world.edges("silver.report", NAME, ID, OTHER_ID, WHERE, sql="select 1")
    return world


def test_just_these_edges_with_all_that_is_known_of_them(joined: World) -> None:
    found = joined.upstream(INTO)
    assert set(found) == {BY_ORDERS, BY_CUSTOMERS}
    assert pairs(found[BY_ORDERS]) == {("orders.id", "report.id"): "coalesce(o.id, c.id)"}
    assert pairs(found[BY_CUSTOMERS]) == {
        ("customers.name", "report.name"): "upper(name)",
        ("customers.id", "report.id"): "coalesce(o.id, c.id)",
    }
    for details in found.values():
        assert (details["source"], details["sqlQuery"]) == ("PipelineLineage", "select 1")
        assert details["pipeline"]["fullyQualifiedName"] == "hallmark_prefect.transform"
    assert joined.catalog.tally.missing_edges == []


def test_an_input_that_only_picks_rows_is_an_edge_without_columns(world: World) -> None:
    world.push(ORDERS, REPORT)
    world.edges("silver.report", WHERE)
    assert pairs(world.upstream(INTO)[BY_ORDERS]) == {}


def test_again_nothing_is_written(joined: World) -> None:
    assert joined.edges("silver.report", NAME, ID, OTHER_ID, WHERE, sql="select 1") == 0
    assert joined.edges("silver.report", NAME, ID, OTHER_ID, WHERE, sql="select 2") == 2


def test_a_dropped_join_loses_its_edge_and_a_dropped_column_its_own(joined: World) -> None:
    joined.edges("silver.report", NAME)
    found = joined.upstream(INTO)
    assert set(found) == {BY_CUSTOMERS} and pairs(found[BY_CUSTOMERS]) == {
        ("customers.name", "report.name"): "upper(name)"
    }
    assert joined.catalog.tally.deleted == 1


def drawn(world: World, from_: str, to: str, **details: Any) -> None:
    """A person draws an edge."""
    ids = [world.bot.named("tables", f"{SILVER}.{name}")["id"] for name in (from_, to)]
    ends = {end: {"id": i, "type": "table"} for end, i in zip(("fromEntity", "toEntity"), ids, strict=True)}
    details = {"source": "Manual", **details}
    world.person.put("lineage", edge={**ends, "description": "Drawn.", "lineageDetails": details})


def columns(source: str, target: str, function: str = "") -> dict[str, Any]:
    return {"fromColumns": [f"{SILVER}.{source}"], "toColumn": f"{SILVER}.{target}", "function": function}


def test_an_edge_that_a_person_drew_survives_with_all_that_they_told(world: World) -> None:
    world.push(ORDERS, CUSTOMERS, REPORT)
    mine = [columns("orders.email", "report.name", "by hand"), columns("orders.total", "report.id", "by hand")]
    drawn(world, "orders", "report", sqlQuery="theirs", description="Why.", columnsLineage=mine)
    drawn(world, "customers", "orders", description="Only theirs.")
    world.edges("silver.report", NAME, ID, sql="ours")
    found = world.upstream(INTO)[BY_ORDERS]
    assert pairs(found) == {
        ("orders.id", "report.id"): "coalesce(o.id, c.id)", ("orders.total", "report.id"): "coalesce(o.id, c.id)",
        ("orders.email", "report.name"): "by hand",
    }  # fmt: skip
    assert (found["source"], found["sqlQuery"], found["description"], found["told"]) == (
        "Manual",
        "theirs",
        "Why.",
        "Drawn.",
    )
    assert found["pipeline"]["name"] == "transform"
    assert world.edges("silver.report", NAME, ID, sql="ours") == 0
    world.edges("silver.report", NAME)
    assert BY_ORDERS in world.upstream(INTO) and world.catalog.tally.kept > 0
    world.edges("silver.orders")
    assert world.upstream(BY_ORDERS)[BY_CUSTOMERS]["description"] == "Only theirs."


def test_what_a_person_tells_of_our_edge_survives(joined: World) -> None:
    step = {"op": "add", "path": "/description", "value": "By hand."}
    joined.person.patch(f"lineage/table/name/{BY_ORDERS}/table/name/{INTO}", step)
    joined.edges("silver.report", NAME, ID, OTHER_ID, sql="select 2")
    found = joined.upstream(INTO)[BY_ORDERS]
    assert (found["description"], found["sqlQuery"]) == ("By hand.", "select 2")
    joined.edges("silver.report", NAME)
    assert BY_ORDERS not in joined.upstream(INTO), "it is ours all the same"


def test_columns_that_the_catalog_does_not_have_are_told_of(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.push(ORDERS, CUSTOMERS, REPORT)
    lost = edge("silver.orders.gone", "silver.report.id")
    with caplog.at_level(logging.WARNING):
        world.edges("silver.report", NAME, lost)
    assert world.catalog.tally.missing_edges == ["silver.orders.gone -> silver.report.id"]
    assert "silver.orders.gone -> silver.report.id" in caplog.text


def test_columns_that_the_catalog_drops_without_a_word_are_told_of(joined: World) -> None:
    held = joined.server.fail("PUT", "/lineage$", 1, "stall")

    def take() -> None:
        """While our request is on its way, a person takes the column away that it names."""
        while not held.seen:
            time.sleep(0.01)
        body = [{"name": "id", "dataType": "BIGINT"}]
        joined.person.put("tables", name="report", databaseSchema=SILVER, columns=body)
        joined.server.release()

    thread = threading.Thread(target=take)
    thread.start()
    joined.edges("silver.report", NAME, sql="select 2")
    thread.join()
    assert joined.catalog.tally.missing_edges == [f"{BY_CUSTOMERS}.name -> {INTO}.name"]


def test_an_end_that_is_not_there_yet_holds_back_only_its_own_edge(world: World) -> None:
    world.push(CUSTOMERS, REPORT)
    with pytest.raises(TransientError, match=r"silver\.orders is not in the catalog") as error:
        world.edges("silver.report", NAME, ID)
    assert error.value.reason == "absent" and set(world.upstream(INTO)) == {BY_CUSTOMERS}
    world.push(ORDERS)
    world.catalog.look_again()
    world.edges("silver.report", NAME, ID)
    assert set(world.upstream(INTO)) == {BY_CUSTOMERS, BY_ORDERS}
    with pytest.raises(TransientError, match=r"silver\.nowhere is not in the catalog"):
        world.edges("silver.nowhere", edge("silver.orders.id", "silver.nowhere.id"))


def test_an_end_that_cannot_be_read_now_does_not_lose_its_edge(joined: World) -> None:
    joined.server.fail("GET", "tables/name/.*orders", 1, "503")
    with pytest.raises(TransientError):
        joined.edges("silver.report", NAME, ID, OTHER_ID)
    assert set(joined.upstream(INTO)) == {BY_CUSTOMERS, BY_ORDERS}


def test_columns_of_a_source_that_differ_in_case_or_have_dots_are_told_apart(world: World) -> None:
    called = ("Id", "id", "customer.name", "a::b")
    landed = renamed(LANDED, columns=tuple(Column(name=n, type="text") for n in called))
    bronze = renamed(CUSTOMERS, name="bronze.drops__orders", layer="bronze",
                     columns=tuple(Column(name=f"c{n}", type="VARCHAR") for n in range(4)))  # fmt: skip
    world.push(landed, bronze)
    edges = [edge(f"file:drops.orders.{n}".lower(), f"bronze.drops__orders.c{i}", n) for i, n in enumerate(called)]
    world.edges("bronze.drops__orders", *edges, inputs=("file:drops.orders",))
    [found] = world.upstream("hallmark_warehouse.warehouse.bronze.drops__orders").values()
    there = {s.rpartition("orders.")[2]: t.rpartition(".")[2] for s, t in pairs(found)}
    assert there == {"Id": "c0", "id": "c1", '"customer.name"': "c2", "a_b": "c3"}
    assert world.catalog.tally.missing_edges == []


def test_a_dashboard_is_at_the_end_of_what_it_shows_and_no_longer(world: World) -> None:
    world.push(ORDERS, CUSTOMERS, BOARD)
    world.edges("exposure.board", inputs=("silver.orders", "silver.customers"), pipeline="")
    assert set(world.upstream("hallmark_sigma.board", "dashboard")) == {BY_ORDERS, BY_CUSTOMERS}
    later = World(world.server)
    assert later.edges("exposure.board", inputs=("silver.orders", "silver.customers"), pipeline="") == 0
    assert later.catalog.tally.kept == 0
    later.edges("exposure.board", inputs=("silver.orders",), pipeline="")
    assert set(later.upstream("hallmark_sigma.board", "dashboard")) == {BY_ORDERS}
    later.close()


def test_the_edge_of_another_pipeline_service_is_not_ours(server: Server, world: World) -> None:
    world.push(ORDERS, CUSTOMERS, REPORT)
    world.person.put("services/pipelineServices", name="airflow", serviceType="Airflow")
    theirs = world.person.put("pipelines", name="dag", service="airflow")
    named = {"id": theirs["id"], "type": "pipeline"}
    drawn(world, "orders", "report", source="PipelineLineage", pipeline=named)
    world.edges("silver.report", NAME)
    assert world.upstream(INTO)[BY_ORDERS]["pipeline"]["name"] == "dag"
    world.edges("silver.report", NAME, ID)
    assert world.upstream(INTO)[BY_ORDERS]["pipeline"]["name"] == "dag"


def test_a_target_without_edges_is_fine(world: World) -> None:
    world.push(ORDERS)
    world.run(push_edges(world.catalog, Made("silver.orders", ())))
    assert world.upstream(BY_ORDERS) == {}


def test_columns_that_the_server_can_only_have_by_one_name_get_no_edge_of_another(world: World) -> None:
    names = ("x>y", "x_y", "x|y", 'say "hi"')
    odd = renamed(CUSTOMERS, name="silver.odd", columns=tuple(Column(name=n, type="INT") for n in names))
    out = renamed(CUSTOMERS, name="silver.report", columns=tuple(Column(name=f"c{i}", type="INT") for i in range(4)))
    world.push(odd, out)
    assert [c["name"] for c in world.table("odd", "columns")["columns"]] == ["x_y_", "x_y", "x_y__", "say _hi_"]
    world.edges("silver.report", *(edge(f"silver.odd.{n}", f"silver.report.c{i}", n) for i, n in enumerate(names)))
    assert set(pairs(world.upstream(INTO)[f"{SILVER}.odd"])) == {
        ("odd.x_y", "report.c1"), ("odd.say _hi_", "report.c3"),
    }  # fmt: skip
    assert world.catalog.tally.missing_edges == [
        "silver.odd.x>y -> silver.report.c0", "silver.odd.x|y -> silver.report.c2",
    ]  # fmt: skip
