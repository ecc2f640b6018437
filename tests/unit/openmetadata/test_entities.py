"""The contract that all collections share."""

from typing import Any

import pytest

from tests.openmetadata import models
from tests.openmetadata.kinds import BY_TYPE, KINDS, Kind
from tests.unit.openmetadata.api import COLUMNS, SCHEMA, Api, ref

DESCRIBED = {"name": "one", "description": "One."}
MINIMAL: dict[str, dict[str, Any]] = {
    "databaseService": {"name": "one", "serviceType": "Snowflake"},
    "storageService": {"name": "one", "serviceType": "CustomStorage"},
    "pipelineService": {"name": "one", "serviceType": "Prefect"},
    "dashboardService": {"name": "one", "serviceType": "Sigma"},
    "apiService": {"name": "one", "serviceType": "Rest"},
    "database": {"name": "one", "service": "duck"},
    "databaseSchema": {"name": "one", "database": "duck.db"},
    "table": {"name": "one", "databaseSchema": SCHEMA, "columns": COLUMNS},
    "container": {"name": "one", "service": "files", "dataModel": {"isPartitioned": False, "columns": COLUMNS}},
    "chart": {"name": "one", "service": "boards"},
    "dashboardDataModel": {
        "name": "one", "service": "boards", "dataModelType": "SigmaDataModel", "columns": COLUMNS,
    },
    "dashboard": {"name": "one", "service": "boards", "charts": ["boards.bars"]},
    "pipeline": {"name": "one", "service": "runs", "tasks": [{"name": "load"}]},
    "apiCollection": {"name": "one", "service": "partner"},
    "apiEndpoint": {
        "name": "one", "apiCollection": "partner.ads",
        "responseSchema": {"schemaFields": [{"name": "id", "dataType": "LONG"}]},
    },
    "query": {"query": "select 1", "service": "duck"},
    "team": {"name": "one", "teamType": "Group"},
    "user": {"name": "one", "email": "one@example.com"},
    "domain": {**DESCRIBED, "domainType": "Aggregate"},
    "dataProduct": {**DESCRIBED, "domains": ["sales"]},
    "classification": DESCRIBED,
    "tag": {**DESCRIBED, "classification": "Tier"},
    "glossary": DESCRIBED,
    "glossaryTerm": {**DESCRIBED, "glossary": "words"},
    "testDefinition": {"name": "one", "entityType": "TABLE", "testPlatforms": ["Other"]},
    "testSuite": {"name": "one"},
    "testCase": {
        "name": "one", "testDefinition": "tableRowCountToBeBetween", "entityLink": f"<#E::table::{SCHEMA}.orders>",
    },
    "dataContract": {"name": "one"},
}  # fmt: skip


@pytest.fixture
def world(bot: Api) -> Api:
    """All that the entities above are below of."""
    bot.put("services/storageServices", name="files", serviceType="CustomStorage")
    bot.put("services/dashboardServices", name="boards", serviceType="Sigma")
    bot.put("services/pipelineServices", name="runs", serviceType="Prefect")
    bot.put("charts", name="bars", service="boards")
    bot.put("services/apiServices", name="partner", serviceType="Rest")
    bot.put("apiCollections", name="ads", service="partner")
    bot.put("domains", name="sales", description="Sales.", domainType="Aggregate")
    bot.put("glossaries", name="words", description="Words.")
    bot.table()
    return bot


def body_of(api: Api, kind: Kind) -> dict[str, Any]:
    body = dict(MINIMAL[kind.type])
    if kind.type == "dataContract":
        body["entity"] = ref(api.named("tables", f"{SCHEMA}.orders"), "table")
    return body


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.type)
def test_11_put_creates_then_updates_and_only_a_difference_makes_a_version(world: Api, kind: Kind) -> None:
    body = body_of(world, kind)
    first = world.call("PUT", kind.path, 201, body)
    again = world.call("PUT", kind.path, 200, body)
    assert first["version"] == again["version"] == 0.1 and first["id"] == again["id"]
    world.call("POST", kind.path, 409, body)
    changed = world.patch(f"{kind.path}/{first['id']}", {"op": "add", "path": "/displayName", "value": "First"})
    assert changed["version"] == 0.2 and changed["id"] == first["id"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.type)
def test_an_entity_has_the_shape_of_the_sdk(world: Api, kind: Kind) -> None:
    made = world.put(kind.path, **body_of(world, kind))
    shown = world.named(kind.path, made["fullyQualifiedName"], fields="*")
    models.check(kind.entity, shown)
    bare = world.get(f"{kind.path}/{made['id']}")
    if kind.type != "testCase":
        models.check(kind.entity, bare)
    assert bare["fullyQualifiedName"] == made["fullyQualifiedName"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.type)
