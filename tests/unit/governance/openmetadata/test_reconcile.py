"""The catalog beside what we own: what is missing, what differs, what is gone."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from governance.model import Dataset
from governance.openmetadata.catalog import Tally
from governance.openmetadata.datasets import Told
from governance.openmetadata.edges import Made
from governance.openmetadata.overrides import Overrides
from governance.openmetadata.policy import Overridden
from governance.openmetadata.reconcile import reconcile
from governance.transports.base import TransientError
from tests.unit.governance.openmetadata.test_datasets import BOARD, LANDED
from tests.unit.governance.openmetadata.test_edges import BY_CUSTOMERS, BY_ORDERS, ID, INTO, NAME, REPORT, drawn
from tests.unit.governance.openmetadata.world import CUSTOMERS, DAY, ORDERS, World, describe, edge

ALL = (ORDERS, CUSTOMERS, REPORT, LANDED, BOARD)
MADE = (
    Made("silver.report", (NAME, ID), "transform", "select 1"),
    Made("exposure.board", (), "", "", ("silver.report",)),
)


def mended(world: World, datasets: Any = ALL, made: Any = MADE, there: Any = ()) -> Tally:
    """What a process that begins now finds and does."""
    fresh = World(world.server)
    told = [Told(d, DAY) for d in datasets]
    try:
        found: Tally = fresh.run(reconcile(fresh.catalog, told, made, ("bronze", "silver", "gold"), there))
        return found
    finally:
        world.overridden += fresh.overridden
        fresh.close()


def counts(tally: Tally) -> tuple[int, int, int]:
    return tally.created, tally.updated, tally.deleted


@pytest.fixture
def known(world: World) -> World:
    mended(world)
    return world


def test_all_is_made_and_the_second_time_nothing(world: World) -> None:
    first = mended(world)
    assert first.created > len(ALL) and (first.updated, first.deleted) == (0, 0)
    writes = len(world.server.writes)
    assert counts(mended(world)) == (0, 0, 0) and len(world.server.writes) == writes
    assert set(world.upstream(INTO)) == {BY_ORDERS, BY_CUSTOMERS}


def test_an_edge_and_a_table_that_somebody_took_away_come_back(known: World) -> None:
    before = known.table("customers")["id"]
    known.person.call("DELETE", f"lineage/table/name/{BY_ORDERS}/table/name/{INTO}", 200)
    known.person.call("DELETE", f"tables/{before}?recursive=true&hardDelete=false", 200)
    assert counts(mended(known)) == (1, 1, 0)
    assert known.table("customers")["id"] == before and set(known.upstream(INTO)) == {BY_ORDERS, BY_CUSTOMERS}
    known.person.call("DELETE", f"tables/{before}?recursive=true&hardDelete=true", 200)
    assert counts(mended(known)) == (2, 0, 0)
    assert set(known.upstream(INTO)) == {BY_ORDERS, BY_CUSTOMERS}
    assert counts(mended(known)) == (0, 0, 0)


def test_what_is_declared_no_more_is_taken_away_softly_with_its_edges(known: World) -> None:
    before = known.table()["id"]
    made = (replace(MADE[0], edges=(NAME,)), MADE[1])
    assert counts(mended(known, ALL[1:], made)) == (0, 0, 2)
    known.bot.named("tables", BY_ORDERS, 404)
    assert known.bot.named("tables", BY_ORDERS, include="deleted")["id"] == before
    assert set(known.upstream(INTO)) == {BY_CUSTOMERS}
    assert counts(mended(known, ALL[1:], made)) == (0, 0, 0)
    assert counts(mended(known)) == (1, 1, 0) and known.table()["id"] == before


def test_who_has_nothing_in_a_layer_takes_nothing_away_there(known: World) -> None:
    landed = Dataset(name="bronze.odd__a", layer="bronze")
    assert mended(known, (landed,), ()).deleted == 1, "the dashboard, and no table of silver"
    assert known.table() and known.table("report")


def test_a_dashboard_that_is_declared_no_more_goes(known: World) -> None:
    assert counts(mended(known, ALL[:-1], MADE[:1])) == (0, 0, 1)
    known.bot.named("dashboards", "hallmark_sigma.board", 404)


def test_what_is_published_and_was_never_told_of_stays(known: World) -> None:
    assert counts(mended(known, ALL[1:], MADE, there={"silver.orders"})) == (0, 0, 0)
    assert known.table()


def test_what_is_not_ours_is_not_looked_at(known: World) -> None:
    known.person.put("services/databaseServices", name="other", serviceType="Postgres")
    known.person.put("databases", name="db", service="other")
    known.person.put("databaseSchemas", name="silver", database="other.db")
    known.person.put("tables", name="t", databaseSchema="other.db.silver", columns=[{"name": "a", "dataType": "INT"}])
    assert counts(mended(known)) == (0, 0, 0)
    assert known.bot.named("tables", "other.db.silver.t")


def test_what_a_person_drew_and_wrote_stays_and_what_gave_way_is_told(known: World) -> None:
    drawn(known, "customers", "orders", description="Theirs.")
    known.edit(describe("By hand."), {"op": "remove", "path": "/owners/0"})
    made = (*MADE, Made("silver.orders", (), "transform"))
    found = mended(known, made=made)
    assert counts(found) == (0, 1, 0) and found.kept == 2
    assert known.table()["description"] == "By hand."
    assert known.upstream(BY_ORDERS)[BY_CUSTOMERS]["description"] == "Theirs."
    assert [(o.field, o.editor) for o in known.overridden] == [("owners", "admin")]
    assert counts(mended(known, made=made)) == (0, 0, 0)


def test_one_that_cannot_be_brought_holds_back_no_other(world: World) -> None:
    made = (Made("silver.report", (edge("silver.nowhere.id", "silver.report.id"),), "transform"), *MADE[1:])
    with pytest.raises(TransientError, match=r"silver\.nowhere is not in the catalog"):
        mended(world, made=made)
    assert world.table("report") and world.upstream("hallmark_sigma.board", "dashboard")


def test_what_the_server_does_not_have_is_told(known: World) -> None:
    lost = edge("silver.orders.gone", "silver.report.id")
    found = mended(known, made=(replace(MADE[0], edges=(NAME, ID, lost)), MADE[1]))
    assert found.missing_edges == ["silver.orders.gone -> silver.report.id"]
    assert set(asdict(found)) == {"created", "updated", "deleted", "kept", "missing_edges", "unknown_owners"}


def test_what_gave_way_is_kept_once_newest_first(tmp_path: Path) -> None:
    kept = Overrides(f"sqlite:///{tmp_path / 'state.db'}")
    one = Overridden(entity="s.t", field="owners", was="ann", now="sales", editor="admin")
    for found in (one, one, one.model_copy(update={"was": "ben"}), one):
        kept(found)
    assert [row["was"] for row in kept.rows()] == ["ann", "ben", "ann"]
    assert set(kept.rows()[0]) == {"entity", "field", "was", "now", "editor", "at"}


def test_what_cannot_be_kept_is_not_overridden(world: World, tmp_path: Path) -> None:
    world.push(ORDERS)
    world.edit({"op": "remove", "path": "/owners/0"})
    (tmp_path / "state.db").write_text("no database")
    world.catalog.overridden = Overrides(f"sqlite:///{tmp_path / 'state.db'}")
    error = world.refused(ORDERS)
    assert isinstance(error, TransientError) and error.reason == "storage"
    assert not world.table().get("owners")
