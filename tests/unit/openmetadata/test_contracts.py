"""Data contracts and their results."""

import uuid
from typing import Any

import pytest
import yaml

from tests.unit.openmetadata.api import COLUMNS, SCHEMA, Api, ref

Json = dict[str, Any]


@pytest.fixture
def table(bot: Api) -> Json:
    made: Json = bot.table()
    return made


@pytest.fixture
def contract(bot: Api, table: Json) -> Json:
    made: Json = bot.put("dataContracts", name="orders", entity=ref(table, "table"), entityStatus="Approved",
                         schema=COLUMNS, termsOfUse="For all.")  # fmt: skip
    return made


def push(api: Api, contract: Json, at: int, status: int, outcome: str = "Success", **more: Any) -> Json:
    body = {"dataContractFQN": contract["fullyQualifiedName"], "timestamp": at, "contractExecutionStatus": outcome}
    pushed: Json = api.call("PUT", f"dataContracts/{contract['id']}/results", status, {**body, **more})
    return pushed


def test_27_an_entity_has_one_contract(bot: Api, table: Json, contract: Json) -> None:
    assert contract["fullyQualifiedName"] == f"{SCHEMA}.orders.dataContract_orders"
    message = bot.refused("dataContracts", name="another", entity=ref(table, "table"))
    assert message.startswith("A data contract already exists")
    assert bot.put("dataContracts", name="orders", entity=ref(table, "table"), schema=COLUMNS)["id"] == contract["id"]
    found = bot.get("dataContracts/entity", entityId=table["id"], entityType="table")
    assert found["id"] == contract["id"]


@pytest.mark.parametrize("columns", [[{"name": "ID", "dataType": "INT"}], [COLUMNS[0], COLUMNS[0]]])
def test_27_its_schema_names_what_the_entity_has(bot: Api, table: Json, columns: list[Json]) -> None:
    message = bot.refused("dataContracts", name="x", entity=ref(table, "table"), schema=columns)
    assert message.startswith("Schema validation failed")


def test_27_schema_and_expectations_are_for_tables(bot: Api, table: Json) -> None:
    schema = ref(bot.named("databaseSchemas", SCHEMA), "databaseSchema")
    bot.refused("dataContracts", name="x", entity=schema, schema=COLUMNS)
    case = ref(bot.case(), "testCase")
    bot.refused("dataContracts", name="x", entity=schema, qualityExpectations=[case])
    made = bot.put("dataContracts", name="x", entity=ref(table, "table"), qualityExpectations=[case])
    assert made["qualityExpectations"][0]["name"] == "filled"


def test_28_results_are_keyed_by_their_id_and_the_newest_is_shown(bot: Api, contract: Json) -> None:
    id_ = str(uuid.uuid4())
    push(bot, contract, 2000, 200, "Running", id=id_)
    push(bot, contract, 2000, 200, "Failed", id=id_)
    push(bot, contract, 1000, 201)
    path = f"dataContracts/{contract['id']}"
    assert [row["timestamp"] for row in bot.get(f"{path}/results")["data"]] == [2000, 1000]
    assert bot.get(f"{path}/results/latest")["contractExecutionStatus"] == "Failed"
    latest = bot.get(path)["latestResult"]
    assert (latest["resultId"], latest["status"]) == (id_, "Failed")
    push(bot, contract, 3000, 400, "Green")
    bot.call("DELETE", f"{path}/results/2000", 200)
    assert bot.get(path)["latestResult"]["timestamp"] == 1000
    again = bot.put("dataContracts", name="orders", entity=contract["entity"] | {}, schema=COLUMNS,
                    entityStatus="Approved", termsOfUse="For all.")  # fmt: skip
    assert again["latestResult"]["timestamp"] == 1000 and again["version"] == 0.1


def test_a_contract_is_exported(bot: Api, contract: Json) -> None:
    text = bot.http.get(f"dataContracts/name/{contract['fullyQualifiedName']}/odcs/yaml").text
    exported = yaml.safe_load(text)
    assert exported["kind"] == "DataContract" and exported["status"] == "active"
    assert [column["name"] for column in exported["schema"][0]["properties"]] == ["id", "name"]
    assert exported == bot.get(f"dataContracts/{contract['id']}/odcs")


def test_a_contract_goes_with_its_table(bot: Api, table: Json, contract: Json) -> None:
    bot.call("DELETE", f"tables/{table['id']}", 200, params={"recursive": "true", "hardDelete": "true"})
    bot.get(f"dataContracts/{contract['id']}", 404)
