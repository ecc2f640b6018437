"""What a gate's event shows of failed rows in real runs: the rows of the load, in staging while it is blocked."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import yaml

from flows.context import Context
from governance.declared_tests import DeclaredTest
from governance.protection import Protection
from tests.homes import Home

SHOP = {
    "kind": "files", "root": "shop", "owner": "growth",
    "streams": {
        "visits": {"path": "visits/*.ndjson", "settle": "0s", "primary_key": ["id"], "cursor": "changed"},
        "orders": {"path": "orders/*.csv", "settle": "0s"},
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> Callable[..., Home]:
    """Drops files, and reads them in one run; the home."""
    folder = tmp_path_factory.mktemp("shop")
    root = folder / "shop"
    (folder / "sources.yml").write_text(yaml.safe_dump({"sources": {"shop": {**SHOP, "root": str(root)}}}))
    home = Home(folder / "home", folder / "sources.yml")

    def run(declared: Sequence[DeclaredTest] = (), **files: str) -> Home:
        from flows.ingest import ingest as flow

        for name, text in files.items():
            path = root / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        with pytest.MonkeyPatch.context() as patch, home.environment():
            patch.setattr(Context, "declared_tests", tuple(declared))
            personal = {"bronze.shop__orders": Protection(personal={"mail": "email"})}
            patch.setattr(Context, "declared_protections", personal)
            flow(source="shop", sources=str(home.sources), return_state=True)
        return home

    return run


def told(home: Home, dataset: str) -> list[dict[str, Any]]:
    """The failed checks of its last gate that an event tells of."""
    sql = (
        "SELECT data FROM ops.events WHERE type = 'hallmark.gate.failed.v1' AND subject = ? ORDER BY time DESC LIMIT 1"
    )
    return [c for (data,) in home.rows(sql, dataset) for c in json.loads(data)["checks"] if not c["success"]]


def test_a_warning_at_bronze_shows_the_rows_that_were_published(shop: Callable[..., Home]) -> None:
    home = shop(visits__a_ndjson='{"id": 1, "changed": "2026-01-01"}\n{"id": 2}\n{"id": 3}\n')
    [failed] = told(home, "bronze.shop__visits")
    assert (failed["check_id"], failed["severity"]) == ("bronze.shop__visits.changed.not_null", "warning")
    assert failed["sample"]["columns"][0] == "changed" and len(failed["sample"]["rows"]) == 2
    assert {row["id"] for row in home.hallmark("sql", failed["query"], "--json").json} == {"2", "3"}


def test_a_blocked_load_shows_its_rows_in_staging_and_the_next_one_its_own(shop: Callable[..., Home]) -> None:
    def priced(severity: Any) -> list[DeclaredTest]:
        name = "bronze.shop__orders.price.accepted_values"
        return [
            DeclaredTest(check_id=name, dataset="bronze.shop__orders", column="price", type="accepted_values",
                         kwargs={"values": ["1"]}, severity=severity)
        ]  # fmt: skip

    home = shop(priced("critical"), orders__a_csv="id,price,mail\n1,1,jane@example.com\n2,wrong,jim@example.com\n")
    [failed] = told(home, "bronze.shop__orders")
    assert "bronze__staging" in failed["query"]
    assert [row["id"] for row in home.hallmark("sql", failed["query"], "--json").json] == ["2"]
    sample = [dict(zip(failed["sample"]["columns"], row, strict=True)) for row in failed["sample"]["rows"]]
    assert [(r["price"], r["mail"], r["_source_position"]) for r in sample] == [
        ("wrong", "*****@example.com", "orders/a.csv#2")
    ]
    assert "_row_hash" not in sample[0]
    shop(priced("warning"))  # the same file, with a rule that lets it pass
    shop(priced("warning"), orders__b_csv="id,price,mail\n3,odd,jo@example.com\n")
    [failed] = told(home, "bronze.shop__orders")
    assert home.value("SELECT count(*) FROM bronze.shop__orders WHERE price <> '1'") == 2
    assert [row["id"] for row in home.hallmark("sql", failed["query"], "--json").json] == ["3"], "of this load only"
    for (data,) in home.rows("SELECT data FROM ops.events"):
        assert not [secret for secret in ("jane", "jim@", "jo@") if secret in data]
