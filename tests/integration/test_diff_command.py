"""`hallmark diff` as a shell has it: what tables are called, masks, exit status, and no password anywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from blocks import sample
from tests.homes import SLOT1, SLOT2, Home

KEYS = {"equal", "rows_a", "rows_b", "only_a", "only_b", "changed", "rows"}


@pytest.fixture(scope="module")
def home(second: Home, new_home: Callable[..., Home]) -> Home:
    return new_home(second)


def test_a_stream_and_its_bronze_are_equal_until_the_source_changes(home: Home) -> None:
    done = home.hallmark("diff", "crm.projects", "bronze.crm__projects", "--json")
    assert done.code == 0, done.err + done.out
    assert done.json.keys() >= KEYS and done.json["equal"] and done.json["rows_a"] == done.json["rows_b"] > 0
    with sample.serving(home.path) as variables:
        url = variables["CRM_URL"]
        with psycopg.connect(url, autocommit=True) as crm:
            crm.execute("UPDATE projects SET name = name || ' (new)' WHERE id = (SELECT min(id) FROM projects)")
            [(key,)] = crm.execute("SELECT min(id) FROM projects").fetchall()
        done = home.hallmark("diff", f"{url}#public.projects", "bronze.crm__projects", "--key", "id", "--json")
        table = home.hallmark("diff", f"{url}#public.projects", "bronze.crm__projects", "--key", "id", COLUMNS="80")
        hidden = url.partition("://")[2].partition("@")[0].partition(":")[2]
    assert done.code == table.code == 1
    assert [(r["key"], r["column"]) for r in done.json["rows"]] == [(key, "name")]
    assert "1 changed" in " ".join(table.out.split()) and max(map(len, table.out.splitlines())) <= 100
    assert hidden and hidden not in done.out + done.err + table.out + table.err


def test_two_slots_of_a_model(home: Home) -> None:
    done = home.hallmark("diff", f"gold.dim_customer@{SLOT1}", "gold.dim_customer", "--key", "customer_key", "--json")
    assert done.code == 1, done.err
    assert done.json["rows_b"] == home.value("SELECT count(*) FROM gold.dim_customer")
    same = ("diff", f"gold.dim_customer@{SLOT2}", "gold.dim_customer", "--key", "customer_key", "--json")
    assert home.hallmark(*same).json["equal"]


def test_personal_values_are_masked_unless_they_are_asked_for(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    [(key,)] = home.rows("SELECT customer_key FROM gold.dim_customer ORDER BY 1 LIMIT 1")
    file.write_text(f"customer_key,name\n{key},Somebody Else\n")
    call = (
        "diff",
        "gold.dim_customer",
        str(file),
        "--key",
        "customer_key",
        "--where",
        f"customer_key = '{key}'",
        "--json",
    )
    personal = home.hallmark(*call)
    assert [(r["column"], r["b"]) for r in personal.json["rows"]] == [("name", "*****")], personal.out
    assert [r["b"] for r in home.hallmark(*call, "--reveal").json["rows"]] == ["Somebody Else"]
    assert home.value("SELECT count(*) FROM ops.actions WHERE action = 'diff.reveal'") == 1


@pytest.mark.parametrize(
    ("a", "b", "code", "said"),
    [
        ("gold.nothing", "gold.dim_customer", 2, "gold.nothing"),
        ("projects", "gold.dim_customer", 2, "no schema and name"),
        ("crm.nothing", "gold.dim_customer", 2, "crm.projects"),
        ("duckdb:gone.duckdb#main.t", "gold.dim_customer", 2, "there is no file"),
        ("postgres://u:s3cret@127.0.0.1:9/x#public.t", "gold.dim_customer", 4, "cannot be reached"),
        ("postgres://u:s3cret@127.0.0.1:9/x", "gold.dim_customer", 2, "no schema and name"),
        (f"gold.dim_customer@{SLOT1[:-10]}6:00Z", "gold.dim_customer", 2, "not a time"),
    ],
)
def test_what_cannot_be_compared_is_said(home: Home, a: str, b: str, code: int, said: str) -> None:
    done = home.hallmark("diff", a, b, "--key", "customer_key", "--json")
    assert (done.code, "s3cret" in done.out + done.err) == (code, False), done.out + done.err
    assert said in done.out
