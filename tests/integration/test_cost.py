"""A slot that cost far more than usual is told once, to who owns the data; figures that were usual are not."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from blocks.settings import Settings
from blocks.warehouses import open_warehouse
from blocks.warehouses.base import Batch, LayerPublish
from flows.context import SOURCES, Context
from flows.cost import outliers
from governance.model import Event

SHAPE = (
    "warehouse VARCHAR, dataset VARCHAR, flow VARCHAR, team VARCHAR, slot TIMESTAMP WITH TIME ZONE, queries BIGINT, "
    "credits NUMERIC(38, 9), cost_usd NUMERIC(38, 6)"
)
NEWEST = datetime(2026, 11, 23, 18, tzinfo=UTC)
USUAL = [1.0, 1.2, 0.9, 1.1]


def found(settings: Settings, costs: dict[str, list[float]], run: str = "r") -> list[Event]:
    """What is told of datasets with these credits in slots one after the other, up to the newest."""
    rows = [
        ("W", dataset, "ingest", "growth", NEWEST - n * timedelta(hours=6), 1, c, c * 3)
        for dataset, of_slots in costs.items()
        for n, c in enumerate(reversed(of_slots))
    ]
    rows += [("W", "idle", "other", "data-platform", None, 0, 90.0, 270.0)]
    batch = Batch(run, datetime(2026, 11, 24, tzinfo=UTC))
    with open_warehouse(settings) as warehouse:
        warehouse.execute("DROP SCHEMA IF EXISTS gold__audit CASCADE")
        warehouse.execute("CREATE SCHEMA gold__audit")
        warehouse.execute(f"CREATE TABLE gold__audit.mrt_platform_cost ({SHAPE})")
        names = ("warehouse", "dataset", "flow", "team", "slot", "queries", "credits", "cost_usd")
        warehouse.insert("gold__audit.mrt_platform_cost", names, rows)
        publish = LayerPublish("gold", batch, {"mrt_platform_cost": None})
        return outliers(Context(settings, Path(SOURCES), batch), publish, warehouse)


def test_only_what_stands_out_of_enough_slots_is_told(settings: Settings) -> None:
    events = found(
        settings,
        {
            "silver.spike": [*USUAL, 9.0],
            "silver.after": [*USUAL, 9.0, 1.0],  # told, since it is of the newest slots
            "silver.busy": [*USUAL, 2.0],
            "silver.small": [0.01, 0.01, 0.01, 0.01, 0.4],
            "silver.young": [1.0, 1.0, 1.0, 9.0],
            "silver.old": [*USUAL, 9.0, 1.0, 1.0, 1.0, 1.0, 1.0],
        },
    )
    assert sorted(e.subject for e in events) == ["silver.after", "silver.spike"]
    spike = next(e for e in events if e.subject == "silver.spike")
    assert spike.type == "hallmark.dataset.overspent.v1"
    told = {k: spike.data[k] for k in ("owner", "warehouse", "flow", "cost_slot", "credits", "cost_usd")}
    assert told == {
        "owner": "growth", "warehouse": "W", "flow": "ingest", "cost_slot": "2026-11-23T18:00:00Z", "credits": "9.00",
        "cost_usd": "27.00",
    }  # fmt: skip
    assert spike.data["usual_credits"] == "1.05"


@pytest.mark.parametrize("settings", ["duckdb"], indirect=True)
def test_it_is_the_same_event_whichever_run_finds_it(settings: Settings) -> None:
    [one], [two] = (found(settings, {"silver.a": [*USUAL, last]}, run) for run, last in (("r", 9.0), ("s", 9.5)))
    assert one.id == two.id
