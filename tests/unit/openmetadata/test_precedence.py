"""Who wins when a bot and a person write the same entity."""

import json
from typing import Any

import pytest

from tests.openmetadata.server import Server
from tests.unit.openmetadata.api import COLUMNS, SCHEMA, Api, ref

TABLE = f"{SCHEMA}.orders"
LABEL = {"source": "Classification", "labelType": "Manual", "state": "Confirmed"}
ALL = "owners,tags,domains,dataProducts,extension,tableConstraints"


def set_(path: str, value: Any) -> dict[str, Any]:
    return {"op": "add", "path": path, "value": value}


def described(text: str) -> list[dict[str, Any]]:
    return [{**column, "description": text} for column in COLUMNS]


@pytest.fixture
def ids(human: Api, bot: Api) -> dict[str, dict[str, Any]]:
    """Two owners, and a domain with a product."""
    for name in ("sales", "finance"):
        human.put("domains", name=name, description=name, domainType="Aggregate")
    human.put("dataProducts", name="report", description="A report.", domains=["sales"])
    return {name: ref(human.put("teams", name=name, teamType="Group"), "team") for name in ("ours", "theirs")}


def test_4_a_bot_fills_what_is_empty_and_keeps_what_a_person_wrote(bot: Api, human: Api, ids: dict[str, Any]) -> None:
    bot.table()
    first = bot.table(description="By the bot.", displayName="Bot", owners=[ids["ours"]], domains=["sales"],
                      dataProducts=["report"], columns=described("By the bot."))  # fmt: skip
    assert first["description"] == "By the bot." and first["owners"][0]["name"] == "ours"
    human.patch(f"tables/name/{TABLE}", set_("/description", "By a person."), set_("/displayName", "Person"),
                set_("/columns/0/description", "By a person."), set_("/columns/0/displayName", "Key"),
                set_("/owners", [ids["theirs"]]))  # fmt: skip
    columns = [{**column, "displayName": "Bot"} for column in described("Again.")]
    bot.table(description="Again.", displayName="Again", owners=[ids["ours"]], domains=["finance"], columns=columns)
    kept = human.named("tables", TABLE, fields=ALL)
    assert (kept["description"], kept["displayName"]) == ("By a person.", "Person")
    assert [owner["name"] for owner in kept["owners"]] == ["theirs"]
    assert [domain["name"] for domain in kept["domains"]] == ["sales"]
    assert [product["name"] for product in kept["dataProducts"]] == ["report"]
    assert kept["columns"][0]["description"] == "By a person." and kept["columns"][0]["displayName"] == "Key"


def test_4_a_bot_that_leaves_members_out_clears_none(bot: Api, ids: dict[str, Any]) -> None:
    key = [{"constraintType": "UNIQUE", "columns": ["id"]}, {"constraintType": "UNIQUE", "columns": ["name"]}]
    full = bot.table(description="One.", displayName="One", owners=[ids["ours"]], domains=["sales"],
                     tags=[{"tagFQN": "Tier.Tier1", **LABEL}], tableConstraints=key)  # fmt: skip
    assert bot.table()["version"] == full["version"]
    kept = bot.table(columns=COLUMNS[:1])
    assert kept["description"] == "One." and kept["owners"] and kept["domains"] and kept["tags"]
    assert kept["tableConstraints"] == key[:1], "a constraint goes with its column"


def test_4_a_person_replaces_and_clears_but_removes_no_relation(bot: Api, human: Api, ids: dict[str, Any]) -> None:
    bot.table(description="One.", displayName="One", owners=[ids["ours"]], domains=["sales"])
    human.table(description="Two.", owners=[ids["theirs"]], domains=["finance"])
    seen = human.named("tables", TABLE, fields=ALL)
    assert seen["description"] == "Two." and "displayName" not in seen
    assert seen["owners"][0]["name"] == "theirs" and seen["domains"][0]["name"] == "finance"
    human.table()
    seen = human.named("tables", TABLE, fields=ALL)
    assert "description" not in seen and seen["owners"] and seen["domains"]
    human.patch(f"tables/name/{TABLE}", {"op": "remove", "path": "/owners"}, {"op": "remove", "path": "/domains"})
    assert not human.named("tables", TABLE, fields=ALL).keys() & {"owners", "domains"}