def test_5_an_unknown_member_is_refused(world: Api, kind: Kind) -> None:
    message = world.refused(kind.path, **body_of(world, kind), colour="red")
    assert message.startswith('Unrecognized field "colour"')


def test_5_an_unknown_member_is_refused_at_every_level(bot: Api) -> None:
    bot.refused("tables", name="t", databaseSchema=SCHEMA, columns=[{**COLUMNS[0], "colour": "red"}])
    connection = {"config": {"type": "Snowflake", "username": "u", "account": "a", "warehouse": "w", "colour": "red"}}
    bot.refused("services/databaseServices", name="s", serviceType="Snowflake", connection=connection)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("tables", {"name": "t", "databaseSchema": SCHEMA, "columns": [{"name": "c", "dataType": "HUGEINT"}]}),
        ("tables", {"name": "t", "databaseSchema": SCHEMA, "columns": COLUMNS, "tableType": "Odd"}),
        ("services/databaseServices", {"name": "s", "serviceType": "DuckDB"}),
        ("services/apiServices", {"name": "s", "serviceType": "GraphQL"}),
        (
            "apiEndpoints",
            {
                "name": "e",
                "apiCollection": "partner.ads",
                "responseSchema": {"schemaFields": [{"name": "id", "dataType": "BIGINT"}]},
            },
        ),
        ("dataQuality/testDefinitions", {"name": "d", "entityType": "ROW", "testPlatforms": ["Other"]}),
    ],
)
def test_15_a_value_outside_an_enumeration_is_refused(bot: Api, path: str, body: dict[str, Any]) -> None:
    bot.refused(path, **body)


def test_malformed_json_is_refused(bot: Api) -> None:
    answer = bot.http.put("tables", content=b"{", headers={"Content-Type": "application/json"})
    assert answer.status_code == 400 and answer.json()["code"] == 400


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("databases", {"name": "x", "service": "nowhere"}),
        ("databaseSchemas", {"name": "x", "database": "duck.nowhere"}),
        ("apiCollections", {"name": "x", "service": "nowhere"}),
        ("apiEndpoints", {"name": "x", "apiCollection": "partner.nowhere"}),
        ("tables", {"name": "x", "databaseSchema": "duck.db.nowhere", "columns": COLUMNS}),
        ("dashboards", {"name": "x", "service": "boards", "charts": ["boards.nowhere"]}),
        ("dataQuality/testCases", {"name": "x", "testDefinition": "nothing",
                                   "entityLink": f"<#E::table::{SCHEMA}.orders>"}),
        ("dataQuality/testCases", {"name": "x", "testDefinition": "tableCustomSQLQuery",
                                   "entityLink": f"<#E::table::{SCHEMA}.nowhere>"}),
    ],
)  # fmt: skip
def test_8_a_missing_parent_or_reference_is_404(world: Api, path: str, body: dict[str, Any]) -> None:
    assert "not found" in world.refused(path, 404, **body)


def test_a_collection_shows_its_endpoints_and_these_their_service(world: Api) -> None:
    made = world.put("apiEndpoints", **MINIMAL["apiEndpoint"])
    assert made["fullyQualifiedName"] == "partner.ads.one" and made["requestMethod"] == "GET"
    assert (made["service"]["name"], made["serviceType"]) == ("partner", "Rest")
    assert made["responseSchema"]["schemaFields"][0]["fullyQualifiedName"] == "partner.ads.one.responseSchema.id"
    below = world.named("apiCollections", "partner.ads", fields="apiEndpoints")["apiEndpoints"]
    assert [one["name"] for one in below] == ["one"]
    world.call("DELETE", f"apiCollections/{below[0]['id']}", 404)
    world.call("DELETE", "services/apiServices/name/partner", 400)


def test_12_names_keep_their_case_and_are_quoted_only_for_a_dot(bot: Api) -> None:
    bot.table("orders")
    assert bot.table("ORDERS")["version"] == 0.1
    bot.named("tables", f"{SCHEMA}.Orders", 404)
    odd = bot.table("a.b/c d%2F")
    assert odd["fullyQualifiedName"] == f'{SCHEMA}."a.b/c d%2F"'
    assert odd["columns"][0]["fullyQualifiedName"] == f'{SCHEMA}."a.b/c d%2F".id'
    assert bot.named("tables", odd["fullyQualifiedName"])["id"] == odd["id"]
    bot.named("tables", f"{SCHEMA}.a.b/c d%2F", 404)


