"""What is published is described in numbers, on both warehouses: kept by slot, told with the publish, and no value."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from blocks.settings import Settings
from blocks.warehouses import open_warehouse
from blocks.warehouses.base import Batch, LayerPublish
from governance.events import PROFILED_COLUMNS, Teller
from governance.model import ColumnProfile, Dataset, Profile
from governance.protection import Protection

SLOT = datetime(2026, 11, 22, 6, tzinfo=UTC)
PERSONAL = Protection(personal={"mail": "email", "born": "birthday", "salary": "pay"})
TABLE = """
    SELECT 1 AS id, CAST(1.50 AS DECIMAL(18,2)) AS price, CAST(0.5 AS DOUBLE) AS share, 'red' AS name, TRUE AS is_open,
        DATE '2026-01-01' AS day, TIMESTAMP '2026-01-01 08:00:00' AS at, TIME '08:00:00' AS hour,
        'jane@example.com' AS mail, DATE '1990-01-01' AS born, 1000 AS salary, 7 AS salary__decimal_9_2
    UNION ALL SELECT 2, 2.50, 1.5, 'blue', FALSE, DATE '2026-02-01', TIMESTAMP '2026-02-01 08:00:00', TIME '09:00:00',
        'john@example.com', DATE '1991-01-01', 2000, 8
    UNION ALL SELECT 3, 12345678901234.56, NULL, 'red', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
