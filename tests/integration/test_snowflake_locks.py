"""Locks of a layer on Snowflake: one publisher at a time, whatever statement has to wait, and nothing half published.

The emulator only refuses what conflicts: the locks, and the refusals of Snowflake, are the proxy's.
"""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from blocks.settings import Settings
from blocks.warehouses import open_warehouse
from blocks.warehouses.base import Batch
from governance.errors import ConfigurationError, LockedError, UnreachableError
from tests.integration.test_warehouse_layers import build, publish, rows, slot
from tests.snowflake_faults import Fault, Proxy, Statement
from tests.snowflake_proxy import proxy

LOCKED = ("000625", "57014", "Statement has locked table 'X' in another transaction: timeout.")


@pytest.fixture(scope="module")
def front(snowflake: dict[str, str]) -> Iterator[tuple[Proxy, dict[str, str]]]:
    with proxy(snowflake, lock_seconds=0.2) as started:
        yield started


@pytest.fixture
def broken(front: tuple[Proxy, dict[str, str]]) -> Proxy:
    """The proxy, which breaks nothing yet."""
    front[0].clear()
    return front[0]


@pytest.fixture
def settings(front: tuple[Proxy, dict[str, str]], broken: Proxy, tmp_path: Path) -> Settings:
    """One run has published silver.a, the next one has built it."""
    values: dict[str, Any] = {name.removeprefix("HALLMARK_").lower(): value for name, value in front[1].items()}
    made = Settings(
        home=tmp_path, profile="snowflake", snowflake_database=f"T{uuid4().hex}".upper(),
        snowflake_statement_timeout=2, **values,
    )  # fmt: skip
    build(made, {"a": "SELECT 1 AS id"})
    publish(made, 1, {"a": None})
    build(made, {"a": "SELECT 2 AS id"})
    with open_warehouse(made) as warehouse, warehouse.transaction():
        warehouse.ledger.start_batch(Batch("run-2", slot(2)))
    return made


def test_of_two_publishers_of_a_layer_one_gives_way(settings: Settings, broken: Proxy) -> None:
    arrived, go = threading.Event(), threading.Event()

    def wait(statement: Statement) -> None:
        arrived.set()
        assert go.wait(60)
        statement.answer(*broken.execute(statement))

    broken.faults.append(Fault("^COMMIT", wait))
    thread = threading.Thread(target=publish, args=(settings, 2, {"a": None}))
    thread.start()
    try:
        assert arrived.wait(60)
        with pytest.raises(LockedError, match="another session holds it"):
            publish(settings, 2, {"a": None})
        with pytest.raises(LockedError, match="another session holds it"):
            build(settings, {"a": "SELECT 3 AS id"})
        assert rows(settings, "SELECT id FROM silver__audit.a") == [(2,)], "what is published is not taken away"
    finally:
        go.set()
        thread.join()
    assert rows(settings, "SELECT id FROM silver.a") == [(2,)]
    assert rows(settings, "SELECT count(*) FROM ops.publishes") == [(2,)]


@pytest.mark.parametrize("statement", ["^DESC TABLE silver", "^INSERT INTO ops.builds", "^INSERT OVERWRITE"])
def test_whatever_is_locked_out_waits(settings: Settings, broken: Proxy, statement: str) -> None:
    broken.refuse(statement, *LOCKED, times=2)
    assert publish(settings, 2, {"a": None}) == {"a": 1}
    assert broken.faults[0].seen > 2
    assert rows(settings, "SELECT id FROM silver.a") == [(2,)]


def test_a_layer_that_snowflake_refuses_stays_as_it_was(settings: Settings, broken: Proxy) -> None:
    quota = "Warehouse 'LOAD' cannot be resumed because resource monitor 'MONTH' has exceeded its quota."
    broken.refuse("^INSERT INTO ops.publishes", "090073", "57014", quota)
    with pytest.raises(UnreachableError, match="quota of the warehouse is used up"):
        publish(settings, 2, {"a": None})
    assert broken.open_transactions() == 0
    assert rows(settings, "SELECT id FROM silver.a") == [(1,)]
    assert publish(settings, 2, {"a": None}) == {"a": 1}
    assert rows(settings, "SELECT id FROM silver.a") == [(2,)]


@pytest.mark.parametrize("statement", [r"^SELECT max\(version_num\)", "^CREATE SCHEMA IF NOT EXISTS bronze"])
@pytest.mark.parametrize(
    ("code", "state", "said", "error", "remedy"),
    [
        ("000606", "57P03", "No active warehouse selected in the current session.", UnreachableError, "resume it"),
        ("003001", "42501", "Insufficient privileges to operate on schema", ConfigurationError, "grant it"),
    ],
)
def test_what_stops_the_first_statement_is_told_as_any_other(
    settings: Settings, broken: Proxy, statement: str, code: str, state: str, said: str, error: Any, remedy: str
) -> None:
    broken.refuse(statement, code, state, said)
    with pytest.raises(error) as refused, open_warehouse(_new(settings)):
        pass
    assert remedy in refused.value.remedy and "report it" not in refused.value.remedy


def _new(settings: Settings) -> Settings:
    """In which nothing is made yet."""
    return settings.model_copy(update={"snowflake_database": f"T{uuid4().hex}".upper()})
