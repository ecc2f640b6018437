"""Bad input: one clear error each, the other streams go on, what is published stays, and no secret is told.

One home goes through two batches: a good one, then one in which nearly everything is wrong.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.homes import SLOT1, SLOT2, Done, Home, holding, layer, stream

GOOD = """
sources:
  shop:
    kind: postgres
    url: ${SHOP_URL}
    owner: delivery
    streams:
      orders: {table: public.orders, primary_key: [id], cursor: updated_at}
      items: {table: public.items, primary_key: [id], cursor: updated_at}
  drops:
    kind: files
    root: drops
    owner: growth
    streams:
      names: {path: "names/*.csv", settle: 0s}
      prices: {path: "prices/*.csv", settle: 0s}
"""
BAD = """
      named: {path: named.csv, settle: 0s}
      binary: {path: "binary/*.csv", settle: 0s}
      empty: {path: "empty/*.csv", settle: 0s}
      header: {path: "header/*.csv", settle: 0s}
      never: {path: "typo/*.csv", settle: 0s}
  nofolder:
    kind: files
    root: nowhere
    owner: growth
    streams:
      any: {path: "*.csv"}
  denied:
    kind: postgres
    url: ${DENIED_URL}
    owner: delivery
    streams:
      orders: {table: public.orders, primary_key: [id], cursor: updated_at}
  dead:
    kind: postgres
    url: ${DEAD_URL}
    owner: delivery
    streams:
      orders: {table: public.orders, primary_key: [id], cursor: updated_at}
  wrong:
    kind: postgres
    url: ${SHOP_URL}
    owner: delivery
    streams:
      absent: {table: public.absent, primary_key: [id]}
      keyless: {table: public.items, primary_key: [order_id]}
