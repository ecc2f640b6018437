"""Datasets in the catalog: how they change, what they are called there, and what is not written again."""

from __future__ import annotations

import pytest

from governance.model import Column, ColumnProfile, Dataset, ForeignKey, Profile
from governance.openmetadata.datasets import Told, push_datasets
from governance.openmetadata.places import Places
from governance.transports.base import PermanentError, TransientError
from tests.openmetadata.server import Server
from tests.unit.governance.openmetadata.world import (
    CUSTOMERS,
    DAY,
    ORDERS,
    SILVER,
    World,
    column,
    edge,
    pairs,
    renamed,
    tags,
    with_columns,
)

LANDED = Dataset(
    name="file:drops.orders", layer="source", kind="container", owner="sales", description="What partners send.",
    columns=(Column(name="Id", type="bigint"), Column(name="E-Mail", type="text")),
)  # fmt: skip
BOARD = Dataset(name="exposure.board", layer="gold", kind="exposure", label="The board", url="https://sigma.example/b")
SOURCE = Dataset(name="postgres:crm.public.orders", layer="source", columns=(Column(name="id", type="bigint"),))
ALL = (ORDERS, CUSTOMERS, LANDED, BOARD, SOURCE)


def test_again_nothing_is_written(world: World) -> None:
    assert world.push(*ALL) > len(ALL)
    assert world.push(*ALL) == 0
    later = World(world.server)  # another process, that remembers nothing
    assert later.push(*ALL) == 0
    later.close()


def test_one_description_is_one_entity(world: World) -> None:
    world.push(*ALL)
    writes = len(world.server.writes)
    world.push(renamed(ORDERS, description="Said anew."), *ALL[1:])
    table = world.table()
    assert table["description"] == "Said anew."
    changed = {c.path for c in world.server.writes[writes:]}
    assert changed == {f"/api/v1/tables/{table['id']}", "/api/v1/tables"}


def test_containers_and_dashboards_have_what_they_are(world: World) -> None:
    world.push(*ALL)
    container = world.bot.named("containers", "hallmark_landing.drops.orders", fields="dataModel,owners,parent")
    assert [c["name"] for c in container["dataModel"]["columns"]] == ["Id", "E-Mail"]
    assert container["parent"]["fullyQualifiedName"] == "hallmark_landing.drops"
    board = world.bot.named("dashboards", "hallmark_sigma.board")
    assert (board["displayName"], board["sourceUrl"]) == ("The board", "https://sigma.example/b")
    assert world.bot.named("tables", "hallmark_crm.crm.public.orders")["serviceType"] == "Postgres"


def test_of_a_container_a_person_has_the_say_too(world: World) -> None:
    world.push(with_columns(LANDED, Column(name="Id", type="bigint", description="Its number.")))
    found = world.bot.named("containers", "hallmark_landing.drops.orders")
    world.person.patch(f"containers/{found['id']}", {"op": "remove", "path": "/dataModel/columns/0/description"})
    world.push(with_columns(LANDED, Column(name="Id", type="bigint", description="Anew.")))
    found = world.bot.named("containers", "hallmark_landing.drops.orders", fields="dataModel")
    assert not found["dataModel"]["columns"][0].get("description")


def test_a_new_column_comes_with_all_that_is_said_of_it_and_a_dropped_one_goes(world: World) -> None:
    world.push(ORDERS)
    phone = Column(name="phone", type="VARCHAR", description="To call.", pii="phone", tags=("contact",))
    world.push(renamed(ORDERS, columns=(ORDERS.columns[0], phone, ORDERS.columns[1])))
    table = world.table()
    assert [c["name"] for c in table["columns"]] == ["id", "phone", "email"]
    assert column(table, "phone")["description"] == "To call."
    assert tags(column(table, "phone")) == {"PII.Sensitive", "Hallmark.contact"}
    assert tags(column(table, "email")) == {"PII.Sensitive"}


