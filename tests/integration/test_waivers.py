"""`hallmark gate waive`: a critical check that may fail in a slot, and blocks nothing; never without a word."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import Any

import pytest

from tests.homes import SLOT1, SLOT2, SLOT3, Summary, stream
from tests.integration.actions_support import Shop, actions, later, values_of, variables_of

PRICE, MAIL, ID = (f"bronze.shop__orders.{column}.accepted_values" for column in ("price", "mail", "id"))
TESTS = (
    values_of("price", "critical", "1"),
    values_of("mail", "critical", "b@example.com"),
    values_of("id", "warning", "1"),
)
WAIVED = ("gate", "waive", "--reason", "the shop has new prices")


@pytest.fixture(params=["duckdb", "snowflake"])
def shop(request: pytest.FixtureRequest, tmp_path: Path, prefect_server: str) -> Shop:
    """After a slot in which two critical checks and a warning fail."""
    shop = Shop.at(tmp_path / "folder", variables_of(request))
    shop.drop("orders", "a", "id,price,mail\n1,2,a@example.com\n2,1,b@example.com\n")
    assert blocking(shop.run(TESTS, slot=SLOT1)) == {PRICE, MAIL}
    return shop


def blocking(summary: Summary) -> set[str]:
    """The checks for which the orders were not published."""
    error = stream(summary, "shop.orders")["error"]
    return {c for c in (PRICE, MAIL, ID) if error and c in error["cause"]}


def refused(shop: Shop, *arguments: str) -> Any:
    done = shop.hallmark(*arguments)
    assert done.code == 2, done.out
    return done.json["error"]


def test_a_waiver_lets_one_check_pass_for_one_slot_and_says_so(shop: Shop) -> None:
    incidents = {i["check_id"]: i["id"] for i in shop.hallmark("incident", "list").json}
    assert {PRICE, MAIL, ID} <= set(incidents)
    typo = refused(shop, *WAIVED, PRICE.replace("price", "pric"), "--slot", SLOT1)
    assert typo["remedy"] == f"did you mean {PRICE}?"
    assert "blocks nothing" in refused(shop, *WAIVED, ID, "--slot", SLOT1)["cause"]
    assert "has passed" in refused(shop, *WAIVED, PRICE, "--slot", SLOT1, "--until", later(hours=-1))["cause"]
    assert refused(shop, "gate", "waive", PRICE, "--slot", SLOT1, "--reason", " ")["cause"] == "--reason is missing"
    assert actions(shop) == []

    done = shop.hallmark(*WAIVED, PRICE, "--slot", SLOT1)
    assert done.code == 0, done.err
    assert done.json["incidents"] == [incidents[PRICE]]
    assert blocking(shop.run(TESTS, slot=SLOT1)) == {MAIL}, "another one that fails still blocks"
    listed = shop.hallmark("gate", "list").json
    assert listed["slot"] == SLOT1
    assert {f["check_id"]: bool(f["waived"]) for f in listed["failing"]} == {PRICE: True, MAIL: False, ID: False}
    assert [(w["check_id"], w["slot"], w["state"]) for w in listed["waivers"]] == [(PRICE, SLOT1, "waives")]

    assert shop.hallmark(*WAIVED, MAIL, "--slot", SLOT1).code == 0
    summary = shop.run(TESTS, slot=SLOT1)
    orders = stream(summary, "shop.orders")
    assert (summary["state"], orders["status"], orders["published"], orders["failed"]) == (
        "completed", "published", 2, 3,
    )  # fmt: skip
    said = f"waived by {getpass.getuser()}: the shop has new prices"
    assert all(c in orders["warning"] and said in orders["warning"] for c in (PRICE, MAIL))
    gates = shop.rows(
        "SELECT check_id, severity, success, published, waived FROM ops.gates "
        f"WHERE run_id = '{summary['run_id']}' AND NOT success ORDER BY check_id"
    )
    assert [g[:4] for g in gates] == [
        (ID, "warning", False, True), (MAIL, "critical", False, True), (PRICE, "critical", False, True),
    ]  # fmt: skip
    assert [bool(g[4]) for g in gates] == [False, True, True]
    sql = "SELECT data FROM ops.events WHERE type = 'hallmark.gate.failed.v1' ORDER BY time DESC LIMIT 1"
    checks = {c["check_id"]: c for c in json.loads(shop.rows(sql)[0][0])["checks"]}
    assert (checks[PRICE]["success"], checks[PRICE]["severity"]) == (False, "critical") and checks[PRICE]["waived"]
    page = (shop.home.path / "reports" / "latest.html").read_text(encoding="utf-8")
    assert said in page

    shown = shop.hallmark("incident", "show", incidents[PRICE]).json
    assert (shown["state"], shown["severity"]) == ("open", "critical"), "it fails all the same"
    assert shown["title"].endswith("(waived)") and said.removeprefix("waived ") in shown["evidence"]["waived"]
    assert f"gate.waive {PRICE} in slot {SLOT1}: the shop has new prices" in [e["what"] for e in shown["timeline"]]
    assert [a[:2] for a in actions(shop)] == [("gate.waive", f"{c} in slot {SLOT1}") for c in (PRICE, MAIL)]

    shop.drop("orders", "b", "id,price,mail\n3,3,c@example.com\n")
    assert blocking(shop.run(TESTS, slot=SLOT2)) == {PRICE, MAIL}, "they were waived for the slot before"
    assert "is not run any more" in refused(shop, *WAIVED, PRICE, "--slot", "2026-11-21T18:00:00Z")["cause"]
    again = shop.hallmark(*WAIVED, PRICE, "--slot", SLOT1).json
    assert again["replaces"] == said.removeprefix("waived ")
    assert again["run"] == f"hallmark run --slot {SLOT1} --stream shop.orders", "it is complete"


@pytest.mark.parametrize("shop", ["duckdb"], indirect=True)
def test_a_waiver_with_an_end_holds_for_later_slots_until_then(shop: Shop) -> None:
    for check in (PRICE, MAIL):
        assert shop.hallmark(*WAIVED, check, "--slot", SLOT1, "--until", later(hours=2)).code == 0
    assert blocking(shop.run(TESTS, slot=SLOT1, now=later(hours=3))) == {PRICE, MAIL}, "it has expired"
    assert shop.run(TESTS, slot=SLOT1)["state"] == "completed"
    shop.drop("orders", "b", "id,price,mail\n3,3,c@example.com\n")
    assert shop.run(TESTS, slot=SLOT2)["state"] == "completed"

    assert "did you mean" in refused(shop, "gate", "revoke", PRICE.replace("price", "pric"))["remedy"]
    assert shop.hallmark("gate", "revoke", MAIL, "--reason", "mails matter").code == 0
    assert [w["check_id"] for w in shop.hallmark("gate", "list").json["waivers"]] == [PRICE]
    shop.drop("orders", "c", "id,price,mail\n4,4,d@example.com\n")
    assert blocking(shop.run(TESTS, slot=SLOT3)) == {MAIL}
    assert actions(shop)[-1] == ("gate.revoke", MAIL, "mails matter", False)
