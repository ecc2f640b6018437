"""`hallmark backfill`: landed loads come again by today's rules, once, and nothing newer is undone."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.homes import SLOT1, SLOT2, Home

SOURCES = """
sources:
  shop:
    kind: postgres
    url: ${SHOP_URL}
    owner: delivery
    streams:
      orders: {table: public.orders, primary_key: [id], cursor: updated_at, deletes: keys}
      visits: {table: public.visits}
  drops:
    kind: files
    root: drops
    owner: growth
    streams:
      prices: {path: "prices/*.csv", settle: 0s}
      names: {path: "names/*.csv", primary_key: [id], settle: 0s}
      invoices: {path: "invoices/*.xml", record: /Invoices/Invoice, settle: 0s}
"""
ACCOUNTS = (
    "SELECT load_id, stream, rows_read, rows_published, rows_unchanged, rows_quarantined, rows_deleted, status, "
    "finished_at FROM ops.loads WHERE identity NOT LIKE '%:backfill:%' ORDER BY 1"
)
BACKFILLS = (
    "SELECT rows_read, rows_published, rows_unchanged, rows_quarantined FROM ops.loads "
    "WHERE stream = ? AND identity LIKE '%:backfill:%' AND status = 'published' ORDER BY publish_seq"
)
CURSORS = "SELECT * FROM ops.cursors ORDER BY ALL"


def write(folder: Path, name: str, content: bytes | str) -> None:
    path = folder / "drops" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def backfill(home: Home, *streams: str, **arguments: Any) -> dict[str, Any]:
    from flows.backfill import backfill as flow

    with home.environment():
        state = flow(list(streams), sources=str(home.sources), **arguments, return_state=True)
        result: Any = state.result(raise_on_failure=False)
    if isinstance(result, BaseException):
        raise result
    return dict(result)


def bronze(home: Home) -> dict[str, str]:
    """Checksums; of a child table, which names the loads of its records, the number of rows."""
    return {t: f.split(",")[0] if "__line" in t else f for t, f in home.fingerprints("bronze").items()}


@pytest.fixture(scope="module")
def home(
    tmp_path_factory: pytest.TempPathFactory, database: Callable[[str, str | bytes], str], prefect_server: str
) -> Home:
    """Two slots of files and tables: rows changed, came and went between them."""
    folder = tmp_path_factory.mktemp("backfill")
    url = database(
        "backfill",
        "CREATE TABLE orders (id int PRIMARY KEY, updated_at timestamptz, name text);"
        "INSERT INTO orders SELECT i, '2026-01-01Z'::timestamptz + i * interval '1 day', 'v1' "
        "FROM generate_series(1, 20) i;"
        "CREATE TABLE visits (page text); INSERT INTO visits VALUES ('a'), ('a'), ('b')",
    )
    (folder / "sources.yml").write_text(SOURCES)
    home = Home(folder / "home", folder / "sources.yml", {"SHOP_URL": url})
    write(folder, "prices/1.csv", "sku,cents\nx,1\nx,1\ny,2\n")
    write(folder, "names/1.csv", "id,name\n1,old\n2,same\n3,kept\n")
    write(
        folder,
        "invoices/1.xml",
        "<Invoices><Invoice><No>1</No><Line><A>1</A></Line><Line><A>2</A></Line></Invoice></Invoices>",
    )
    home.run(slot=SLOT1)
    with psycopg.connect(url, autocommit=True) as shop:
        shop.execute("UPDATE orders SET name = 'v2', updated_at = '2026-03-01Z' WHERE id = 1")
        shop.execute("DELETE FROM orders WHERE id = 2")
        shop.execute("INSERT INTO visits VALUES ('c'), ('a')")
    write(folder, "prices/2.csv", b"sku,cents\nx,1\nz\xe9,3\nbroken\n")
    write(folder, "names/2.csv", "id,name\n1,new\n2,same\n")
    home.run(slot=SLOT2)
    assert home.rows("SELECT status, count(*) FROM ops.loads GROUP BY 1") == [("published", 10)]
    return home


def test_everything_again_changes_nothing(home: Home) -> None:
    data = bronze(home)
    accounts, cursors = home.rows(ACCOUNTS), home.rows(CURSORS)
    live = "SELECT id, name FROM bronze.shop__orders WHERE _deleted_at IS NULL ORDER BY 1"
    orders = home.rows(live)
    done = backfill(home, "shop", "drops")
    assert done["state"] == "completed", done
    assert bronze(home) == data and home.rows(live) == orders
    assert home.rows(ACCOUNTS) == accounts and home.rows(CURSORS) == cursors
    for stream in ("orders", "visits", "prices", "names", "invoices", "invoices__line"):
        found = home.rows(BACKFILLS, stream)
        assert found and all(read == sum(rest) for read, *rest in found), (stream, found)
    assert home.rows(BACKFILLS, "names") == [(3, 0, 2, 1), (2, 0, 2, 0)]
    assert sum(r[1] for r in home.rows(BACKFILLS, "orders")) == 0, "what is deleted or newer in bronze stays"
    assert sum(r[1] for r in home.rows(BACKFILLS, "visits")) == 0
    assert [r[:2] for r in home.rows(BACKFILLS, "prices")] == [(3, 3), (3, 2)], "append-only: they take the place"
    waiting = "SELECT count(*) FROM ops.quarantine WHERE stream = 'prices' AND replayed_at IS NULL"
    assert home.value(waiting) == 1, "a row that is refused again is in quarantine once"
    layers = [x["layer"] for x in done["layers"]]
    assert layers == ["bronze", "silver", "gold"]
    again = home.run()
    assert sum(s["published"] for s in again["streams"]) == 0 and bronze(home) == data


def test_an_older_load_does_not_undo_a_newer_one(home: Home) -> None:
    data = bronze(home)
    oldest = home.value("SELECT load_id FROM ops.loads WHERE stream = 'names' AND path = 'names/1.csv'")
    done = backfill(home, "drops.names", loads=[oldest])
    assert done["streams"][0]["published"] == 0 and done["streams"][0]["quarantined"] == 1
    assert backfill(home, "shop.orders", lower=SLOT1, upper=SLOT1)["streams"][0]["published"] == 0
    assert bronze(home) == data


def test_todays_rules_count_and_the_rows_are_there_once(home: Home) -> None:
    text = home.sources.read_text()
    home.sources.write_text(text.replace('"prices/*.csv"', '"prices/*.csv", delimiter: ";"'))
    try:
        done = backfill(home, "drops.prices", lower=SLOT2)
    finally:
        home.sources.write_text(text)
    assert done["streams"][0]["error"], "other columns: they vanished, and nothing is published"
    assert home.value("SELECT count(*) FROM bronze.drops__prices") == 5
    home.sources.write_text(text.replace('"prices/*.csv"', '"prices/*.csv", encoding: cp1250'))
    try:
        done = backfill(home, "drops.prices", lower=SLOT2)
    finally:
        home.sources.write_text(text)
    assert done["state"] == "completed", done
    assert home.value("SELECT count(*) FROM bronze.drops__prices") == 5
    assert home.value("SELECT count(DISTINCT (_load_id, _source_position)) FROM bronze.drops__prices") == 5


def test_a_range_of_a_table_is_read_again(home: Home) -> None:
    with psycopg.connect(home.variables["SHOP_URL"], autocommit=True) as shop:
        shop.execute("UPDATE orders SET name = 'mended' WHERE id IN (5, 15)")  # and the cursor was forgotten
    cursors = home.rows(CURSORS)
    done = backfill(home, "shop.orders", lower="2026-01-04", upper="2026-01-10")
    assert (done["streams"][0]["read"], done["streams"][0]["published"]) == (7, 1)
    assert home.rows("SELECT id FROM bronze.shop__orders WHERE name = 'mended'") == [(5,)]
    assert home.rows(CURSORS) == cursors


def test_a_range_without_rows_is_nothing_to_do(home: Home) -> None:
    before = home.rows("SELECT * FROM ops.loads ORDER BY ALL"), home.rows("SELECT * FROM ops.batches ORDER BY ALL")
    call = ("backfill", "shop.orders", "--from", "2031-01-01", "--sources", str(home.sources), "--yes")
    done = home.hallmark(*call, "--json")
    assert (done.code, done.json["state"]) == (0, "nothing_to_do") and "nothing to do" in home.hallmark(*call).out
    assert backfill(home, "shop.orders", lower="2031-01-01")["state"] == "nothing_to_do"
    after = home.rows("SELECT * FROM ops.loads ORDER BY ALL"), home.rows("SELECT * FROM ops.batches ORDER BY ALL")
    assert after == before


@pytest.mark.parametrize("option", ["--from", "--to"])
def test_a_bound_that_is_no_value_of_the_cursor_is_named(home: Home, option: str) -> None:
    call = ("backfill", "shop.orders", option, "yesterdayish", "--sources", str(home.sources), "--yes", "--json")
    done = home.hallmark(*call)
    error = done.json["error"]
    assert done.code == 2 and error["what"] == "stream shop.orders", error
    assert f"{option} yesterdayish" in error["cause"] and "updated_at" in error["cause"], error
    assert "timestamptz" in error["remedy"]


def test_the_console_is_as_quiet_as_that_of_a_run(home: Home) -> None:
    call = ("backfill", "shop.orders", "--from", "2026-01-09", "--to", "2026-01-10", "--sources", str(home.sources))
    done = home.hallmark(*call, "--yes", "--json")
    assert done.json["state"] == "completed" and done.err == ""


def test_the_plan_is_shown_and_wants_a_yes(home: Home) -> None:
    loads = home.value("SELECT count(*) FROM ops.loads")
    call = ("backfill", "drops.prices", "--sources", str(home.sources))
    asked = home.hallmark(*call)
    assert asked.code == 2 and "drops.prices" in asked.out and "--yes" in asked.err
    assert home.hallmark(*call, "--json").json["error"]["remedy"]
    for wrong in (
        ("drops.nothing",), ("drops.prices", "--loads", "unknown"), ("drops.prices", "--from", "2026-01-01"),
        ("shop.orders", "--from", SLOT1, "--to", "2026-01-01"),
    ):  # fmt: skip
        done = home.hallmark("backfill", *wrong, "--sources", str(home.sources), "--yes", "--json")
        assert done.code == 2 and set(done.json["error"]) == {"what", "cause", "remedy"}, wrong
    assert home.value("SELECT count(*) FROM ops.loads") == loads
    nothing = home.hallmark(
        "backfill", "drops.prices", "--from", "2027-01-01T00:00:00Z", "--sources", str(home.sources)
    )
    assert nothing.code == 0 and "nothing to do" in nothing.out
    done = home.hallmark(*call, "--yes", "--json")
    assert done.code == 0, done.err
    assert done.json["state"] == "completed" and done.json["plan"]["loads"] == 2
    assert home.value("SELECT count(*) FROM bronze.drops__prices") == 5


def test_a_killed_backfill_is_resumed_by_the_same_call(home: Home) -> None:
    data, loads = bronze(home), home.value("SELECT count(*) FROM ops.loads")
    call = ("backfill", "drops", "--sources", str(home.sources), "--yes", "--json")
    process = home.start(*call)
    known, until = set((home.path / "landing").glob("drops/prices/*")), time.monotonic() + 120
    while set((home.path / "landing").glob("drops/prices/*")) == known and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert bronze(home) == data
    done = home.hallmark(*call)
    assert done.code == 0, done.err
    assert bronze(home) == data
    stuck = "SELECT count(*) FROM ops.loads WHERE status IN ('planned', 'landed')"
    assert home.value(stuck) == 0 and home.value("SELECT count(*) FROM ops.loads") > loads
