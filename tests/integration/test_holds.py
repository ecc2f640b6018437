"""`hallmark hold`: a stream that is not read for a while, though the batches go on; and what it misses comes later."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.homes import SLOT1, SLOT2, SLOT3, Home, layer, stream
from tests.integration.actions_support import Shop, actions, later, variables_of

HOLD = ("hold", "--reason", "half of the file is missing")


@pytest.fixture(params=["duckdb", "snowflake"])
def shop(request: pytest.FixtureRequest, tmp_path: Path, prefect_server: str) -> Shop:
    """Before its first slot."""
    return Shop.at(tmp_path / "folder", variables_of(request))


def status(shop: Shop) -> str:
    [(found,)] = shop.rows("SELECT status FROM ops.streams WHERE source = 'shop' AND stream = 'visits'")
    return str(found)


def test_a_held_stream_waits_and_the_batch_goes_on(shop: Shop) -> None:
    sources = ("--sources", str(shop.home.sources))
    for name in ("visits", "orders"):
        shop.drop(name, "a", "id\n1\n")
    assert shop.run(slot=SLOT1)["state"] == "completed"
    wrong = [
        (*HOLD, "shop.visit", "--until", later(hours=2), *sources),
        (*HOLD, "shop.visits", "--until", later(hours=-2), *sources),
        (*HOLD, "shop.visits", *sources),
        ("hold", "shop.visits", "--until", later(hours=2), *sources),
        ("hold", "shop.visits", "--release"),
        (*HOLD, "--until", later(hours=2)),
    ]
    for arguments in wrong:
        done = shop.hallmark(*arguments)
        assert done.code == 2 and set(done.json["error"]) == {"what", "cause", "remedy"}, arguments
    assert actions(shop) == []

    assert shop.hallmark(*HOLD, "shop.visits", "--until", later(hours=2), *sources).code == 0
    assert [h["stream"] for h in shop.hallmark("hold", "--list").json] == ["shop.visits"]
    for name in ("visits", "orders"):
        shop.drop(name, "b", "id\n2\n")
    summary = shop.run(slot=SLOT2)
    visits = stream(summary, "shop.visits")
    assert (summary["state"], visits["status"], visits["error"]) == ("completed", "held", None)
    assert "half of the file is missing" in visits["warning"]
    assert stream(summary, "shop.orders")["published"] == 1
    assert (status(shop), layer(summary, "bronze")["status"]) == ("held", "partly published")
    assert "bronze.shop__visits" in summary["stale"]
    assert "half of the file is missing" in (shop.home.path / "reports" / "latest.html").read_text(encoding="utf-8")

    assert shop.hallmark("hold", "shop.visits", "--release", "--reason", "it came").json == {
        "released": ["shop.visits"]
    }
    assert (status(shop), shop.hallmark("hold", "--list").json) == ("released", [])
    summary = shop.run(slot=SLOT3)
    assert (stream(summary, "shop.visits")["published"], summary["stale"], status(shop)) == (1, {}, "published")
    assert actions(shop) == [
        ("stream.hold", "shop.visits", "half of the file is missing", True),
        ("stream.release", "shop.visits", "it came", False),
    ]


@pytest.mark.parametrize("shop", ["duckdb"], indirect=True)
def test_a_hold_ends_by_itself_and_needs_no_state_database(shop: Shop) -> None:
    shop.home.path.mkdir()
    shop.drop("visits", "a", "id\n1\n")
    nowhere = {"HALLMARK_STATE_URL": "postgresql+psycopg://nobody@127.0.0.1:1/nothing"}
    done = shop.hallmark(*HOLD, "shop", "--until", later(hours=2), "--sources", str(shop.home.sources), **nowhere)
    assert done.code == 0 and "not noted" in done.err, done.err
    assert {h["stream"] for h in done.json} == {"shop.visits", "shop.orders"}
    assert stream(shop.run(slot=SLOT1), "shop.visits")["status"] == "held"
    assert stream(shop.run(slot=SLOT2, now=later(hours=3)), "shop.visits")["published"] == 1


def test_what_stands_on_a_held_stream_says_so_and_catches_up(
    waved: Home, second: Home, new_home: Callable[..., Home]
) -> None:
    home = new_home(waved)
    until = ("--until", later(hours=2))
    assert home.hallmark(*HOLD, "drops.customers", *until).code == 0
    summary = home.run(slot=SLOT2)
    assert (summary["state"], stream(summary, "drops.customers")["status"]) == ("completed", "held")
    assert {"silver.slv_engagement_rows", "gold.fct_engagement"} <= set(summary["stale"])
    assert set(summary["stale"].values()) == {SLOT1} and "silver.slv_projects" not in summary["stale"]
    assert home.hallmark("hold", "drops.customers", "--release").code == 0
    caught = home.run(stream="drops.customers", slot=SLOT2)
    assert (caught["state"], caught["stale"]) == ("completed", {})
    assert stream(caught, "drops.customers")["published"] > 0
    assert home.fingerprints("gold") == second.fingerprints("gold")
