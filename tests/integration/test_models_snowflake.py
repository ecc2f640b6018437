"""Every model by dbt-snowflake, on the emulator, and by dbt-duckdb, of the same bronze: the same columns and rows.

Two slots, so that incremental models are built in full and then go on from a clone of what is published.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from blocks.dbt import DbtProject
from governance.manifest import layer_models
from tests.integration import sources_support as documents
from tests.integration import test_models as agency
from tests.integration.dbt_support import AGENCY, Warehouse
from tests.integration.snowflake_models_support import Duck, Snow, Table, build, checksum, rows_of
from tests.integration.test_money import READINGS

LAYERS = ("silver", "gold")
# The emulator reads a number of JSON by way of a double; Snowflake keeps its 38 digits.
BEYOND_A_DOUBLE = "A1"


@dataclass
class Slot:
    """What both sides published in a slot."""

    duck: dict[str, Table] = field(default_factory=dict)
    snow: dict[str, Table] = field(default_factory=dict)


@pytest.fixture(scope="module")
def slots(tmp_path_factory: pytest.TempPathFactory, snowflake: dict[str, str]) -> list[Slot]:
    """The tables of both after each of two slots."""
    home = tmp_path_factory.mktemp("parity")
    bronze = Warehouse(home / "duck", (*AGENCY, documents.INVOICES, documents.LINES, documents.MAIL))
    bronze.create(documents.EVENTS, "device")
    duck, snow = Duck(bronze), Snow(snowflake, "MODELS", home / "snow")
    found, done = [], 0
    for number, slot in enumerate(documents.SLOTS[:2]):
        fill(bronze, number)
        snow.copy_bronze(bronze)
        values: dict[str, object] = {"slot": slot, "loads_after": done, "loads_upto": bronze.published}
        found.append(Slot())
        for layer in LAYERS:
            present = {r["name"] for r in bronze.rows("SELECT 'bronze.' || table_name AS name FROM duckdb_tables()")}
            models = layer_models(DbtProject(duck.settings, layer).manifest(), layer, present)
            for side, tables in ((duck, found[-1].duck), (snow, found[-1].snow)):
                build(side, layer, models, values, full=number == 0)
                tables.update({name: side.table(f"{layer}.{name}") for name in models.select})
        done = bronze.published
    return found


def fill(bronze: Warehouse, number: int) -> None:
    """The loads of a slot: dates, counts, hours, money, events, invoices and mail, most of them dirty."""
    if number:
        documents.second_slot(bronze)
        agency.second_slot(bronze)
        return
    documents.first_slot(bronze)
    agency.first_slot(bronze)
    prices = [
        agency.record("70", "PM", f"M{n}", revenue_usd=text, client_revenue=text)
        for n, (text, _, _) in enumerate(READINGS)
    ]
    bronze.load("drops__customers", prices, documents.SLOTS[0], "customers/money.csv")
    with bronze.connect() as connection:
        connection.execute(f"DELETE FROM bronze.drops__events WHERE event_id = '{BEYOND_A_DOUBLE}'")


@pytest.mark.parametrize("number", [0, 1])
def test_both_warehouses_hold_the_same(slots: list[Slot], number: int) -> None:
    duck, snow = slots[number].duck, slots[number].snow
    assert {name: table[0] for name, table in snow.items()} == {name: table[0] for name, table in duck.items()}
    different = [name for name in duck if checksum(duck[name]) != checksum(snow[name])]
    assert not different, "\n".join(
        f"{name}: duckdb {sorted(set(rows_of(duck[name])) - set(rows_of(snow[name])))[:2]}, "
        f"snowflake {sorted(set(rows_of(snow[name])) - set(rows_of(duck[name])))[:2]}"
        for name in different
    )


def test_no_model_is_left_out(slots: list[Slot]) -> None:
    for slot in slots:
        assert len(slot.duck) == len(slot.snow) == 34
    empty = [name for name, (_, rows) in slots[0].snow.items() if not rows]
    assert not empty, f"nothing is compared of {', '.join(empty)}"


def test_the_second_slot_went_on_from_the_first(slots: list[Slot]) -> None:
    position = slots[1].snow["slv_events"][0].index("repeats_dropped")
    key = slots[1].snow["slv_events"][0].index("event_id")
    repeats = {row[key]: row[position] for row in slots[1].snow["slv_events"][1]}
    assert repeats["E-same"] == 2  # two of the first slot, one of the second


def test_the_cost_is_shared_out(slots: list[Slot]) -> None:
    columns, rows = slots[0].snow["mrt_platform_cost"]
    costs = [dict(zip(columns, row, strict=True)) for row in rows]
    assert float(sum(c["credits"] for c in costs)) == pytest.approx(11.6)
    assert {c["team"] for c in costs if c["dataset"] == "silver.slv_invoices"} == {"finance"}
    assert {c["team"] for c in costs if c["dataset"] == "bronze.drops__events"} == {"growth"}
    idle = [c for c in costs if c["dataset"] == "idle"]
    assert [(c["warehouse"], c["queries"]) for c in idle] == [("HALLMARK_LOAD", 0)]


def test_the_cost_of_an_account_is_read_of_its_own_record(snowflake: dict[str, str], tmp_path: Path) -> None:
    snow = Snow(snowflake, "COST", tmp_path / "snow")
    dbt, values = DbtProject(snow.settings, "gold"), {"slot": "2026-11-23T00:00:00Z"}
    built: list[Table] = []
    dbt.invoke(["seed"], values)
    for account_usage in (False, True):
        dbt.invoke(["run", "--select", "mrt_platform_cost"], {**values, "account_usage": account_usage})
        built.append(snow.table("gold__audit.mrt_platform_cost"))
        if not account_usage:
            snow.execute("CREATE DATABASE IF NOT EXISTS snowflake")
            snow.execute("CREATE SCHEMA IF NOT EXISTS snowflake.account_usage")
            snow.execute("USE DATABASE cost")
            at = ", CAST('2026-11-22' AS TIMESTAMP_TZ) AS start_time"
            for view, more in {
                "query_attribution_history": "", "query_history": at, "warehouse_metering_history": "",
            }.items():  # fmt: skip
                sample = f"SELECT *{more} FROM seeds.sample_{view}"
                snow.execute(f"CREATE TABLE snowflake.account_usage.{view} AS {sample}")
            old = "SELECT 'OLD', CAST('2020-01-01' AS TIMESTAMP_TZ), 99"  # longer ago than is held
            snow.execute(f"INSERT INTO snowflake.account_usage.warehouse_metering_history {old}")
    assert checksum(built[0]) == checksum(built[1]) and built[1][1]