def test_4_labels_are_merged(bot: Api, human: Api) -> None:
    bot.table(tags=[{"tagFQN": "Tier.Tier1", **LABEL}])
    columns = [{**COLUMNS[0], "tags": [{"tagFQN": "PII.Sensitive", **LABEL}]}, COLUMNS[1]]
    bot.table(tags=[{"tagFQN": "PII.None", **LABEL}], columns=columns)
    bot.table()
    seen = human.named("tables", TABLE, fields="tags")
    assert [label["tagFQN"] for label in seen["tags"]] == ["PII.None", "Tier.Tier1"]
    assert [label["tagFQN"] for label in seen["columns"][0]["tags"]] == ["PII.Sensitive"]


def test_4_a_bot_sets_custom_properties_when_it_creates_and_then_by_patch_only(bot: Api, human: Api) -> None:
    table, text = (human.get(f"metadata/types/name/{name}")["id"] for name in ("table", "string"))
    for name in ("run", "slot"):
        human.put(f"metadata/types/{table}", name=name, description=name, propertyType={"id": text, "type": "type"})
    bot.table(extension={"run": "1"})
    bot.table(extension={"run": "2"})
    assert bot.named("tables", TABLE, fields="extension")["extension"] == {"run": "1"}
    bot.patch(f"tables/name/{TABLE}", set_("/extension/run", "3"))
    human.table(extension={"slot": "x", "run": None})
    assert bot.named("tables", TABLE, fields="extension")["extension"] == {"run": "3", "slot": "x"}


def test_30_a_bot_replaces_a_description_by_patch_and_blanks_none(bot: Api, human: Api) -> None:
    bot.table(description="One.", columns=described("One."))
    path = f"tables/name/{TABLE}"
    assert bot.patch(path, set_("/description", "Two."))["description"] == "Two."
    bot.patch(path, {"op": "remove", "path": "/description"}, set_("/columns/0/description", ""))
    kept = bot.named("tables", TABLE)
    assert kept["description"] == "Two." and kept["columns"][0]["description"] == "One."
    assert "description" not in human.patch(path, {"op": "remove", "path": "/description"})


def test_a_client_finds_out_who_changed_what(server: Server, bot: Api, human: Api) -> None:
    table = bot.table(description="One.")
    human.patch(f"tables/{table['id']}", set_("/description", "Two."), set_("/columns/1/description", "A name."))
    bot.table(sourceUrl="https://example.com")
    found = bot.get(f"tables/{table['id']}/versions")
    assert found["entityType"] == "table"
    newest, edited, first = (json.loads(version) for version in found["versions"])
    assert [version["version"] for version in (newest, edited, first)] == [0.3, 0.2, 0.1]
    assert [version["updatedBy"] for version in (newest, edited, first)] == ["ingestion-bot", "admin", "ingestion-bot"]
    assert edited["changeDescription"] == {
        "fieldsAdded": [{"name": "columns.name.description", "newValue": "A name."}],
        "fieldsUpdated": [{"name": "description", "oldValue": "One.", "newValue": "Two."}],
        "fieldsDeleted": [],
        "previousVersion": 0.1,
    }
    assert bot.get(f"tables/{table['id']}/versions/0.1")["description"] == "One."
    bot.get(f"tables/{table['id']}/versions/7.0", 404)


def test_the_stamps_of_a_life_cycle_make_no_version(bot: Api) -> None:
    stamp = {"timestamp": 2000, "accessedByAProcess": "batch"}
    bot.table(lifeCycle={"updated": stamp})
    assert bot.table(lifeCycle={"updated": {**stamp, "timestamp": 1000}})["lifeCycle"]["updated"] == stamp
    newer = bot.table(lifeCycle={"updated": {**stamp, "timestamp": 3000}})
    assert newer["version"] == 0.1 and newer["lifeCycle"]["updated"]["timestamp"] == 3000
