"""Lineage: what an edge keeps, what is dropped without a word, and who is told when."""

import time
from typing import Any
from urllib.parse import quote

import pytest

from tests.openmetadata.server import Server
from tests.unit.openmetadata.api import COLUMNS, SCHEMA, Api, ref

Json = dict[str, Any]


@pytest.fixture
def ends(bot: Api) -> tuple[Json, Json]:
    """Two tables."""
    return bot.table("raw"), bot.table("clean")


def add(api: Api, ends: tuple[Json, Json], status: int = 200, **details: Any) -> Any:
    edge = {"fromEntity": ref(ends[0], "table"), "toEntity": ref(ends[1], "table"), "lineageDetails": details}
    return api.call("PUT", "lineage", status, {"edge": edge})


def details_of(api: Api, ends: tuple[Json, Json]) -> Json:
    found: Json = api.get(f"lineage/getLineageEdge/{ends[0]['id']}/{ends[1]['id']}")["edge"]
    return found


def pipeline(api: Api) -> Json:
    api.put("services/pipelineServices", name="runs", serviceType="Prefect")
    return ref(api.put("pipelines", name="batch", service="runs", tasks=[{"name": "load"}]), "pipeline")


def test_1_columns_that_are_not_there_are_dropped_and_the_answer_is_200(bot: Api, ends: tuple[Json, Json]) -> None:
    raw, clean = f"{SCHEMA}.raw", f"{SCHEMA}.clean"
    columns = [
        {"fromColumns": [f"{raw}.id", f"{raw}.ID", f"{raw}.gone"], "toColumn": f"{clean}.id", "function": "max"},
        {"fromColumns": [f"{raw}.NAME"], "toColumn": f"{clean}.name"},
        {"fromColumns": [f"{raw}.name"], "toColumn": f"{clean}.Name"},
    ]
    assert add(bot, ends, columnsLineage=columns) is None
    kept = [{"fromColumns": [f"{raw}.id"], "toColumn": f"{clean}.id", "function": "max"}]
    assert details_of(bot, ends)["columnsLineage"] == kept
    graph = bot.get(f"lineage/table/name/{raw}")
    assert graph["downstreamEdges"][0]["lineageDetails"]["columnsLineage"] == kept
    assert [node["name"] for node in graph["nodes"]] == ["clean"] and graph["upstreamEdges"] == []


def test_1_a_child_of_a_column_has_a_dotted_path(bot: Api) -> None:
    inner = [{"name": "address", "dataType": "STRUCT", "children": [{"name": "city.part", "dataType": "INT"}]}]
    ends = bot.table("raw", columns=inner), bot.table("clean")
    columns = [{"fromColumns": [f'{SCHEMA}.raw.address."city.part"'], "toColumn": f"{SCHEMA}.clean.id"}]
    add(bot, ends, columnsLineage=columns)
    assert details_of(bot, ends)["columnsLineage"] == columns


def test_1_a_field_of_an_endpoint_is_below_the_schema_that_it_is_of(bot: Api, ends: tuple[Json, Json]) -> None:
    bot.put("services/apiServices", name="partner", serviceType="Rest")
    bot.put("apiCollections", name="ads", service="partner")
    inner = {"name": "address", "dataType": "RECORD", "children": [{"name": "city", "dataType": "STRING"}]}
    endpoint = bot.put("apiEndpoints", name="users", apiCollection="partner.ads",
                       responseSchema={"schemaFields": [{"name": "id", "dataType": "LONG"}, inner]})  # fmt: skip
    users, raw = "partner.ads.users", f"{SCHEMA}.raw"
    columns = [
        {"fromColumns": [f"{users}.responseSchema.id", f"{users}.id"], "toColumn": f"{raw}.id"},
        {"fromColumns": [f"{users}.responseSchema.address.city"], "toColumn": f"{raw}.name"},
    ]
    edge = {"fromEntity": ref(endpoint, "apiEndpoint"), "toEntity": ref(ends[0], "table")}
    bot.put("lineage", edge={**edge, "lineageDetails": {"columnsLineage": columns}})
    kept = [{**columns[0], "fromColumns": [f"{users}.responseSchema.id"]}, columns[1]]
    assert details_of(bot, (endpoint, ends[0]))["columnsLineage"] == kept
    assert bot.get(f"lineage/table/name/{raw}")["nodes"][0]["type"] == "apiEndpoint"


def test_2_a_second_put_replaces_the_details_and_the_stamps_are_the_servers(bot: Api, ends: tuple[Json, Json]) -> None:
    add(bot, ends, pipeline=pipeline(bot), sqlQuery="select 1", source="PipelineLineage", createdBy="somebody")
    first = details_of(bot, ends)
    assert first["pipeline"]["fullyQualifiedName"] == "runs.batch" and first["createdBy"] == "ingestion-bot"
    add(bot, ends)
    second = details_of(bot, ends)
    assert not second.keys() & {"pipeline", "sqlQuery", "columnsLineage"} and second["source"] == "Manual"


