"""Owners, labels, domains and custom properties."""

from typing import Any

import pytest

from tests.unit.openmetadata.api import COLUMNS, SCHEMA, Api, ref

LABEL = {"source": "Classification", "labelType": "Manual", "state": "Confirmed"}


def owned(api: Api, *owners: dict[str, Any], status: int = 200) -> Any:
    body = {"name": "orders", "databaseSchema": SCHEMA, "columns": COLUMNS, "owners": list(owners)}
    return api.put("tables", **body) if status == 200 else api.refused("tables", status, **body)


def labelled(api: Api, *names: str, status: int = 200, source: str = "Classification") -> Any:
    tags = [{**LABEL, "tagFQN": name, "source": source} for name in names]
    body = {"name": "orders", "databaseSchema": SCHEMA, "columns": COLUMNS, "tags": tags}
    return api.put("tables", **body) if status == 200 else api.refused("tables", status, **body)


def test_21_owners_are_users_or_one_team_that_is_a_group(bot: Api, human: Api) -> None:
    one, two = (
        ref(human.put("users", name=name, email=f"{name}@example.com"), "user") for name in ("one", "two")
    )  # fmt: skip
    crew, other = (ref(human.put("teams", name=name, teamType="Group"), "team") for name in ("crew", "other"))
    unit = ref(human.put("teams", name="unit", teamType="BusinessUnit"), "team")
    for wrong in ([crew, one], [crew, other], [unit], [ref(bot.named("databases", "duck.db"), "database")]):
        owned(bot, *wrong, status=400)
    owned(bot, {**one, "id": "00000000-0000-4000-8000-000000000000"}, status=404)
    assert len(owned(bot, one, two)["owners"]) == 2
    bot.call("DELETE", f"teams/{crew['id']}", 200)
    owned(bot, crew, status=404)
    body = {"name": "t", "databaseSchema": SCHEMA, "columns": COLUMNS}
    bot.refused("tables", **body, owners=[{"id": one["id"]}])


def test_22_labels_of_an_exclusive_classification_are_checked_after_the_merge(bot: Api) -> None:
    labelled(bot, "Tier.Tier1", "Tier.Tier2", status=400)
    labelled(bot, "Tier.Tier1")
    assert "mutually exclusive" in labelled(bot, "Tier.Tier2", status=400)
    bot.patch(f"tables/name/{SCHEMA}.orders", {"op": "replace", "path": "/tags/0/tagFQN", "value": "Tier.Tier2"})
    labelled(bot, "Tier.Tier2")


def test_22_a_label_is_known_and_in_use(bot: Api, human: Api) -> None:
    labelled(bot, "Tier.Tier9", status=404)
    labelled(bot, "Words.Order", status=404, source="Glossary")
    human.put("glossaries", name="Words", description="Words.")
    human.put("glossaryTerms", name="Order", glossary="Words", description="An order.")
    labelled(bot, "Words.Order", source="Glossary")
    tag = human.named("tags", "Tier.Tier3")
    human.patch(f"tags/{tag['id']}", {"op": "replace", "path": "/disabled", "value": True})
    assert "disabled" in labelled(bot, "Tier.Tier3", status=400)


def test_a_label_is_confirmed_and_manual_unless_it_says_otherwise(bot: Api) -> None:
    made = bot.table(tags=[{"tagFQN": "Tier.Tier1", "source": "Classification"}])
    assert (made["tags"][0]["labelType"], made["tags"][0]["state"]) == ("Manual", "Confirmed")


@pytest.fixture
def domains(human: Api, bot: Api) -> Api:
    for name in ("sales", "finance"):
        human.put("domains", name=name, description=name, domainType="Aggregate")
    human.put("dataProducts", name="report", description="A report.", domains=["sales"])
    return human


def test_34_an_asset_has_one_domain_and_a_product_only_within_it(bot: Api, domains: Api) -> None:
    body = {"name": "orders", "databaseSchema": SCHEMA, "columns": COLUMNS}
    bot.refused("tables", **body, domains=["sales", "finance"])
    bot.refused("tables", 404, **body, domains=["nowhere"])
    bot.refused("tables", **body, dataProducts=["report"])
    bot.refused("tables", **body, domains=["finance"], dataProducts=["report"])
    bot.put("tables", **body, domains=["sales"], dataProducts=["report"])
    bot.refused("dataProducts", name="x", description="x", domains=[])


def test_34_assets_are_added_to_a_product_of_their_domain(bot: Api, domains: Api) -> None:
    table = bot.table()
    add = {"assets": [ref(table, "table")]}
    bot.refused("dataProducts/report/assets/add", **add)
    bot.patch(f"databaseSchemas/name/{SCHEMA}", {"op": "add", "path": "/domains", "value": [
        ref(domains.named("domains", "sales"), "domain")]})  # fmt: skip
    bot.put("dataProducts/report/assets/add", **add)
    seen = bot.named("tables", f"{SCHEMA}.orders", fields="domains,dataProducts")
    assert seen["domains"][0]["inherited"] is True and seen["dataProducts"][0]["name"] == "report"


def test_37_a_custom_property_is_declared_first(bot: Api, human: Api) -> None:
    body = {"name": "orders", "databaseSchema": SCHEMA, "columns": COLUMNS, "extension": {"run": "1"}}
    bot.refused("tables", **body)
    types = {name: human.get(f"metadata/types/name/{name}?category=field")["id"] for name in ("table", "string")}
    declared = {"description": "Its run.", "propertyType": {"id": types["string"], "type": "type"}}
    human.refused(f"metadata/types/{types['table']}", name="a:b", **declared)
    human.put(f"metadata/types/{types['table']}", name="run", **declared)
    found = human.get("metadata/types/name/table?fields=customProperties")["customProperties"]
    assert [one["name"] for one in found] == ["run"]
    bot.put("tables", **body)
    bot.patch(f"tables/name/{SCHEMA}.orders", {"op": "add", "path": "/extension/x", "value": "1"}, status=400)
