"""`hallmark rollback`: a published layer as an earlier slot left it, at once, recorded and told."""

from collections.abc import Callable

import pytest

from tests.homes import SLOT1, SLOT2, Home


@pytest.fixture(scope="module")
def home(second: Home, new_home: Callable[..., Home]) -> Home:
    return new_home(second)


def test_gold_goes_back_to_a_slot_and_forth_again(first: Home, second: Home, home: Home) -> None:
    done = home.hallmark("rollback", "gold", "--to", SLOT1, "--reason", "wrong rates", "--json")
    assert done.code == 0, done.err
    assert home.fingerprints("gold") == first.fingerprints("gold") != second.fingerprints("gold")
    assert {k: done.json[k] for k in ("layer", "was", "slot")} == {"layer": "gold", "was": SLOT2, "slot": SLOT1}
    assert done.json["rows"]["dim_customer"] == first.value("SELECT count(*) FROM gold.dim_customer")
    [(target, reason)] = home.rows("SELECT target, reason FROM ops.actions WHERE action = 'rollback'")
    assert (target, reason) == (f"gold to {SLOT1}", "wrong rates")
    assert home.value("SELECT count(*) FROM ops.events WHERE type = 'hallmark.publish.rolledback.v1'") == 1
    [(slot, state)] = home.rows("SELECT slot, state FROM ops.batches ORDER BY started_at DESC LIMIT 1")
    assert (f"{slot:%Y-%m-%dT%H:%M:%SZ}", state) == (SLOT2, "partial"), (
        "it is a run beside the batch of the newest slot"
    )
    assert home.rows("SELECT subject FROM ops.events WHERE type = 'hallmark.run.completed.v1' ORDER BY time DESC")[
        0
    ] == ("rollback gold",)
    assert home.hallmark("rollback", "gold", "--to", SLOT2, "--json").code == 0
    assert home.fingerprints("gold") == second.fingerprints("gold")


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (("gold", "--to", "2026-01-01T00:00:00Z"), "it is not kept"),
        (("bronze", "--to", SLOT1), "it has no slots"),
        (("golden", "--to", SLOT1), "there is no such layer"),
        (("gold", "--to", "yesterday"), None),
    ],
)
def test_what_cannot_be_changes_nothing(home: Home, arguments: tuple[str, ...], cause: str | None) -> None:
    before, runs = home.fingerprints("gold", exact=True), home.value("SELECT count(*) FROM ops.batches")
    done = home.hallmark("rollback", *arguments, "--json")
    assert done.code == 2, done.out
    assert cause is None or done.json["error"]["cause"] == cause
    assert home.fingerprints("gold", exact=True) == before
    assert home.value("SELECT count(*) FROM ops.batches") == runs, "nothing was begun"
