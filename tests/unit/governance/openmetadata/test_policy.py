"""Whose word counts where a person and the declarations say different things."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from governance.model import Column
from tests.openmetadata.server import Server
from tests.openmetadata.tokens import Tokens
from tests.unit.governance.openmetadata.world import (
    CUSTOMERS,
    ORDERS,
    World,
    column,
    describe,
    renamed,
    tags,
    with_columns,
)

MANUAL = {"source": "Classification", "labelType": "Manual", "state": "Confirmed"}
EMAIL = "/columns/1"


@pytest.fixture
def pushed(world: World) -> World:
    world.push(ORDERS)
    return world


@pytest.fixture
def ruled(server: Server) -> Iterator[Callable[[dict[str, Any]], World]]:
    made: list[World] = []

    def make(rules: dict[str, Any]) -> World:
        made.append(World(server, rules=rules))
        made[-1].push(ORDERS)
        return made[-1]

    yield make
    for one in made:
        one.close()


CHANGED = with_columns(
    renamed(ORDERS, description="Said anew.", domain="Sales", label="Orders!"),
    Column(name="email", type="VARCHAR", description="Anew.", pii="email"),
)


def test_what_is_declared_is_there(pushed: World) -> None:
    table = pushed.table()
    assert table["description"] == "What was ordered." and column(table, "id")["description"] == "Its number."
    assert [(o["name"], o["type"]) for o in table["owners"]] == [("sales", "team")]
    assert [d["name"] for d in table["domains"]] == ["Trade"]
    assert tags(table) == {"Tier.Tier1", "Hallmark.core"} and tags(column(table, "email")) == {"PII.Sensitive"}
    assert column(table, "id")["constraint"] == "PRIMARY_KEY"
    assert {t["labelType"] for t in table["tags"]} == {"Automated"}


def test_what_a_person_wrote_stays_when_the_declared_changes(pushed: World) -> None:
    pushed.person.put("domains", name="Theirs", domainType="Aggregate", description="Theirs.")
    theirs = pushed.person.named("domains", "Theirs")
    pushed.edit(
        describe("By hand."), describe("By hand, too.", f"{EMAIL}/description"), describe("Orders", "/displayName"),
        {"op": "add", "path": "/domains", "value": [{"id": theirs["id"], "type": "domain"}]},
        describe("E-Mail", f"{EMAIL}/displayName"),
    )  # fmt: skip
    pushed.push(CHANGED)
    table = pushed.table()
    assert (table["description"], table["displayName"]) == ("By hand.", "Orders")
    assert column(table, "email")["description"] == "By hand, too."
    assert column(table, "email")["displayName"] == "E-Mail"
    assert [d["name"] for d in table["domains"]] == ["Theirs"]
    assert pushed.overridden == []


def test_what_a_person_emptied_stays_empty_when_the_declared_changes(pushed: World) -> None:
    gone = [{"op": "remove", "path": p} for p in ("/description", f"{EMAIL}/description", "/domains/0")]
    pushed.edit(*gone)
    for dataset in (ORDERS, CHANGED, renamed(CHANGED, description="And anew.")):
        pushed.push(dataset)
        table = pushed.table()
        assert not table.get("description") and not table.get("domains")
        assert not column(table, "email").get("description")
    assert column(table, "id")["description"] == "Its number."


def test_what_we_wrote_follows_the_declaration(pushed: World) -> None:
    pushed.push(renamed(CHANGED, label=""))
    table = pushed.table()
    assert (table["description"], column(table, "email")["description"]) == ("Said anew.", "Anew.")
    assert [d["name"] for d in table["domains"]] == ["Sales"]


def test_a_write_that_changes_nothing_does_not_make_us_the_person(pushed: World) -> None:
    pushed.edit(describe("By hand."))
    pushed.push(renamed(ORDERS, description="Second."))
    pushed.push(renamed(ORDERS, description="Third."))
    assert pushed.table()["description"] == "By hand." and "admin" not in pushed.catalog.ours


def test_what_another_program_wrote_first_stays(world: World) -> None:
    world.push(CUSTOMERS)  # which makes the schema
    world.person.put("tables", name="orders", databaseSchema="hallmark_warehouse.warehouse.silver",
                     description="By a connector.", columns=[{"name": "id", "dataType": "BIGINT"}])  # fmt: skip
    world.push(ORDERS)
    assert world.table()["description"] == "By a connector." and column(world.table(), "id")["description"]


def test_the_token_of_a_person_takes_nothing_away(server: Server) -> None:
    world = World(server)
    world.token = server.tokens.made("hallmark")
    world.push(ORDERS)
    world.edit(
        describe("By hand."), describe("E-Mail", f"{EMAIL}/displayName"), describe("Sum.", "/columns/2/description")
    )
    world.push(renamed(with_columns(ORDERS, Column(name="new", type="DATE")), description="Said anew."))
    table = world.table()
    assert table["description"] == "By hand." and column(table, "total")["description"] == "Sum."
    assert column(table, "email")["displayName"] == "E-Mail" and world.catalog.ours == {"hallmark"}
    world.close()


def owned_by(world: World, *owners: str) -> None:
    for name in owners:
        world.person.put("users", name=name, email=f"{name}@example.com")
    value = [{"id": world.person.named("users", name)["id"], "type": "user"} for name in owners]
    world.edit({"op": "add", "path": "/owners", "value": value})


def test_an_owner_given_by_a_person_gives_way_and_is_recorded(pushed: World) -> None:
    owned_by(pushed, "ann", "ben")
    assert pushed.push(ORDERS) == 1
    assert [o["name"] for o in pushed.table()["owners"]] == ["sales"]
    [found] = pushed.overridden
    assert (found.entity, found.field) == ("hallmark_warehouse.warehouse.silver.orders", "owners")
    assert (found.was, found.now, found.editor) == ("ann, ben", "sales", "admin")
    assert pushed.push(ORDERS) == 0 and len(pushed.overridden) == 1


def test_an_owner_taken_away_by_a_person_comes_back_and_is_recorded(pushed: World) -> None:
    pushed.edit({"op": "remove", "path": "/owners/0"})
    pushed.push(renamed(ORDERS, description="Said anew."))
    assert [o["name"] for o in pushed.table()["owners"]] == ["sales"]
    assert [(o.field, o.was, o.now, o.editor) for o in pushed.overridden] == [("owners", "", "sales", "admin")]


def test_an_owner_who_is_no_team_is_told_of_and_stops_nothing(world: World) -> None:
    world.person.put("teams", name="finance", teamType="Department")
    world.push(renamed(ORDERS, owner="nobody"), renamed(CUSTOMERS, owner="finance"))
    assert world.catalog.tally.unknown_owners == {"nobody", "finance"}
    assert not world.table().get("owners") and not world.table("customers").get("owners")


def relabel(*names: str, path: str = "/tags") -> dict[str, Any]:
    return {"op": "add", "path": path, "value": [{"tagFQN": n, **MANUAL} for n in names]}


def test_personal_data_and_tier_are_enforced_and_recorded(pushed: World) -> None:
    pushed.edit(relabel("Tier.Tier3", "Hallmark.core"), relabel("PII.NonSensitive", path=f"{EMAIL}/tags"))
    pushed.push(ORDERS)
    table = pushed.table()
    assert tags(table) == {"Tier.Tier1", "Hallmark.core"} and tags(column(table, "email")) == {"PII.Sensitive"}
    assert {(o.field, o.was, o.now, o.editor) for o in pushed.overridden} == {
        ("tags", "Tier.Tier3", "Tier.Tier1", "admin"),
        ("columns.email.tags", "PII.NonSensitive", "PII.Sensitive", "admin"),
    }


def test_a_label_of_personal_data_that_a_person_took_off_comes_back_and_is_recorded(pushed: World) -> None:
    pushed.edit(relabel(path=f"{EMAIL}/tags"))
    pushed.push(ORDERS)
    assert tags(column(pushed.table(), "email")) == {"PII.Sensitive"}
    [found] = pushed.overridden
    assert (found.field, found.was, found.now, found.editor) == ("columns.email.tags", "", "PII.Sensitive", "admin")


def test_labels_of_people_and_terms_survive(pushed: World) -> None:
    person = pushed.person
    person.put("classifications", name="Region", description="Where.")
    person.put("tags", name="EU", classification="Region", description="Europe.")
    person.put("glossaries", name="PII", description="A glossary by the name of a classification.")
    person.put("glossaryTerms", glossary="PII", name="Order", description="An order.")
    term = {"tagFQN": "PII.Order", "source": "Glossary", "labelType": "Manual", "state": "Confirmed"}
    stored = pushed.table()["tags"]
    pushed.edit({"op": "add", "path": "/tags", "value": [*stored, {"tagFQN": "Region.EU", **MANUAL}, term]},
                {"op": "add", "path": f"{EMAIL}/tags/-", "value": {"tagFQN": "Region.EU", **MANUAL}},
                {"op": "add", "path": f"{EMAIL}/tags/-", "value": term})  # fmt: skip
    pushed.push(renamed(ORDERS, tags=("other",), tier="tier2"))
    table = pushed.table()
    assert tags(table) == {"Tier.Tier2", "Hallmark.other", "Region.EU", "PII.Order"}
    assert tags(column(table, "email")) == {"PII.Sensitive", "Region.EU", "PII.Order"}
    assert pushed.overridden == []


def test_our_own_label_goes_when_it_is_declared_no_more(pushed: World) -> None:
    pushed.push(with_columns(renamed(ORDERS, tags=(), tier=None), Column(name="email", type="VARCHAR")))
    table = pushed.table()
    assert tags(table) == set() == tags(column(table, "email")) and pushed.overridden == []


def test_another_tag_of_ours_that_a_person_took_off_stays_off(pushed: World) -> None:
    pushed.edit(relabel("Tier.Tier1"))
    pushed.push(renamed(ORDERS, tags=("core", "daily")))
    assert tags(pushed.table()) == {"Tier.Tier1", "Hallmark.daily"}


def test_of_an_exclusive_classification_the_label_of_a_person_stays(pushed: World) -> None:
    pushed.person.put("classifications", name="Class", description="One of.", mutuallyExclusive=True)
    for name in ("High", "Low"):
        pushed.person.put("tags", name=name, classification="Class", description=name)
    pushed.edit({"op": "add", "path": "/tags/-", "value": {"tagFQN": "Class.Low", **MANUAL}})
    pushed.push(renamed(ORDERS, tags=("Class.High", "Class.Low")), renamed(CUSTOMERS, tags=("Class.High", "Class.Low")))
    assert tags(pushed.table()) == {"Tier.Tier1", "Class.Low"} and tags(pushed.table("customers")) == {"Class.High"}


def test_tier_and_personal_data_are_said_once(world: World) -> None:
    both = with_columns(ORDERS, Column(name="email", type="VARCHAR", pii="email", tags=("PII.NonSensitive",)))
    world.push(renamed(both, tags=("Tier.Tier4",)), renamed(CUSTOMERS, tier="gold"))
    assert tags(world.table()) == {"Tier.Tier1"} and tags(column(world.table(), "email")) == {"PII.Sensitive"}
    assert tags(world.table("customers")) == {"Tier.Gold"}


def test_rules_enforce_what_is_seeded_by_default(ruled: Callable[[dict[str, Any]], World]) -> None:
    world = ruled({"description": "enforce", "domains": "enforce", "displayName": "enforce"})
    world.edit(
        describe("By hand."), describe("By hand.", f"{EMAIL}/description"), {"op": "remove", "path": "/domains/0"}
    )
    world.push(ORDERS)
    table = world.table()
    assert (table["description"], column(table, "email")["description"]) == ("What was ordered.", "Of who ordered.")
    assert [d["name"] for d in table["domains"]] == ["Trade"]
    assert {(o.field, o.was) for o in world.overridden} == {
        ("description", "By hand."), ("columns.email.description", "By hand."), ("domains", ""),
    }  # fmt: skip


def test_rules_leave_to_people_what_is_enforced_by_default(ruled: Callable[[dict[str, Any]], World]) -> None:
    world = ruled({"owners": "seed", "tier": "merge", "pii": "merge"})
    owned_by(world, "ann")
    world.edit(relabel("Tier.Tier3"), relabel(path=f"{EMAIL}/tags"))
    world.push(renamed(ORDERS, owner="finance"))
    table = world.table()
    assert [o["name"] for o in table["owners"]] == ["ann"]
    assert tags(table) == {"Tier.Tier3"} and tags(column(table, "email")) == set()
    world.edit({"op": "remove", "path": "/owners/0"})
    world.push(renamed(ORDERS, owner="sales", description="Said anew."))
    assert not world.table().get("owners") and world.overridden == []


@pytest.mark.parametrize("rules", [{"descriptions": "seed"}, {"description": "merge"}, {"types": "seed"}])
def test_a_rule_that_there_is_not_is_refused(server: Server, rules: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="description: seed or enforce"):
        World(server, rules=rules)


def test_a_bot_of_any_name_is_no_person(server: Server, tmp_path: Any) -> None:
    world = World(server)
    tokens: Tokens = server.tokens
    world.token = tokens.bot = tokens.made("warehouse", bot=True)
    world.push(ORDERS)
    # Another process of the same bot, that has seen nothing be made.
    later = World(server)
    later.token = world.token
    later.push(renamed(ORDERS, description="Said anew."))
    assert later.table()["description"] == "Said anew." and later.catalog.ours == {"warehouse"}
    world.close()
    later.close()
