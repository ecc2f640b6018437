"""`ingest` as a deployment starts it: one source by itself, under the lock of the batch, completing no slot."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from prefect.client.schemas.objects import State

from blocks.lock import exclusive
from governance.errors import ConfigurationError
from tests.homes import Home

DROPS = """
sources:
  shop:
    kind: files
    root: shop
    owner: growth
    streams:
      orders: {path: "orders/*.csv", settle: 0s}
      visits: {path: "visits/*.ndjson", settle: 0s, primary_key: [id]}
  other:
    kind: files
    root: other
    owner: growth
    streams:
      things: {path: "*.csv", settle: 0s}
"""


def ingest(home: Home, source: str, stream: str | None = None) -> State[list[dict[str, Any]]]:
    """The flow, as a worker runs it for a deployment's parameters."""
    from flows.ingest import ingest as flow

    with home.environment():
        return flow(source=source, stream=stream, sources=str(home.sources or "") or None, return_state=True)


def results(state: State[Any]) -> list[dict[str, Any]]:
    """What it found of each stream."""
    return list(state.result(raise_on_failure=False))


def write(home: Home, name: str, text: str) -> None:
    path = home.path.parent / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> Home:
    """One home, for one test after the other."""
    folder = tmp_path_factory.mktemp("ingest")
    (folder / "sources.yml").write_text(DROPS)
    home = Home(folder / "home", folder / "sources.yml")
    write(home, "shop/orders/a.csv", "id,name\n1,a\n2,b\n3\n")
    write(home, "shop/visits/a.ndjson", '{"id": 1}\n{"id": 2}\n')
    write(home, "other/a.csv", "x\n1\n")
    return home


def batches(home: Home) -> Counter[str]:
    """State → runs that ended with it."""
    return Counter(state for (state,) in home.rows("SELECT state FROM ops.batches"))


def test_a_source_by_itself_is_read_and_no_other(home: Home) -> None:
    state = ingest(home, "shop")
    assert state.is_completed()
    found = {r["stream"]: (r["status"], r["read"], r["published"], r["quarantined"]) for r in results(state)}
    assert found == {"orders": ("published", 3, 2, 1), "visits": ("published", 2, 2, 0)}
    assert home.rows("SELECT id, name FROM bronze.shop__orders ORDER BY id") == [("1", "a"), ("2", "b")]
    assert not home.rows("SELECT 1 FROM ops.loads WHERE source = 'other'")
    told = home.rows("SELECT subject FROM ops.events WHERE type = 'hallmark.load.published.v1' ORDER BY 1")
    assert told == [("shop.orders",), ("shop.visits",)]
    write(home, "shop/orders/b.csv", "id,name\n4,d\n")
    write(home, "shop/visits/b.ndjson", '{"number": 3}\n')
    again = results(ingest(home, "shop", "orders"))
    assert [(r["stream"], r["read"], r["published"]) for r in again] == [("orders", 1, 1)]
    assert batches(home) == {"partial": 2}


def test_a_stream_that_fails_fails_the_run_and_no_other_stream(home: Home) -> None:
    write(home, "shop/orders/c.csv", "id,name\n5,e\n")
    state = ingest(home, "shop")
    assert state.is_failed() and state.message and "shop.visits: " in state.message
    assert "no column id" in state.message and "shop.orders" not in state.message
    found = {r["stream"]: (r["status"], r["published"]) for r in results(state)}
    assert found == {"orders": ("published", 1), "visits": ("failed", 0)}
    assert batches(home) == {"partial": 2, "failed": 1}
    [(subject, data)] = home.rows("SELECT subject, data FROM ops.events WHERE type = 'hallmark.load.failed.v1'")
    assert subject == "shop.visits" and json.loads(data)["error"]["remedy"]


@pytest.mark.parametrize(("source", "stream"), [("shops", None), ("shop", "order")])
def test_what_is_not_declared_is_said(home: Home, source: str, stream: str | None) -> None:
    before = batches(home)
    state = ingest(home, source, stream)
    assert state.is_failed()
    with pytest.raises(ConfigurationError, match="not declared"):
        state.result()
    assert batches(home) == before, "nothing was begun"


def test_it_waits_until_the_batch_has_ended(home: Home) -> None:
    held, ended = threading.Event(), list[datetime]()
    before = batches(home).total()

    def batch() -> None:
        with exclusive(home.path / "batch.lock", "the batch"):
            held.set()
            time.sleep(3)
            ended.append(datetime.now(UTC))

    thread = threading.Thread(target=batch)
    thread.start()
    assert held.wait(10)
    assert ingest(home, "other").is_completed()
    thread.join()
    assert home.value("SELECT max(started_at) FROM ops.batches") >= ended[0]
    assert batches(home).total() == before + 1
    assert home.value("SELECT count(*) FROM bronze.other__things") == 1


def test_the_slot_is_still_to_do_and_the_batch_reads_nothing_twice(home: Home) -> None:
    write(home, "shop/visits/b.ndjson", '{"id": 3}\n')
    slots = home.rows("SELECT DISTINCT slot FROM ops.batches")
    runs = {run_id for (run_id,) in home.rows("SELECT run_id FROM ops.batches")}
    summary = home.run()
    assert (summary["state"], [(datetime.fromisoformat(summary["slot"]),)]) == ("completed", slots)
    read = {f"{s['source']}.{s['stream']}": s["read"] for s in summary["streams"]}
    assert read == {"shop.orders": 0, "shop.visits": 1, "other.things": 0}
    assert {e["data"]["run_id"] for e in home.events()} >= {*runs, summary["run_id"]}, "the batch delivers for all"
    write(home, "other/b.csv", "x\n2\n")
    [found] = results(ingest(home, "other"))
    assert found["published"] == 1
    assert home.run(slot=summary["slot"])["state"] == "nothing_to_do", "an ingest leaves a complete slot complete"