def test_types_and_constraints_are_the_warehouses(world: World) -> None:
    key = ForeignKey(column="email", dataset="silver.customers", referred="name")
    world.push(CUSTOMERS, ORDERS)
    changed = with_columns(ORDERS, Column(name="total", type="DECIMAL(38,4)"), Column(name="id", type="UUID"))
    world.push(renamed(changed, primary_key=("id", "email"), unique=("total",), foreign_keys=(key,)))
    table = world.table()
    assert (column(table, "total")["precision"], column(table, "total")["scale"]) == (38, 4)
    assert column(table, "id")["dataType"] == "UUID" and column(table, "total")["constraint"] == "UNIQUE"
    constraints = {c["constraintType"]: c for c in table["tableConstraints"]}
    assert constraints["PRIMARY_KEY"]["columns"] == ["id", "email"]
    assert constraints["FOREIGN_KEY"]["referredColumns"] == [f"{SILVER}.customers.name"]


def test_a_column_that_somebody_else_changed_is_put_right(world: World) -> None:
    world.push(ORDERS)
    world.person.put("tables", name="orders", databaseSchema=SILVER, columns=[{"name": "id", "dataType": "INT"}])
    assert world.push(ORDERS) > 0
    assert [c["dataType"] for c in world.table()["columns"]] == ["BIGINT", "STRING", "DECIMAL"]
    assert world.push(ORDERS) == 0


def test_a_table_that_was_taken_away_is_revived_with_its_id(world: World) -> None:
    world.push(ORDERS)
    before = world.table()["id"]
    world.person.call("DELETE", f"tables/{before}?hardDelete=false&recursive=true", 200)
    assert world.push(renamed(ORDERS, tags=(), owner="finance")) > 0
    table = world.table()
    assert table["id"] == before and [o["name"] for o in table["owners"]] == ["finance"]
    assert tags(table) == {"Tier.Tier1"}


def test_what_is_needed_first_and_was_taken_away_is_made_again(world: World) -> None:
    world.push(ORDERS)
    for path in ("services/databaseServices/name/hallmark_warehouse", "teams/name/sales", "tags/name/Hallmark.core"):
        world.person.call("DELETE", f"{path}?hardDelete=true&recursive=true", 200)
    # A process that lives on holds ids of what is gone: the event is told to come again, and then it works.
    error = world.refused(ORDERS)
    assert getattr(error, "reason", "") == "absent"
    world.catalog.forget()
    world.push(ORDERS)
    assert [o["name"] for o in world.table()["owners"]] == ["sales"]


OF_ANOTHER = [
    {"name": "ID", "dataType": "BIGINT", "description": "By hand."},
    {"name": "EMAIL", "dataType": "STRING"},
    {"name": "TOTAL", "dataType": "DECIMAL", "precision": 18, "scale": 2},
]


def test_a_table_of_another_connector_in_upper_case_is_not_made_twice_and_keeps_its_case(world: World) -> None:
    world.push(CUSTOMERS)
    world.person.put("tables", name="ORDERS", databaseSchema=SILVER, columns=OF_ANOTHER)
    before = world.table("ORDERS")["id"]
    later = World(world.server)
    assert later.push(ORDERS) > 0
    names = [t["name"] for t in later.bot.get("tables", databaseSchema=SILVER)["data"]]
    assert sorted(names) == ["ORDERS", "customers"]
    table = later.table("ORDERS")
    assert table["id"] == before and [c["name"] for c in table["columns"]] == ["ID", "EMAIL", "TOTAL"]
    assert column(table, "ID")["description"] == "By hand." and tags(column(table, "EMAIL")) == {"PII.Sensitive"}
    later.edges("silver.customers", edge("silver.orders.email", "silver.customers.name", "email"))
    found = later.upstream(f"{SILVER}.customers")[f"{SILVER}.ORDERS"]
    assert pairs(found) == {("ORDERS.EMAIL", "customers.name"): "email"}
    assert later.catalog.tally.missing_edges == []
    assert later.push(ORDERS) == 0
    later.close()


def test_of_two_tables_that_differ_in_case_the_exact_one_is_meant(world: World) -> None:
    world.push(CUSTOMERS)
    for name in ("ORDERS", "orders"):
        world.person.put("tables", name=name, databaseSchema=SILVER, columns=OF_ANOTHER)
    later = World(world.server)
    later.push(renamed(ORDERS, description="Ours."))
    assert "sales" in str(later.table("orders")["owners"]) and not later.table("ORDERS").get("owners")
    later.close()


