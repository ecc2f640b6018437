"""One contract, every warehouse: a layer is published as a whole, by DML alone, and can go back to a kept slot."""

import logging
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from blocks.settings import Settings
from blocks.warehouses import open_warehouse
from blocks.warehouses.base import Batch, LayerPublish
from blocks.warehouses.ledger import ALIVE_MINUTES, STREAMS, holder
from flows.context import SOURCES, Context
from flows.runs import alive, start
from governance.errors import ConfigurationError, LockedError
from governance.model import Event

FIRST = datetime(2026, 11, 22, 0, tzinfo=UTC)
DDL = re.compile(r"^\s*(CREATE|ALTER|DROP|TRUNCATE|GRANT|COMMENT)\b", re.I)


def slot(number: int) -> datetime:
    return FIRST + timedelta(hours=6 * number)


def build(settings: Settings, tables: Mapping[str, str]) -> None:
    """What dbt does: tables in the audit schema, each by a SELECT."""
    with open_warehouse(settings) as warehouse:
        warehouse.prepare_layer("silver", [], full=False)
        for name, select in tables.items():
            warehouse.execute(f"CREATE TABLE silver__audit.{name} AS {select}")


def publish(settings: Settings, number: int, models: Mapping[str, str | None], **more: Any) -> Mapping[str, int]:
    batch = Batch(f"run-{number}", slot(number))
    with open_warehouse(settings) as warehouse:
        told = Event.of("hallmark.publish.completed.v1", "silver", batch.run_id, slot(number))
        return warehouse.publish_layer(LayerPublish("silver", batch, models, **more), (), lambda rows: [told])


def nothing(_: object) -> list[Event]:
    return []


