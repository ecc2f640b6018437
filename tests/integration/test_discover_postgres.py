"""`hallmark discover` on databases that nobody declared: what it prints runs, and names no secret."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.homes import ended, stream
from tests.integration.discover_support import INPUTS, home_of, proposed, run

DUMP = INPUTS / "oltp" / "pthom__northwind_psql" / "northwind.sql"

SHOP = """
CREATE SCHEMA "Sales"; CREATE SCHEMA archive;
CREATE TABLE customers (id int PRIMARY KEY, name text, joined text, updated_at timestamptz NOT NULL);
INSERT INTO customers SELECT n, 'customer ' || n, n % 28 + 1 || '/02/2026', now() FROM generate_series(1, 30) n;
CREATE TABLE orders (line int, shop int, modified timestamp, PRIMARY KEY (shop, line));
INSERT INTO orders SELECT n, 1, now() FROM generate_series(1, 20) n;
CREATE TABLE rarely (id int PRIMARY KEY, last_update timestamptz);
INSERT INTO rarely SELECT n, CASE WHEN n = 1 THEN now() END FROM generate_series(1, 20) n;
CREATE TABLE log (at timestamptz, updated_at timestamptz NOT NULL);
INSERT INTO log VALUES (now(), now()), (now(), now());
CREATE TABLE codes (code text NOT NULL UNIQUE, label text);
INSERT INTO codes VALUES ('a', 'A');
CREATE TABLE "Sales"."OrderDetails" ("Id" int PRIMARY KEY, "UpdatedAt" date NOT NULL);
INSERT INTO "Sales"."OrderDetails" VALUES (1, '2026-01-01');
CREATE TABLE archive.orders (id int PRIMARY KEY);
CREATE TABLE days (day date, id int, PRIMARY KEY (day, id)) PARTITION BY RANGE (day);
CREATE TABLE days_2026 PARTITION OF days FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO days VALUES ('2026-03-01', 1);
CREATE TABLE "dotted.name" (id int);
CREATE TABLE hidden (id int PRIMARY KEY);
CREATE VIEW good_customers AS SELECT * FROM customers;
CREATE ROLE reader LOGIN PASSWORD 'p@ss:w/rd';
GRANT USAGE ON SCHEMA "Sales", archive TO reader;
GRANT SELECT ON ALL TABLES IN SCHEMA public, "Sales", archive TO reader;
REVOKE SELECT ON hidden FROM reader;
"""


@pytest.fixture(scope="module")
def shop(database: Callable[[str, str | bytes], str]) -> str:
    """URL of a small shop, by a user who may only read; the password is percent-encoded."""
    owner = database("shop", SHOP)
    return f"postgresql://reader:p%40ss%3Aw%2Frd@{owner.rpartition('@')[2]}"


@pytest.mark.skipif(not DUMP.is_file(), reason="../shared/inputs is not there")
@pytest.mark.usefixtures("prefect_server")
def test_northwind_runs_as_it_is_printed(database: Callable[[str, str | bytes], str], tmp_path: Path) -> None:
    url = database("northwind", DUMP.read_text("utf-8"))
    password = url.partition("hallmark:")[2].partition("@")[0]
    file, sources, said = proposed(home_of(tmp_path), url)
    assert password not in said
    assert sources["northwind"]["url"] == "${NORTHWIND_URL}"
    assert f"export NORTHWIND_URL={url.replace(password, 'PASSWORD')}" in said
    streams = sources["northwind"]["streams"]
    assert len(streams) == 14
    assert streams["order_details"] == {"table": "public.order_details", "primary_key": ["order_id", "product_id"]}
    summary = run(home_of(tmp_path, NORTHWIND_URL=url), file)
    truth = {
        fields[1].removeprefix("rows:public."): int(fields[2])
        for line in (INPUTS / "truth.tsv").read_text("utf-8").splitlines()
        if (fields := line.split("\t"))[0].endswith("northwind.sql") and fields[1].startswith("rows:")
    }
    assert {s["stream"]: s["published"] for s in summary["streams"]} == truth


@pytest.mark.usefixtures("prefect_server")
def test_a_database_of_all_sorts_of_tables(shop: str, tmp_path: Path) -> None:
    file, sources, said = proposed(home_of(tmp_path, SHOP=shop), shop)
    assert sources["shop"] == {
        "kind": "postgres", "url": "${SHOP}", "owner": "data-platform",
        "streams": {
            "codes": {"table": "public.codes", "primary_key": ["code"]},
            "customers": {"table": "public.customers", "primary_key": ["id"], "cursor": "updated_at", "lateness": "2h",
                          "date_order": "dmy"},
            "days": {"table": "public.days", "primary_key": ["day", "id"]},
            "log": {"table": "public.log"},
            "orders": {"table": "public.orders", "primary_key": ["shop", "line"], "cursor": "modified",
                       "lateness": "2h"},
            "rarely": {"table": "public.rarely", "primary_key": ["id"]},
            "sales_order_details": {"table": "Sales.OrderDetails", "primary_key": ["Id"], "cursor": "UpdatedAt",
                                    "lateness": "1d"},
            "archive_orders": {"table": "archive.orders", "primary_key": ["id"]},
        },
    }  # fmt: skip
    for passed_over in ("public.days_2026", "public.dotted.name", "public.good_customers", "public.hidden"):
        assert f"#   {passed_over}: " in said
    assert "# no key: " in said
    home = home_of(tmp_path, SHOP=shop)
    assert stream(run(home, file), "shop.customers")["published"] == 30
    again = {s["stream"]: s["published"] for s in run(home, file)["streams"]}
    assert again == dict.fromkeys(sources["shop"]["streams"], 0)


@pytest.mark.parametrize("written", ["url", "query", "wrong"])
def test_a_password_is_never_printed(shop: str, written: str, tmp_path: Path) -> None:
    target, code = shop, 0
    if written == "query":
        target = f"postgresql://{shop.rpartition('@')[2]}?user=reader&password=p%40ss%3Aw%2Frd"
    if written == "wrong":
        target, code = shop.replace("w%2Frd", "w%2Frd_wrong"), 2
    home, options = home_of(tmp_path), ([], ["--json"], ["--check"], ["--preview", "1", "--json"])
    for done in map(ended, [home.start("discover", target, *more) for more in options]):  # each core has one
        assert done.code == code, done.out + done.err
        for secret in ("p@ss:w/rd", "p%40ss%3Aw%2Frd"):
            assert secret not in done.out + done.err


def test_check_of_a_file_says_which_stream_fails(shop: str, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "customers").mkdir(parents=True)
    (folder / "customers" / "a.csv").write_text("id\n1\n")
    declared = {
        "shop": {
            "kind": "postgres", "url": "${SHOP}", "owner": "data-platform",
            "streams": {
                "customers": {"table": "public.customers", "primary_key": ["id"]},
                "wrong_key": {"table": "public.orders", "primary_key": ["shop"]},
                "gone": {"table": "public.gone"},
            },
        },
        "files": {
            "kind": "files", "root": str(folder), "owner": "data-platform",
            "streams": {
                "customers": {"path": "customers/*.csv"}, "none": {"path": "*.parquet"}, "lost": {"path": "b.csv"},
            },
        },
    }  # fmt: skip
    file = tmp_path / "mine.yml"
    file.write_text(json.dumps({"sources": declared}))
    done = home_of(tmp_path, SHOP=shop).hallmark("discover", "--sources", str(file), "--check", "--json")
    assert done.code == 1
    found = {f"{row['source']}.{row['stream']}": row for row in done.json}
    assert {n: row["status"] for n, row in found.items()} == {
        "shop.customers": "ok", "shop.wrong_key": "failed", "shop.gone": "failed",
        "files.customers": "ok", "files.none": "ok", "files.lost": "failed",
    }  # fmt: skip
    assert found["shop.wrong_key"]["duplicate_keys"] == 19
    assert "no file matches" in found["files.none"]["detail"]