"""


def made(settings: Settings, sql: str, declared: Protection = PERSONAL) -> Profile | None:
    """The profile of a table that a SELECT makes."""
    with open_warehouse(settings) as warehouse:
        warehouse.execute("CREATE SCHEMA IF NOT EXISTS silver__audit")
        warehouse.execute(f"CREATE OR REPLACE TABLE silver__audit.t AS {sql}")
        return warehouse.profile("silver__audit", "t", warehouse.columns("silver__audit", "t"), declared)


def columns(profile: Profile | None) -> dict[str, ColumnProfile]:
    assert profile
    return {c.name: c for c in profile.columns}


def kept(settings: Settings, sql: str = "SELECT * FROM ops.profiles") -> list[dict[str, Any]]:
    with open_warehouse(settings) as warehouse:
        return warehouse.query(sql)


def test_each_kind_of_column_has_its_numbers(settings: Settings) -> None:
    profile = made(settings, TABLE)
    found = columns(profile)
    assert profile and profile.rows == 3
    assert found["id"].model_dump(include={"nulls", "distinct", "mean", "min", "max"}) == {
        "nulls": 0, "distinct": 3, "mean": 2.0, "min": "1", "max": "3",
    }  # fmt: skip
    assert [float(q) for q in found["id"].quantiles] == pytest.approx([1, 1.5, 2, 2.5, 3], abs=0.5)
    assert (found["price"].quantiles[0], found["price"].quantiles[-1]) == ("1.50", "12345678901234.56"), "exact"
    assert (found["share"].nulls, found["share"].mean) == (1, 1.0)
    assert (found["day"].min, found["day"].max, found["day"].quantiles) == ("2026-01-01", "2026-02-01", ())
    assert (found["at"].min or "").startswith("2026-01-01 08:00:00") and (found["hour"].max or "").startswith("09:00")
    assert found["name"] == ColumnProfile(name="name", nulls=0, distinct=2)
    assert found["is_open"] == ColumnProfile(name="is_open", nulls=1, distinct=2)


def test_of_a_personal_column_there_are_counts_only(settings: Settings) -> None:
    found = columns(made(settings, TABLE))
    for name in ("mail", "born", "salary", "salary__decimal_9_2"):
        assert found[name] == ColumnProfile(name=name, nulls=1, distinct=2), name
    assert found["mail"].distinct == 2 and "jane" not in str(found) and "1990" not in str(found)


def test_an_empty_table_and_one_of_nulls(settings: Settings) -> None:
    profile = made(settings, f"SELECT * FROM ({TABLE}) AS x WHERE 1 = 0")
    assert profile and profile.rows == 0
    assert {(c.nulls, c.distinct, c.mean, c.quantiles, c.min) for c in profile.columns} == {(0, 0, None, (), None)}
    nothing = columns(made(settings, "SELECT CAST(NULL AS DECIMAL(9,2)) AS n, CAST(NULL AS DATE) AS d"))
    assert {(c.nulls, c.mean, c.quantiles, c.max) for c in nothing.values()} == {(1, None, (), None)}


def test_what_has_no_order_is_counted(settings: Settings) -> None:
    if settings.profile == "local":
        sql = "SELECT CAST('{}' AS JSON) AS j, [1, 2] AS l, {'a': 1} AS s, INTERVAL 1 DAY AS i, MAP {'a': 1} AS m"
    else:
        sql = "SELECT parse_json('{}') AS j, array_construct(1, 2) AS l"
    found = columns(made(settings, sql))
    assert found["j"] == ColumnProfile(name="j", nulls=0) and found["l"] == ColumnProfile(name="l", nulls=0)
    assert {c.distinct for c in found.values()} == {None}


def test_numbers_that_are_none_and_too_large_ones(settings: Settings) -> None:
    digits = "9" * (38 if settings.profile == "local" else 18)  # the emulator reads no longer ones
    large = f"CAST('{digits}' AS DECIMAL(38,0)) AS n, CAST('NaN' AS DOUBLE) AS f"
    found = columns(made(settings, f"SELECT {large} UNION ALL SELECT {large.replace('NaN', 'inf')}"))
    assert found["n"].max == digits and found["n"].mean == pytest.approx(int(digits))
    assert found["f"].mean is None
    json.dumps(found["f"].model_dump(mode="json"), allow_nan=False)


def test_odd_names_and_hundreds_of_columns(settings: Settings) -> None:
    cells = [f"{n} AS c{n}" for n in range(400)] + [
        "'x' AS \"ORDER\"" if settings.profile != "local" else '1 AS "o""x"'
    ]
    profile = made(settings, f"SELECT {', '.join(cells)}")
    assert profile and len(profile.columns) == 401
    assert columns(profile)["c399"].quantiles == ("399",) * 5


def test_thousands_of_columns_take_several_statements_and_an_event_that_can_be_sent(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blocks.warehouses.dialect.PORTION_BYTES", 20_000)
    profile = made(settings, f"SELECT {', '.join(f'{n} AS c{n}' for n in range(PROFILED_COLUMNS + 100))}")
    assert profile and [c.mean for c in profile.columns] == list(range(PROFILED_COLUMNS + 100))
    told = Teller("run").dataset(Dataset(name="silver.wide", layer="silver"), profile).data["profile"]
    assert len(told["columns"]) == PROFILED_COLUMNS and len(json.dumps(told)) < 300_000


def test_a_profile_that_cannot_be_made_stops_nothing(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    made(settings, "SELECT 1 AS id")
    with open_warehouse(settings) as warehouse:
        assert warehouse.profile("silver__audit", "t", {"gone": "INTEGER"}) is None
        assert warehouse.execute("SELECT 1") == [(1,)]
    assert "silver__audit.t: it has no profile" in caplog.text


def publish(settings: Settings, number: int, profiles: Mapping[str, Profile], *, fail: bool = False) -> None:
    with open_warehouse(settings) as warehouse:
        warehouse.prepare_layer("silver", [], full=False)
        warehouse.execute("CREATE TABLE silver__audit.t AS SELECT 1 AS id")

        def tell(_: object) -> list[Any]:
            if fail:
                raise RuntimeError("stopped")
            return []

        what = LayerPublish("silver", Batch(f"r{number}", SLOT + timedelta(hours=6 * number)), {"t": None})
        what = LayerPublish(what.layer, what.batch, what.models, profiles=profiles)
        warehouse.publish_layer(what, (), tell)


def test_the_ledger_keeps_one_of_each_slot(settings: Settings) -> None:
    def one(rows: int) -> Mapping[str, Profile]:
        numbers = ColumnProfile(name="id", nulls=0, distinct=rows, mean=1.5, quantiles=("1", "1", "2", "2", "2"))
        day = ColumnProfile(name="day", nulls=rows, min="2026-01-01", max="2026-02-01")
        return {"silver.t": Profile(rows=rows, columns=(numbers, day, ColumnProfile(name="name", nulls=1)))}

    publish(settings, 1, one(2))
    with pytest.raises(RuntimeError, match="stopped"):
        publish(settings, 2, one(9), fail=True)
    publish(settings, 2, one(3))
    publish(settings, 1, one(5))  # the slot again
    publish(settings, 1, one(0))  # and once more, with nothing left to do
    sql = 'SELECT slot, "column", "rows", nulls, "distinct", mean, quantiles FROM ops.profiles ORDER BY slot, "column"'
    found = [tuple(row.values())[1:] for row in kept(settings, sql)]
    assert found[:3] == [
        ("day", 5, 5, None, None, '["2026-01-01", null, null, null, "2026-02-01"]'),
        ("id", 5, 0, 5, 1.5, '["1", "1", "2", "2", "2"]'),
        ("name", 5, 1, None, None, None),
    ]
    assert [row[1] for row in found] == [5, 5, 5, 3, 3, 3]
