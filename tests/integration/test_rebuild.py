"""A ledger that was lost: a run says so and changes nothing, and `doctor --repair` makes it again of what is landed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from blocks.settings import Settings
from blocks.warehouses.ledger import REPAIRING
from flows.doctor import examine
from flows.rebuild import check_ledger
from governance.errors import ConfigurationError
from tests.homes import SLOT2, Home
from tests.integration.test_ingest import ingest, results, write

LOADS = (
    "SELECT load_id, run_id, slot, identity, status, rows_read, rows_published, rows_unchanged, rows_quarantined, "
    "rows_deleted, bytes, path, lower, upper, publish_seq IS NULL FROM ops.loads WHERE status = 'published' ORDER BY 1"
)
PLACES = "SELECT id, load_id, position, reason_code, raw, byte_from, byte_to FROM ops.quarantine WHERE {} ORDER BY 1"
CURSORS = "SELECT source, stream, value FROM ops.cursors ORDER BY ALL"
SHOP = """
sources:
  shop:
    kind: files
    root: shop
    owner: growth
    streams:
      orders: {path: "orders/*.csv", settle: 0s, primary_key: [id]}
      visits: {path: "visits/*.ndjson", settle: 0s}
"""


def change(home: Home, *statements: str) -> None:
    """Do this to the warehouse, as somebody by mistake."""
    with duckdb.connect(str(home.path / "warehouse.duckdb")) as connection:
        for statement in statements:
            connection.execute(statement)


def checked(home: Home, repair: bool = False) -> dict[str, dict[str, Any]]:
    """What `hallmark doctor` finds."""
    with home.environment():
        return {f["check"]: f for f in examine(Settings.load(), repair, str(home.sources))}


def refused(home: Home, match: str) -> None:
    with home.environment(), pytest.raises(ConfigurationError, match=match) as caught:
        check_ledger(Settings.load())
    assert "doctor --repair" in caught.value.remedy


@pytest.fixture(scope="module")
def lost(second: Home, new_home: Callable[..., Home]) -> Home:
    """The sample after two slots, and its ledger is gone."""
    home = new_home(second)
    change(home, "DROP SCHEMA ops CASCADE")
    return home


def test_a_run_is_refused_and_changes_nothing(lost: Home) -> None:
    tables = ("bronze__loads", "silver", "gold")  # the views of bronze read the ledger
    before = lost.fingerprints(*tables, exact=True)
    done = lost.hallmark("run", "--json")
    assert done.code == 2, done.err
    assert "doctor --repair" in done.json["error"]["remedy"] and "bronze.crm__people" in done.json["error"]["cause"]
    assert lost.fingerprints(*tables, exact=True) == before
    told = lost.hallmark("doctor", "--json")
    assert told.code == 1 and all(
        "--repair" in f["remedy"] for f in told.json if f["check"] in ("landing", "warehouse")
    )


def test_a_repair_makes_it_again(lost: Home, second: Home) -> None:
    done = lost.hallmark("doctor", "--repair", "--sources", str(lost.sources), "--json")
    assert done.code == 0, done.out
    assert lost.fingerprints("bronze") == second.fingerprints("bronze")
    assert lost.rows(LOADS) == second.rows(LOADS)
    assert lost.rows(CURSORS) == second.rows(CURSORS)
    bronze = PLACES.format("layer = 'bronze'")
    assert lost.rows(bronze) == second.rows(bronze)
    assert lost.unknown_in_landing() == set()
    assert lost.rows("SELECT state FROM ops.batches") == [("completed",)]
    actions = {target for (target,) in lost.rows("SELECT target FROM ops.actions WHERE action = 'doctor.repair'")}
    assert actions >= {"crm.people", "drops.customers", "mailroom.mail"}


def test_the_next_run_reads_on_where_the_lost_one_ended(lost: Home) -> None:
    for source in ("crm", "drops"):
        state = ingest(lost, source)
        assert state.is_completed(), state.message
        assert {(r["published"], r["deleted"]) for r in results(state)} == {(0, 0)}
    assert lost.value("SELECT max(slot) = ?::TIMESTAMPTZ FROM ops.batches", SLOT2)


@pytest.fixture
def shop(tmp_path: Path, prefect_server: str) -> Home:
    """A home of files alone, after three runs: with an update, a broken row, and a file that came again."""
    (tmp_path / "sources.yml").write_text(SHOP)
    home = Home(tmp_path / "home", tmp_path / "sources.yml")
    home.with_parse()
    for number, rows in enumerate(("1,a\n2,b\n3\n", "2,c\n4,d\n", "1,e\n"), 1):
        write(home, f"shop/orders/{number}.csv", f"id,name\n{rows}")
        write(home, f"shop/visits/{number}.ndjson", f'{{"id": {number}, "deep": {{"a": 1.50}}}}\n')
        assert ingest(home, "shop").is_completed()
    return home


def test_a_warehouse_that_is_gone_is_made_again(shop: Home) -> None:
    bronze, loads = shop.fingerprints("bronze"), shop.rows(LOADS)
    (shop.path / "warehouse.duckdb").unlink()
    refused(shop, "empty")
    assert ingest(shop, "shop").is_failed(), "a run would load all of it once more"
    assert checked(shop, repair=True)["landing"]["ok"]
    assert (shop.fingerprints("bronze"), shop.rows(LOADS)) == (bronze, loads)
    assert [r["read"] for r in results(ingest(shop, "shop"))] == [0, 0]


def test_single_loads_that_the_ledger_lacks_come_back(shop: Home) -> None:
    bronze, loads = shop.fingerprints("bronze"), shop.rows(LOADS)
    change(shop, "DELETE FROM ops.loads WHERE stream = 'orders' AND path = 'orders/2.csv'")
    assert "doctor --repair" in checked(shop)["landing"]["remedy"]
    assert all(f["ok"] for f in checked(shop, repair=True).values())
    assert (shop.fingerprints("bronze"), shop.rows(LOADS)) == (bronze, loads)
    assert "again" not in checked(shop, repair=True)["landing"]["detail"], "there is nothing to repair any more"


def test_what_the_landing_zone_keeps_no_more_stays_in_bronze(shop: Home) -> None:
    bronze = shop.fingerprints("bronze")
    [(gone,)] = shop.rows("SELECT load_id FROM ops.loads WHERE path = 'visits/1.ndjson'")
    for file in (folder := shop.path / "landing" / "shop" / "visits" / gone).iterdir():
        file.unlink()
    folder.rmdir()
    change(shop, "DROP SCHEMA ops CASCADE")
    assert all(f["ok"] for f in checked(shop, repair=True).values())
    assert shop.fingerprints("bronze") == bronze
    [(identity, read, published)] = shop.rows(
        "SELECT identity, rows_read, rows_published FROM ops.loads WHERE load_id = ?", gone
    )
    assert (identity, read, published) == (f"shop.visits:lost:{gone}", 1, 1)


def test_a_repair_that_did_not_end_is_gone_on_with(shop: Home) -> None:
    bronze, loads = shop.fingerprints("bronze"), shop.rows(LOADS)
    assert checked(shop, repair=True)["landing"]["ok"]
    change(
        shop,
        f"INSERT INTO ops.batches (slot, run_id, state, started_at) VALUES (now(), 'r', '{REPAIRING}', now())",
        "UPDATE ops.loads SET status = 'landed', publish_seq = NULL WHERE path = 'orders/3.csv'",
    )
    refused(shop, "did not end")
    assert checked(shop, repair=True)["landing"]["ok"]
    assert (shop.fingerprints("bronze"), shop.rows(LOADS)) == (bronze, loads)
    assert shop.rows("SELECT 1 FROM ops.batches WHERE state = ?", REPAIRING) == []


def test_a_stream_that_is_not_declared_stops_the_repair_before_it_begins(shop: Home) -> None:
    assert shop.sources
    shop.sources.write_text(SHOP.replace("visits:", "others:"))
    change(shop, "DROP SCHEMA ops CASCADE")
    found = checked(shop, repair=True)["landing"]
    assert not found["ok"] and "shop.visits" in found["detail"] and "--sources" in found["remedy"]
    manifests = list((shop.path / "landing").glob("*/*/*/manifest.json"))
    assert len(manifests) == 6 and all(json.loads(m.read_text())["staging"]["run_id"] for m in manifests)
