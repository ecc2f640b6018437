"""`hallmark stream accept`: where a column vanished, or most rows, the stream stands still until somebody takes it."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.homes import SLOT1, SLOT2, Home, stream

SOURCES = """
sources:
  shop:
    kind: postgres
    url: ${SHOP_URL}
    owner: delivery
    streams:
      items: {table: public.items, primary_key: [id], cursor: updated_at}
      stock: {table: public.stock, primary_key: [id], deletes: keys}
  drops:
    kind: files
    root: drops
    owner: growth
    streams:
      prices: {path: "prices/*.csv", settle: 0s}
"""


@pytest.fixture(scope="module")
def home(
    tmp_path_factory: pytest.TempPathFactory, database: Callable[[str, str | bytes], str], prefect_server: str
) -> Home:
    """After a slot in which a column vanished, another one got another type, and a table is empty."""
    folder: Path = tmp_path_factory.mktemp("accept")
    url = database(
        "accept",
        "CREATE TABLE items (id int PRIMARY KEY, updated_at timestamptz, rate text);"
        "INSERT INTO items SELECT i, '2026-01-01Z'::timestamptz + i * interval '1 day', i || ' EUR' "
        "FROM generate_series(1, 3) i; CREATE TABLE stock AS SELECT id FROM items",
    )
    (folder / "sources.yml").write_text(SOURCES)
    (folder / "drops/prices").mkdir(parents=True)
    (folder / "drops/prices/1.csv").write_text("sku,cents\nx,1\n")
    home = Home(folder / "home", folder / "sources.yml", {"SHOP_URL": url})
    assert home.run(slot=SLOT1)["state"] == "completed"
    (folder / "drops/prices/2.csv").write_text("sku,euros\ny,2\n")
    with psycopg.connect(url, autocommit=True) as shop:
        shop.execute("ALTER TABLE items ALTER COLUMN rate TYPE int USING 7")
        shop.execute("DELETE FROM stock")
        shop.execute("UPDATE items SET updated_at = '2026-02-01Z' WHERE id = 1")
    failed = home.run(slot=SLOT2)
    assert {s["status"] for s in failed["streams"]} == {"failed"}
    return home


def test_the_next_run_publishes_and_nothing_is_lost(home: Home) -> None:
    call = ("stream", "accept", "--sources", str(home.sources), "--json")
    taken = home.hallmark(*call, "--reason", "the shop was rebuilt", "drops.prices")
    assert taken.code == 0 and "cents" in taken.json["accepted"][0], taken.err
    assert home.hallmark(*call, "shop.items").json["accepted"]
    assert home.hallmark(*call, "shop.items").json["accepted"] == [], "a second time there is nothing to take"
    told = "SELECT subject FROM ops.events WHERE type = 'hallmark.run.completed.v1' ORDER BY time DESC LIMIT 2"
    assert home.rows(told) == [("accept shop.items",), ("accept drops.prices",)]
    assert home.value("SELECT count(*) FROM ops.batches WHERE state = 'partial'") == 2
    held = "the source has no row, and bronze has 3"
    assert [e["data"]["error"]["cause"] for e in home.events() if e["type"] == "hallmark.load.held.v1"] == [held]
    assert home.rows("SELECT count(_deleted_at) FROM bronze.shop__stock") == [(0,)]
    assert (
        home.hallmark(*call, "shop.stock")
        .json["accepted"][0]
        .endswith(
            f"{held}. Remedy: mend the source, or confirm it: `hallmark stream accept shop.stock`; then run again"
        )
    )
    summary = home.run(slot=SLOT2)
    assert {s["status"] for s in summary["streams"]} == {"published"}, summary["streams"]
    assert stream(summary, "drops.prices")["published"] == 1
    assert home.rows("SELECT sku, euros FROM bronze.drops__prices ORDER BY 1") == [("x", None), ("y", "2")]
    assert home.rows("SELECT sku, cents__varchar FROM bronze__loads.drops__prices ORDER BY 1") == [
        ("x", "1"),
        ("y", None),
    ]
    assert home.rows("SELECT id, rate, rate__varchar FROM bronze.shop__items ORDER BY 1") == [
        (1, 7, None), (2, None, "2 EUR"), (3, 7, None),
    ]  # fmt: skip
    assert home.rows("SELECT count(_deleted_at) FROM bronze.shop__stock") == [(3,)]
    actions = home.rows(
        "SELECT actor, action, target, reason FROM ops.actions WHERE action = 'stream.accept' ORDER BY target"
    )
    assert [a[:3] for a in actions] == [
        (getpass.getuser(), "stream.accept", "drops.prices"), (getpass.getuser(), "stream.accept", "shop.items"),
    ]  # fmt: skip
    assert "the shop was rebuilt" in actions[0][3]


def test_a_stream_that_is_not_declared_is_refused(home: Home) -> None:
    for name in ("drops.nothing", "drops"):
        done = home.hallmark("stream", "accept", name, "--sources", str(home.sources), "--json")
        assert done.code == 2 and set(done.json["error"]) == {"what", "cause", "remedy"}