def test_3_both_ends_and_the_pipeline_must_be_there(bot: Api, ends: tuple[Json, Json]) -> None:
    run = pipeline(bot)
    gone = {"id": "00000000-0000-4000-8000-000000000000"}
    add(bot, (gone, ends[1]), 404)
    add(bot, ends, 404, pipeline={**gone, "type": "pipeline"})
    bot.call("DELETE", f"pipelines/{run['id']}", 200)
    add(bot, ends, 404, pipeline=run)
    bot.call("DELETE", f"tables/{ends[1]['id']}", 200)
    add(bot, ends, 404)
    add(bot, (ends[0], ends[0]))


def test_15_a_source_outside_its_enumeration_is_refused(bot: Api, ends: tuple[Json, Json]) -> None:
    add(bot, ends, 400, source="Guess")


def test_edges_are_named_by_their_ends_too(bot: Api, ends: tuple[Json, Json]) -> None:
    path = f"table/name/{quote(SCHEMA + '.raw')}/table/name/{quote(SCHEMA + '.clean')}"
    bot.put(f"lineage/{path}", sqlQuery="select 1", source="QueryLineage")
    assert bot.get(f"lineage/getLineageEdge/{path}")["edge"]["sqlQuery"] == "select 1"
    bot.patch(f"lineage/{path}", {"op": "add", "path": "/description", "value": "Cleans."})
    edge = details_of(bot, ends)
    assert (edge["description"], edge["sqlQuery"]) == ("Cleans.", "select 1")
    bot.call("DELETE", f"lineage/{path}", 200)
    bot.call("DELETE", f"lineage/{path}", 404)
    bot.get(f"lineage/getLineageEdge/{path}", 404)
    bot.patch(f"lineage/{path}", {"op": "add", "path": "/description", "value": "Cleans."}, status=404)


def test_incoming_edges_of_one_source_go_together(bot: Api, ends: tuple[Json, Json]) -> None:
    other = bot.table("other")
    add(bot, ends, source="QueryLineage")
    add(bot, (other, ends[1]), source="DbtLineage")
    bot.call("DELETE", f"lineage/table/{ends[1]['id']}/type/QueryLineage", 200)
    bot.call("DELETE", f"lineage/source/name/table/{SCHEMA}.clean/type/ViewLineage", 200)
    graph = bot.get(f"lineage/table/{ends[1]['id']}")
    assert [node["name"] for node in graph["nodes"]] == ["other"]


def test_a_graph_reaches_as_far_as_it_is_asked(bot: Api, ends: tuple[Json, Json]) -> None:
    last = bot.table("last")
    add(bot, ends)
    add(bot, (ends[1], last))
    path = f"lineage/table/{ends[0]['id']}"
    assert len(bot.get(path)["downstreamEdges"]) == 1
    assert len(bot.get(path, downstreamDepth=2)["downstreamEdges"]) == 2
    assert bot.get(path, downstreamDepth=0)["downstreamEdges"] == []
    bot.get(path, 400, downstreamDepth=4)
    bot.call("DELETE", f"tables/{last['id']}", 200)
    assert len(bot.get(path, downstreamDepth=2)["nodes"]) == 2, "a neighbour may be deleted"
    bot.get(f"lineage/table/{last['id']}", 404)


def test_a_hard_deletion_takes_the_edges_along(bot: Api, ends: tuple[Json, Json]) -> None:
    run = pipeline(bot)
    other = bot.table("other")
    add(bot, ends, pipeline=run)
    add(bot, (ends[0], other))
    bot.call("DELETE", f"pipelines/{run['id']}", 200, params={"hardDelete": "true"})
    assert [node["name"] for node in bot.get(f"lineage/table/{ends[0]['id']}")["nodes"]] == ["other"]
    bot.call("DELETE", f"tables/{other['id']}", 200, params={"hardDelete": "true"})
    assert bot.get(f"lineage/table/{ends[0]['id']}")["nodes"] == []


def test_40_what_the_user_interface_shows_comes_later(server: Server, bot: Api, ends: tuple[Json, Json]) -> None:
    server.search_delay = 0.4
    add(bot, ends)
    query = {"fqn": f"{SCHEMA}.raw", "type": "table"}
    assert bot.get("lineage/getLineage", **query)["downstreamEdges"] == {}
    assert bot.get(f"lineage/table/{ends[0]['id']}")["downstreamEdges"], "the other call reads what is stored"
    time.sleep(0.5)
    (edge,) = bot.get("lineage/getLineage", **query)["downstreamEdges"].values()
    assert edge["toEntity"]["fullyQualifiedName"] == f"{SCHEMA}.clean"


def test_a_container_has_columns_in_its_model(bot: Api, ends: tuple[Json, Json]) -> None:
    bot.put("services/storageServices", name="files", serviceType="CustomStorage")
    drop = bot.put("containers", name="drop", service="files", dataModel={"isPartitioned": False, "columns": COLUMNS})
    columns = [{"fromColumns": ["files.drop.id"], "toColumn": f"{SCHEMA}.raw.id"}]
    edge = {"fromEntity": ref(drop, "container"), "toEntity": ref(ends[0], "table")}
    bot.put("lineage", edge={**edge, "lineageDetails": {"columnsLineage": columns}})
    assert details_of(bot, (drop, ends[0]))["columnsLineage"] == columns