def rows(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    with open_warehouse(settings) as warehouse:
        return warehouse.execute(sql)


def test_full_models_are_replaced_and_a_new_shape_comes_with_them(settings: Settings) -> None:
    build(settings, {"a": "SELECT 1 AS id, 'x' AS old", "b": "SELECT 1 AS id"})
    assert publish(settings, 1, {"a": None, "b": None}) == {"a": 1, "b": 1}
    build(settings, {"a": "SELECT 2 AS id, 'y' AS new UNION ALL SELECT 3, NULL", "b": "SELECT 'text' AS id"})
    assert publish(settings, 2, {"a": None, "b": None}) == {"a": 2, "b": 1}
    with open_warehouse(settings) as warehouse:
        assert warehouse.query("SELECT * FROM silver.a ORDER BY id") == [{"id": 2, "new": "y"}, {"id": 3, "new": None}]
        assert warehouse.query("SELECT * FROM silver.b") == [{"id": "text"}]
        assert [e.subject for e in warehouse.ledger.unrelayed(10)] == ["silver", "silver"]
    assert rows(settings, "SELECT dataset, rows_before, rows_after FROM ops.builds ORDER BY run_id, dataset") == [
        ("silver.a", 0, 1), ("silver.b", 0, 1), ("silver.a", 1, 2), ("silver.b", 1, 1),
    ]  # fmt: skip


def test_an_incremental_model_changes_only_the_keys_of_this_slot(settings: Settings) -> None:
    stamp = "CAST('{0}' AS TIMESTAMP WITH TIME ZONE) AS _slot"
    first = stamp.format(slot(1).isoformat())
    build(settings, {"a": f"SELECT 1 AS id, 'one' AS v, {first} UNION ALL SELECT 2, 'two', {first.split(' AS _')[0]}"})
    publish(settings, 1, {"a": "id"}, full=True)
    with open_warehouse(settings) as warehouse:
        warehouse.prepare_layer("silver", ["a"], full=False)  # starts from what is published
        warehouse.execute("DELETE FROM silver__audit.a WHERE id = 2")
        second = stamp.format(slot(2).isoformat())
        warehouse.execute(f"INSERT INTO silver__audit.a SELECT 2, 'changed', {second}")
        warehouse.execute(f"INSERT INTO silver__audit.a SELECT 3, 'new', {second}")
    assert publish(settings, 2, {"a": "id"}) == {"a": 3}
    assert rows(settings, "SELECT id, v FROM silver.a ORDER BY id") == [(1, "one"), (2, "changed"), (3, "new")]


def test_what_fails_in_the_transaction_leaves_the_layer_as_it_was(settings: Settings) -> None:
    build(settings, {"a": "SELECT 1 AS id", "b": "SELECT 1 AS id"})
    publish(settings, 1, {"a": None, "b": None})
    build(settings, {"a": "SELECT 2 AS id", "b": "SELECT 2 AS id"})

    def stop(_: object) -> list[Event]:
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"), open_warehouse(settings) as warehouse:
        warehouse.publish_layer(LayerPublish("silver", Batch("r", slot(2)), {"a": None, "b": None}), (), stop)
    assert rows(settings, "SELECT id FROM silver.a UNION ALL SELECT id FROM silver.b") == [(1,), (1,)]
    assert rows(settings, "SELECT count(*) FROM ops.publishes") == [(1,)]
    publish(settings, 2, {"a": None, "b": None})
    with pytest.raises(RuntimeError, match="stopped"), open_warehouse(settings) as warehouse:
        warehouse.rollback("silver", Batch("back", slot(1)), stop)
    assert rows(settings, "SELECT id FROM silver.a UNION ALL SELECT id FROM silver.b") == [(2,), (2,)]
    assert rows(settings, "SELECT count(*) FROM ops.publishes") == [(2,)]


def test_a_layer_goes_back_to_one_of_the_last_four_slots(settings: Settings) -> None:
    for number in range(1, 8):
        build(settings, {"a": f"SELECT {number} AS id", **({"late": "SELECT 1 AS id"} if number > 4 else {})})
        publish(settings, number, {"a": None, **({"late": None} if number > 4 else {})}, loads_upto=number)
    with open_warehouse(settings) as warehouse:
        with pytest.raises(ConfigurationError, match="is not kept") as refused:
            warehouse.rollback("silver", Batch("back", slot(1)), nothing)
        assert f"{slot(4):%Y-%m-%dT%H:%M:%SZ}" in refused.value.remedy
        assert warehouse.rollback("silver", Batch("back", slot(4)), nothing) == {"a": 1}
        assert warehouse.execute("SELECT id FROM silver.a") == [(4,)]
        assert warehouse.ledger.last_publish("silver") == (4, "")
        warehouse.rollback("silver", Batch("forth", slot(7)), nothing)  # what was there before can be gone back to
        assert warehouse.execute("SELECT id FROM silver.a") == [(7,)]
        for number in (5, 6, 4):  # each of the last four, whichever was gone back to before
            warehouse.rollback("silver", Batch(f"back-{number}", slot(number)), nothing)
            assert warehouse.execute("SELECT id FROM silver.a") == [(number,)]
        assert len(warehouse.tables("silver__kept")) <= 2 * 4


def test_a_view_that_somebody_made_in_a_layer_is_left_alone(settings: Settings) -> None:
    for number in (1, 2, 3):
        build(settings, {"a": f"SELECT {number} AS id"})
        assert publish(settings, number, {"a": None}) == {"a": 1}
        if number == 1:
            rows(settings, "CREATE VIEW silver.of_an_analyst AS SELECT id + 1 AS next FROM silver.a")
    with open_warehouse(settings) as warehouse:
        assert warehouse.rollback("silver", Batch("back", slot(1)), nothing) == {"a": 1}
        assert warehouse.execute("SELECT next FROM silver.of_an_analyst") == [(2,)]
        assert (warehouse.tables("silver"), warehouse.tables("silver", views=True)) == (["a"], ["of_an_analyst"])


def test_a_run_that_another_one_found_over_publishes_nothing(settings: Settings) -> None:
    for number in (1, 2):
        build(settings, {"a": f"SELECT {number} AS id"})
        publish(settings, number, {"a": None})
    build(settings, {"a": "SELECT 3 AS id"})
    with open_warehouse(settings) as warehouse:
        for number in (3, 4):
            warehouse.ledger.start_batch(Batch(f"run-{number}", slot(number)))
    with pytest.raises(LockedError, match="took it for dead"):
        publish(settings, 3, {"a": None})
    with pytest.raises(LockedError, match="took it for dead"), open_warehouse(settings) as warehouse:
        warehouse.rollback("silver", Batch("run-3", slot(1)), nothing)
    assert rows(settings, "SELECT id FROM silver.a") == [(2,)]
    assert publish(settings, 4, {"a": None}) == {"a": 1}
    assert rows(settings, "SELECT stream, status FROM ops.streams") == [("silver", "published")]
    assert rows(settings, f"SELECT * FROM {STREAMS} AS s") == [], "no list of streams has the layer"


def test_a_run_of_another_machine_is_dead_only_without_a_sign_of_life(settings: Settings) -> None:
    mine, theirs = Batch("mine", slot(2)), Batch("theirs", slot(1))
    with open_warehouse(settings) as warehouse:
        start(warehouse, theirs, shared=True)
        assert not warehouse.ledger.elsewhere(), "of this machine there is a lock, which is held"
        warehouse.execute("UPDATE ops.heartbeats SET holder = 'another-host:7'")
        with pytest.raises(LockedError) as refused:
            start(warehouse, mine, shared=True, wait=0.1)
        assert refused.value.exit_code == 3
        assert "host another-host, process 7, slot 2026-11-22T06:00:00Z" in refused.value.cause
        assert warehouse.execute("SELECT run_id, state FROM ops.batches") == [("theirs", "running")]
        silent = f"current_timestamp - INTERVAL '{ALIVE_MINUTES + 1} minutes'"
        warehouse.execute(f"UPDATE ops.heartbeats SET beat_at = {silent}, holder = ?", (holder(),))
        context = Context(settings, SOURCES, theirs)
        fresh = f"SELECT 1 FROM ops.heartbeats WHERE beat_at > {silent}"
        with alive(context, pause=0.1):
            until = time.monotonic() + 20
            while not warehouse.execute(fresh) and settings.profile != "local" and time.monotonic() < until:
                time.sleep(0.1)
        assert bool(warehouse.execute(fresh)) is (settings.profile != "local")
        warehouse.execute(f"UPDATE ops.heartbeats SET beat_at = {silent}, holder = 'another-host:7'")
        assert start(warehouse, mine, shared=True) == 1
        assert set(warehouse.execute("SELECT run_id, state FROM ops.batches")) == {
            ("theirs", "failed"), ("mine", "running"),
        }  # fmt: skip


def test_no_definition_stands_between_begin_and_commit(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    if settings.profile == "local":
        pytest.skip("DuckDB rolls definitions back")
    build(settings, {"a": "SELECT 1 AS id, 'x' AS old"})
    publish(settings, 1, {"a": None})
    build(settings, {"a": "SELECT 1 AS id, 'x' AS new"})
    with caplog.at_level(logging.DEBUG, "snowflake.connector.cursor"):
        publish(settings, 2, {"a": None})
    log = statements(caplog)
    began, ended = log.index("BEGIN"), log.index("COMMIT")
    within = log[began + 1 : ended]
    assert any(s.startswith("INSERT OVERWRITE INTO silver.") for s in within), log
    assert not [s for s in within if DDL.match(s)]
    assert any(DDL.match(s) for s in log[:began]), "the test reads the log: definitions are before"


def statements(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the connector sent."""
    found = (re.search(r"(?:query|command): \[(.*)\]$", r.getMessage(), re.S) for r in caplog.records)
    return [m[1] for m in found if m]


def test_the_next_pod_of_a_run_takes_over_at_once_and_the_one_before_it_publishes_nothing(settings: Settings) -> None:
    for number in (1, 2):
        build(settings, {"a": f"SELECT {number} AS id"})
        publish(settings, number, {"a": None})
    again, earlier = Batch("run-3", slot(3)), "pod-1:7"
    build(settings, {"a": "SELECT 3 AS id"})
    with open_warehouse(settings) as warehouse:
        assert start(warehouse, again, shared=True) == 1
        warehouse.execute("UPDATE ops.heartbeats SET holder = ?", (earlier,))
        with pytest.raises(LockedError, match="pod-1:7 goes on with it"):
            publish(settings, 3, {"a": None})
        warehouse.ledger.finish_batch(again, "failed", None)
        assert warehouse.ledger.batch_of("run-3") == (slot(3), "running"), "it does not end what another goes on with"
        assert start(warehouse, again, shared=True, wait=0) == 2, "it waits for no sign of its own life"
        assert start(warehouse, again, shared=True, wait=0) == 3
        assert warehouse.execute("SELECT holder FROM ops.heartbeats") == [(holder(),)]
    assert publish(settings, 3, {"a": None}) == {"a": 1}
    with open_warehouse(settings) as warehouse:
        assert warehouse.ledger.batch_of("run-3") == (slot(3), "running")
        warehouse.ledger.finish_batch(again, "completed", None)
        assert warehouse.ledger.batch_of("run-3") == (slot(3), "completed")
        assert warehouse.ledger.batch_of("another") is None