@pytest.mark.parametrize("name", ["", "a::b", "a>b", 'a"b', "a\nb", "x" * 257])
def test_13_a_name_that_the_server_cannot_take_is_refused(bot: Api, name: str) -> None:
    bot.refused("tables", name=name, databaseSchema=SCHEMA, columns=COLUMNS)
    if len(name) < 257:
        bot.refused("tables", name="t", databaseSchema=SCHEMA, columns=[{"name": name, "dataType": "INT"}])


def test_24_a_soft_deleted_entity_is_404_and_put_brings_it_back(bot: Api) -> None:
    first = bot.table()
    bot.call("DELETE", f"tables/{first['id']}", 200)
    bot.get(f"tables/{first['id']}", 404)
    assert bot.get("tables")["paging"]["total"] == 0
    assert bot.get(f"tables/{first['id']}", include="deleted")["deleted"] is True
    assert bot.table()["id"] == first["id"]
    assert bot.get(f"tables/{first['id']}")["deleted"] is False


def test_24_a_hard_deleted_entity_comes_back_as_another(bot: Api) -> None:
    first = bot.table()
    bot.call("DELETE", f"tables/name/{first['fullyQualifiedName']}", 200, params={"hardDelete": "true"})
    bot.get(f"tables/{first['id']}", 404, include="all")
    again = bot.table()
    assert again["id"] != first["id"] and again["version"] == 0.1


def test_25_what_has_children_is_deleted_with_them_or_not_at_all(bot: Api) -> None:
    table = bot.table()
    schema = bot.named("databaseSchemas", SCHEMA)
    bot.call("DELETE", f"databaseSchemas/{schema['id']}", 400)
    bot.call("DELETE", f"databaseSchemas/{schema['id']}", 200, params={"recursive": "true"})
    bot.get(f"tables/{table['id']}", 404)
    assert "not found" in bot.refused("tables", 404, name="x", databaseSchema=SCHEMA, columns=COLUMNS)
    bot.put("databaseSchemas/restore", id=schema["id"])
    assert bot.get(f"tables/{table['id']}")["id"] == table["id"]


def test_what_the_system_has_provided_stays(human: Api) -> None:
    tier = human.named("classifications", "Tier")
    human.call("DELETE", f"classifications/{tier['id']}", 400, params={"recursive": "true", "hardDelete": "true"})


def test_35_relations_are_absent_unless_asked_for(bot: Api) -> None:
    team = bot.put("teams", name="crew", teamType="Group")
    tag = {"tagFQN": "Tier.Tier1", "source": "Classification", "labelType": "Manual", "state": "Confirmed"}
    columns = [{**COLUMNS[0], "tags": [{**tag, "tagFQN": "PII.Sensitive"}]}]
    bot.table(owners=[ref(team, "team")], tags=[tag], columns=columns)
    bare = bot.named("tables", f"{SCHEMA}.orders")
    assert not bare.keys() & {"owners", "tags", "domains", "extension", "testSuite"}
    assert bare["columns"][0]["tags"] == []
    full = bot.named("tables", f"{SCHEMA}.orders", fields="owners,tags")
    assert full["owners"][0]["fullyQualifiedName"] == "crew" and full["tags"][0]["tagFQN"] == "Tier.Tier1"
    assert full["columns"][0]["tags"][0]["tagFQN"] == "PII.Sensitive"
    bot.named("tables", f"{SCHEMA}.orders", 400, fields="owners,colour")


def test_a_list_is_read_page_by_page(bot: Api) -> None:
    for number in range(25):
        bot.table(f"t{number:02}")
    seen: list[str] = []
    page = bot.get("tables", limit=10, databaseSchema=SCHEMA)
    assert len(page["data"]) == 10 and page["paging"]["total"] == 25
    while True:
        seen += [table["name"] for table in page["data"]]
        if "after" not in page["paging"]:
            break
        page = bot.get("tables", limit=10, after=page["paging"]["after"])
    assert seen == [f"t{number:02}" for number in range(25)]
    assert bot.get("tables", limit=10, before=page["paging"]["before"])["data"][0]["name"] == "t10"
    assert len(bot.get("tables")["data"]) == 10
    bot.get("tables", 400, limit=-1)


def test_collections_are_told_apart_by_declarations_only() -> None:
    assert set(MINIMAL) == set(BY_TYPE)
