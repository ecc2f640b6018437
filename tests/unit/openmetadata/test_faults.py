"""Failures on demand, and what the stand-in tells a test."""

import pickle
import socket
import threading
import time

import httpx
import pytest

from tests.openmetadata.server import Server
from tests.unit.openmetadata.api import SCHEMA, Api, furnish


@pytest.mark.parametrize("kind", ["503", "429", "401", "500"])
def test_the_nth_call_is_refused_and_nothing_is_done(server: Server, bot: Api, kind: str) -> None:
    server.fail("PUT", r"/tables$", 2, kind, times=2)  # type: ignore[arg-type]
    bot.table("a")
    body = {"name": "b", "databaseSchema": SCHEMA, "columns": []}
    for _ in range(2):
        answer = bot.http.put("tables", json=body)
        assert answer.status_code == int(kind) and answer.json()["code"] == int(kind)
        assert ("retry-after" in answer.headers) == (kind == "503")
    bot.named("tables", f"{SCHEMA}.b", 404)
    bot.call("PUT", "tables", 201, body)


def test_a_connection_is_reset_before_anything_is_done(server: Server, bot: Api) -> None:
    server.fail("PUT", "/tables", 1, "reset")
    with pytest.raises(httpx.TransportError):
        bot.table()
    bot.named("tables", f"{SCHEMA}.orders", 404)
    assert [call.status for call in server.writes][-1] == 0


def test_an_answer_is_lost_after_all_is_done(server: Server, bot: Api) -> None:
    server.fail("*", "/tables", 1, "accept-then-die")
    with pytest.raises(httpx.RemoteProtocolError):
        bot.table()
    bot.named("tables", f"{SCHEMA}.orders")
    assert server.writes[-1].status == 201


def test_a_call_stalls_until_it_is_released(server: Server, bot: Api) -> None:
    server.fail("PUT", "/tables", 1, "stall")
    with pytest.raises(httpx.ReadTimeout):
        bot.http.put("tables", json={}, timeout=0.1)
    server.fail("PUT", "/tables", 1, "stall")
    answers: list[str] = []
    thread = threading.Thread(target=lambda: answers.append(bot.table()["name"]))
    thread.start()
    time.sleep(0.2)
    assert answers == []
    server.release()
    thread.join(5)
    assert answers == ["orders"]


def test_an_unknown_fault_is_named(server: Server) -> None:
    with pytest.raises(ValueError, match="accept-then-die"):
        server.fail("PUT", "x", 1, "flood")  # type: ignore[arg-type]


def test_answers_take_their_time(server: Server, bot: Api) -> None:
    server.latency = 0.2
    start = time.monotonic()
    bot.get("tables")
    assert time.monotonic() - start >= 0.2


def test_while_it_is_down_its_port_refuses_and_what_it_holds_stays(server: Server, bot: Api) -> None:
    bot.table()
    server.down()
    with pytest.raises(httpx.ConnectError):
        bot.get("tables")
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", int(server.url.split(":")[2].split("/")[0])))
    server.up()
    bot.named("tables", f"{SCHEMA}.orders")


def test_calls_and_writes_are_listed(server: Server, bot: Api) -> None:
    before = len(server.calls)
    bot.table("a/b")
    bot.named("tables", f"{SCHEMA}.a/b")
    bot.named("tables", "x", 404)
    assert [(call.method, call.path, call.status) for call in server.calls[before:]] == [
        ("PUT", "/api/v1/tables", 201),
        ("GET", f"/api/v1/tables/name/{SCHEMA}.a/b", 200),
        ("GET", "/api/v1/tables/name/x", 404),
    ]
    assert len(server.writes) == 4


def fill(server: Server) -> None:
    api = Api(server, server.token)
    furnish(api)
    one, two = api.table("orders"), api.table("other")
    edge = {"fromEntity": {"id": one["id"], "type": "table"}, "toEntity": {"id": two["id"], "type": "table"}}
    api.put("lineage", edge={**edge, "lineageDetails": {"sqlQuery": "select 1"}})
    api.case()
    at = int(time.time() * 1000)
    api.result(f"{SCHEMA}.orders.id.filled", at, "Failed")


def test_two_servers_that_were_told_the_same_have_the_same_snapshot(server: Server) -> None:
    fill(server)
    with Server() as other:
        fill(other)
        assert other.snapshot() == server.snapshot()
        assert other.snapshot(times=True) != server.snapshot(times=True)
        api = Api(other, other.token)
        api.table("orders", description="New.")
        assert other.snapshot() != server.snapshot()
    assert server.snapshot()["lineage"] == {
        f"table {SCHEMA}.orders -> table {SCHEMA}.other": {"source": "Manual", "sqlQuery": "select 1"}
    }
    assert server.snapshot()["incidents"][f"{SCHEMA}.orders.id.filled"][0]["testCaseResolutionStatusType"] == "New"


def test_what_it_holds_survives_in_a_file(server: Server) -> None:
    fill(server)
    state, tokens = pickle.loads(pickle.dumps((server.state, server.tokens)))
    with Server(state, tokens=tokens) as other:
        assert other.snapshot(times=True) == server.snapshot(times=True)
        assert Api(other, server.token).get("tables")["paging"]["total"] == 2


def test_40_search_finds_a_name_after_a_while(server: Server, bot: Api) -> None:
    server.search_delay = 0.4
    bot.table()
    query = {"q": f'fullyQualifiedName:"{SCHEMA}.orders"', "index": "table_search_index"}
    assert bot.get("search/query", **query)["hits"]["hits"] == []
    time.sleep(0.5)
    (hit,) = bot.get("search/query", **query)["hits"]["hits"]
    assert hit["_source"]["fullyQualifiedName"] == f"{SCHEMA}.orders"


def test_40_incidents_and_results_are_listed_after_a_while(server: Server, bot: Api) -> None:
    bot.table()
    bot.case()
    server.search_delay = 0.4
    bot.result(f"{SCHEMA}.orders.id.filled", 1000, "Failed")
    incidents, results = "testCaseIncidentStatus?startTs=0", "testCaseResults/search/list"
    for path in (incidents, results):
        assert bot.get(f"dataQuality/testCases/{path}")["data"] == []
    time.sleep(0.5)
    for path in (incidents, results):
        assert len(bot.get(f"dataQuality/testCases/{path}")["data"]) == 1


def test_a_call_that_stalls_ends_when_the_server_goes_down(server: Server, bot: Api) -> None:
    server.fail("GET", "/tables", 1, "stall")
    ended: list[type[Exception]] = []

    def call() -> None:
        try:
            bot.get("tables")
        except httpx.TransportError as error:
            ended.append(type(error))

    thread = threading.Thread(target=call)
    thread.start()
    time.sleep(0.2)
    server.down()
    thread.join(5)
    assert ended