"""
# Stream → (in the cause, in the remedy) of its error.
EXPECTED = {
    "shop.items": ("price", "restore it in the source"),
    "drops.prices": ("cents", "restore it in the source"),
    "drops.named": ("does not exist", "path"),
    "drops.binary": ("binary", ""),
    "nofolder.any": ("does not exist", "root"),
    "denied.orders": ("password", "url"),
    "dead.orders": ("cannot be reached", "url"),
    "wrong.absent": ("public.absent does not exist", "table"),
    "wrong.keyless": ("order_id does not exist", "sources.yml"),
}
MARKUP = "[red]<script>alert(1)<script>.csv"


def write(folder: Path, name: str, content: str | bytes) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.fixture(scope="module")
def shop(database: Callable[[str, str | bytes], str]) -> str:
    """URL of a database with two tables."""
    tables = (
        f"CREATE TABLE {name} (id bigint PRIMARY KEY, {column} text, updated_at timestamptz DEFAULT now()); "
        f"INSERT INTO {name} (id, {column}) VALUES (1, 'a'), (2, 'b'), (3, NULL);"
        for name, column in (("orders", "customer"), ("items", "price"))
    )
    return database("shop", "".join(tables))


@pytest.fixture(scope="module")
def secrets(shop: str) -> dict[str, str]:
    return {"true": urlsplit(shop).password or "", "wrong": "wr0ng-s3cret"}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, shop: str, prefect_server: str) -> Home:
    folder = tmp_path_factory.mktemp("bad")
    write(folder, "sources.yml", GOOD)
    write(folder, "drops/names/a.csv", "id,name\n1,Ada\n2,Bob\n")
    write(folder, "drops/prices/a.csv", "id,cents\n1,5\n")
    home = Home(folder / "home", folder / "sources.yml", {"SHOP_URL": shop})
    home.summary = home.run(slot=SLOT1)
    return home


@pytest.fixture(scope="module")
def bad(good: Home, shop: str, secrets: dict[str, str]) -> Done:
    """The second batch, from a shell, while a PREFECT_API_URL leads nowhere."""
    folder = good.path.parent
    with psycopg.connect(shop, autocommit=True) as database:
        database.execute("ALTER TABLE items DROP COLUMN price")
        database.execute(
            "UPDATE orders SET customer = '[red]x[/red]', updated_at = now() + interval '1 s' WHERE id = 1"
        )
    write(folder, "drops/names/b.csv", "id,name\n3,<script>alert(1)</script>\n")
    write(folder, f"drops/names/{MARKUP}", "id,name\n4,Dan\n5,too,many\n")
    write(folder, "drops/prices/b.csv", "id\n2\n")
    write(folder, "drops/binary/x.csv", bytes(range(256)) * 40)
    write(folder, "drops/empty/x.csv", "")
    write(folder, "drops/header/x.csv", "id,name\n")
    write(folder, "bad.yml", GOOD.rstrip() + BAD)
    user, _, place = shop.partition("@")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    dead = f"{user}@127.0.0.1:{port}/shop"
    denied = f"{user.rpartition(':')[0]}:{secrets['wrong']}@{place}"
    return good.hallmark(
        "run", "--sources", str(folder / "bad.yml"), "--json", DENIED_URL=denied, DEAD_URL=dead,
        PREFECT_API_URL="http://127.0.0.1:1/api", PREFECT_API_KEY="foreign",
    )  # fmt: skip


def test_a_good_batch_of_other_sources(good: Home) -> None:
    assert good.summary["state"] == "completed"
    assert good.rows("SELECT id, customer FROM bronze.shop__orders ORDER BY id") == [(1, "a"), (2, "b"), (3, None)]
    assert good.rows("SELECT id, name FROM bronze.drops__names ORDER BY id") == [("1", "Ada"), ("2", "Bob")]


def test_each_error_names_stream_cause_and_remedy(bad: Done) -> None:
    assert bad.code == 1, bad.err
    summary = bad.json
    assert (summary["state"], summary["slot"]) == ("failed", SLOT2)
    failed = {f"{s['source']}.{s['stream']}": s["error"] for s in summary["streams"] if s["status"] == "failed"}
    assert set(failed) == set(EXPECTED)
    for name, (cause, remedy) in EXPECTED.items():
        error = failed[name]
        assert set(error) == {"what", "cause", "remedy"} and error["remedy"], name
        assert name in error["what"], (name, error)
        assert cause in error["cause"], (name, error)
        assert remedy in error["remedy"], (name, error)
    assert set(summary) >= {"run_id", "slot", "state", "streams", "layers", "events", "report"}
    keys = {"source", "stream", "status", "read", "published", "unchanged", "quarantined", "bytes", "seconds", "error"}
    assert all(set(s) >= keys for s in summary["streams"])
    assert all(set(x) >= {"layer", "status", "checks", "failed"} for x in summary["layers"])
    assert set(summary["events"]) == {"delivered", "waiting", "buried"} and summary["events"]["waiting"] == 0
    assert Path(summary["report"]).is_file()


def test_the_other_streams_go_on(good: Home, bad: Done) -> None:
    summary = bad.json
    counts = ("status", "read", "published", "unchanged", "quarantined")
    found = {n: tuple(stream(summary, n)[k] for k in counts) for n in ("shop.orders", "drops.names")}
    assert found == {"shop.orders": ("published", 3, 1, 2, 0), "drops.names": ("published", 3, 2, 0, 1)}
    assert layer(summary, "bronze")["status"] == "partly published"
    empty, header, never = (stream(summary, f"drops.{n}") for n in ("empty", "header", "never"))
    assert tuple(empty[k] for k in counts) == ("published", 1, 0, 0, 1)
    assert tuple(header[k] for k in counts) == ("published", 0, 0, 0, 0) and header["warning"] is None
    assert tuple(never[k] for k in counts) == ("published", 0, 0, 0, 0) and "typo/*.csv" in never["warning"]
    reasons = good.rows("SELECT stream, position, reason_code FROM ops.quarantine ORDER BY ALL")
    assert reasons == [("empty", "empty/x.csv", "empty_file"), ("names", f"names/{MARKUP}:3", "too_many_fields")]


def test_what_was_published_is_intact(good: Home, bad: Done) -> None:
    assert good.rows("SELECT id, price FROM bronze.shop__items ORDER BY id") == [(1, "a"), (2, "b"), (3, None)]
    assert good.rows("SELECT id, cents FROM bronze.drops__prices") == [("1", "5")]
    assert good.rows("SELECT id, customer FROM bronze.shop__orders WHERE id = 1") == [(1, "[red]x[/red]")]
    statuses = dict(good.rows("SELECT stream, status FROM ops.streams WHERE source IN ('shop', 'drops')"))
    assert (statuses["items"], statuses["orders"], statuses["prices"]) == ("failed", "published", "failed")


def test_no_password_is_told_anywhere(good: Home, bad: Done, secrets: dict[str, str]) -> None:
    assert len(secrets["true"]) > 8
    assert holding(good.path, secrets) == []
    assert not [name for name, word in secrets.items() if word in bad.out + bad.err]


def test_a_report_of_other_sources_can_be_written_again(good: Home, bad: Done) -> None:
    """Without the variables of its sources: it connects to nothing."""
    page = Path(bad.json["report"])
    before = page.read_text(encoding="utf-8")
    page.unlink()
    done = Home(good.path).hallmark("report", "--json")
    assert (done.code, done.json) == (0, {"report": str(page)}), done.err
    assert "wrong.keyless" in before and "wrong.keyless" in page.read_text(encoding="utf-8")


def test_markup_in_data_is_data(good: Home, bad: Done) -> None:
    rows = good.hallmark("sql", "SELECT customer FROM bronze.shop__orders WHERE id = 1")
    assert "[red]x[/red]" in rows.out
    rows = good.hallmark("sql", "SELECT name FROM bronze.drops__names WHERE id = '3'")
    assert "<script>alert(1)</script>" in rows.out
    assert f"names/{MARKUP}:3" in good.hallmark("quarantine", "list").out
    assert "<script>alert" not in Path(bad.json["report"]).read_text(encoding="utf-8")


CONFIGURATIONS: dict[str, tuple[str, dict[str, str], list[str]]] = {
    "unknown key": (GOOD.replace("cursor:", "cursr:", 1), {"SHOP_URL": "postgresql://x"}, ["cursr", "cursor"]),
    "unset variable": (GOOD, {"SHOP_URI": "postgresql://x"}, ["${SHOP_URL}", "SHOP_URI"]),
    "unknown setting": (GOOD, {"SHOP_URL": "postgresql://x", "HALLMARK_HOEM": "x"}, ["HALLMARK_HOEM", "HALLMARK_HOME"]),
    "bad name": (GOOD.replace("names:", "na__mes:"), {"SHOP_URL": "postgresql://x"}, ["na__mes"]),
}


@pytest.mark.parametrize("case", CONFIGURATIONS)
def test_a_wrong_configuration_starts_nothing(case: str, tmp_path: Path) -> None:
    text, variables, words = CONFIGURATIONS[case]
    write(tmp_path, "sources.yml", text)
    home = Home(tmp_path / "home", None, variables)
    done = home.hallmark("run", "--sources", str(tmp_path / "sources.yml"), "--json")
    assert done.code == 2, done.err
    error = done.json["error"]
    assert set(error) == {"what", "cause", "remedy"}
    assert all(word in json.dumps(error) for word in words), error
    assert [p.name for p in tmp_path.iterdir()] == ["sources.yml"], "no home was made"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--stream", "shop.ordres"], "shop.orders"), (["--from", "sliver"], "silver"),
        (["--slot", "2026-11-22T05:00:00Z"], "2026-11-22T00:00:00Z"), (["--slot", "today"], "2026-11-22T06:00:00Z"),
        (["--profile", "cloud"], "profile"),
    ],
)  # fmt: skip
def test_a_wrong_argument_starts_nothing(arguments: list[str], word: str, tmp_path: Path) -> None:
    write(tmp_path, "sources.yml", GOOD)
    home = Home(tmp_path / "home", None, {"SHOP_URL": "postgresql://x"})
    done = home.hallmark("run", "--sources", str(tmp_path / "sources.yml"), *arguments)
    assert done.code == 2, done.err
    assert word in done.err and not done.out
    assert not home.path.exists()