def test_in_snowflake_all_is_in_upper_case(server: Server) -> None:
    world = World(server, Places(warehouse_type="Snowflake", database="DB"))
    types = {"id": "NUMBER(38,0)", "email": "VARCHAR(16777216)", "total": "NUMBER(18,2)"}
    columns = tuple(c.model_copy(update={"type": types[c.name]}) for c in ORDERS.columns)
    world.push(renamed(ORDERS, columns=columns, primary_key=("id", "email")))
    table = world.bot.named("tables", "hallmark_warehouse.DB.SILVER.ORDERS", fields="tableConstraints")
    assert [c["name"] for c in table["columns"]] == ["ID", "EMAIL", "TOTAL"] and table["serviceType"] == "Snowflake"
    assert table["tableConstraints"][0]["columns"] == ["ID", "EMAIL"]
    world.close()


ODD = ("a.b", 'say "so"', "a::b", "a>b", "c|d", "naïve ☃", "Id", "id", "n" * 400, "a_b", "tab\there")


def test_odd_names_all_arrive_each_by_itself(world: World) -> None:
    columns = tuple(Column(name=n, type="VARCHAR", description=f"no. {i}") for i, n in enumerate(ODD))
    odd = renamed(LANDED, name="file:drops.Orders “2026” v1.csv", columns=columns)
    world.push(odd)
    assert world.push(odd) == 0
    found = world.bot.named("containers", 'hallmark_landing.drops."Orders “2026” v1.csv"', fields="dataModel")
    there = found["dataModel"]["columns"]
    assert [c["description"] for c in there] == [f"no. {i}" for i in range(len(ODD))]
    assert len({c["name"] for c in there}) == len(ODD)


def test_ten_thousand_columns(server: Server) -> None:
    world = World(server, timeout=30.0)
    wide = renamed(ORDERS, columns=tuple(Column(name=f"c{n}", type="INTEGER") for n in range(10_000)), primary_key=())
    world.push(wide)
    assert len(world.table()["columns"]) == 10_000
    assert world.push(wide) == 0
    world.close()


def test_one_that_the_server_refuses_keeps_no_other_from_arriving(world: World) -> None:
    half = renamed(BOARD, name="exposure.half", description="\ud800 is half of a character")  # no JSON can hold it
    pushed = {d.name: Told(d, DAY) for d in (half, *(renamed(BOARD, name=f"exposure.b{n}") for n in range(3)))}
    [(name, error)] = world.run(push_datasets(world.catalog, pushed)).items()
    assert name == "exposure.half" and isinstance(error, TransientError) and error.reason == "unexpected"
    for n in range(3):
        world.bot.named("dashboards", f"hallmark_sigma.b{n}")


def test_one_whose_labels_cannot_be_is_told_of_and_keeps_no_other_from_arriving(world: World) -> None:
    world.person.put("classifications", name="Old", description="Not used any more.")
    world.person.put("tags", name="tag", classification="Old", description="Not used any more.")
    tag = world.person.named("tags", "Old.tag")
    world.person.patch(f"tags/{tag['id']}", {"op": "add", "path": "/disabled", "value": True})
    pushed = {d.name: Told(d, DAY) for d in (renamed(ORDERS, tags=("Old.tag",)), CUSTOMERS)}
    [(name, error)] = world.run(push_datasets(world.catalog, pushed)).items()
    assert name == "silver.orders" and isinstance(error, PermanentError) and "Old.tag is disabled" in str(error)
    assert world.table("customers")


def test_what_was_counted_is_told_of_columns_that_are_there(world: World) -> None:
    numbers = ColumnProfile(name="total", nulls=1, distinct=3, quantiles=("0", "1", "2", "3", "9"), min="0", max="9")
    profile = Profile(rows=4, columns=(numbers, ColumnProfile(name="gone", nulls=4)))
    world.push(ORDERS, profile=profile)
    name = f"{SILVER}.orders"
    [of_table] = world.bot.get(f"tables/{name}/tableProfile")["data"]
    [of_column] = world.bot.get(f"tables/{name}.total/columnProfile")["data"]
    assert (of_table["rowCount"], of_table["columnCount"]) == (4, 3)
    assert of_table["timestamp"] == round(DAY.timestamp() * 1000)
    assert (of_column["nullProportion"], of_column["max"], of_column["firstQuartile"]) == (0.25, 9.0, 1.0)


@pytest.mark.parametrize("stale", [True, False])
def test_old_data_are_marked_until_they_are_new_again(world: World, stale: bool) -> None:
    world.push(ORDERS, stale=True)
    world.push(ORDERS, stale=stale)
    assert ("Hallmark.Stale" in tags(world.table())) is stale
