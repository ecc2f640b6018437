"""The first and the second batch of a sample: every number held against truth.json, which counted while it wrote.

Events, invoices and documents are in `test_batch_drops.py`.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.homes import SLOT1, SLOT2, Home, layer, stream

CRM = ("projects", "teams", "people", "time_entries")
NOUNS = {"load", "gate", "publish", "schema", "dataset", "lineage", "run", "incident"}
REASONS = {"missing_fields": "ragged_short", "too_many_fields": "ragged_long", "invalid_encoding": "invalid_encoding"}


def accounts(home: Home, slot: str) -> dict[str, tuple[str, int, int, int, int]]:
    """File of customers, or table → (status, read, published, unchanged, quarantined) of the loads of a slot."""
    rows = home.rows(
        "SELECT coalesce(path, stream), status, rows_read, rows_published, rows_unchanged, rows_quarantined "
        "FROM ops.loads WHERE slot = ? AND (source = 'crm' OR stream = 'customers')", slot,
    )  # fmt: skip
    found = {name.removeprefix("customers/"): (status, *counts) for name, status, *counts in rows}
    assert len(found) == len(rows)
    return found


def against_truth(home: Home, customers: dict[str, Any], projects: dict[str, int]) -> None:
    """Silver and gold hold what the sample's writer counted."""
    said, dates = customers["engagements"], "engagement_date IS NULL AND engagement_date_raw IS NULL"
    assert home.rows(
        f"SELECT count(*), count(DISTINCT customer_id), count(*) FILTER ({dates}), "
        "count(*) FILTER (engagement_date_issue IS NOT NULL), count(*) FILTER (is_customer_by_name), "
        "count(*) FILTER (engagement_revenue_usd IS NOT NULL) FROM silver.slv_engagements"
    ) == [(
        said["distinct"], customers["customers_distinct"], said["blank_date"], said["unreadable_date"],
        said["identified_by_name"], said["with_revenue"],
    )]  # fmt: skip
    assert home.value("SELECT count(*) FROM silver.slv_engagement_services") == said["services"]
    assert home.rows(
        "SELECT count(*), count(DISTINCT engagement_key), count(DISTINCT customer_key), sum(revenue_usd), "
        "count(*) FILTER (is_date_ambiguous) FROM gold.fct_engagement"
    ) == [(
        said["distinct"], said["distinct"], customers["customers_distinct"], Decimal(said["revenue"]),
        said["ambiguous_date"],
    )]  # fmt: skip
    for mart in ("mrt_customer", "mrt_customer_service"):
        assert home.value(f"SELECT sum(total_revenue) FROM gold.{mart}") == Decimal(said["revenue"]), mart
    assert home.value("SELECT sum(engagements) FROM gold.mrt_customer") == said["distinct"]
    for table in ("gold.dim_project", "gold.fct_project", "gold.mrt_project", "silver.slv_projects"):
        [counted] = home.rows(f"SELECT count(*), count(DISTINCT project_id) FROM {table}")
        assert counted == (projects["distinct"], projects["distinct"]), table
    hours = "SELECT sum(hours) FROM silver.slv_time_entries WHERE NOT is_deleted"
    assert home.value("SELECT sum(hours) FROM gold.mrt_team_productivity") == home.value(hours)


def test_the_first_run_accounts_for_every_row(first: Home) -> None:
    truth, summary = first.truth(), first.summary
    assert (summary["state"], summary["slot"]) == ("completed", SLOT1)
    expected = {name: ("published", truth[name]["rows"], truth[name]["rows"], 0, 0) for name in CRM}
    for name, said in truth["files"].items():
        expected[name] = ("published", said["rows_total"], said["rows_good"], 0, said["rows_total"] - said["rows_good"])
    assert accounts(first, SLOT1) == expected
    customers = stream(summary, "drops.customers")
    total = truth["customers"]
    assert [customers[k] for k in ("read", "published", "unchanged", "quarantined")] == [
        total["rows_total"], total["rows_good"], 0, total["rows_total"] - total["rows_good"],
    ]  # fmt: skip
    for name in CRM:
        found = stream(summary, f"crm.{name}")
        rows = truth[name]["rows"]
        assert (found["status"], found["read"], found["published"], found["error"]) == ("published", rows, rows, None)
        assert first.value(f"SELECT count(*) FROM bronze.crm__{name}") == rows
    assert first.value("SELECT count(*) FROM bronze.drops__customers") == total["rows_good"]


def test_every_quarantined_row_is_one_that_the_sample_broke(first: Home) -> None:
    truth = first.truth()["customers"]
    rows = first.rows("SELECT layer, reason_code, position, raw FROM ops.quarantine WHERE stream = 'customers'")
    counted = Counter((layer, reason) for layer, reason, _, _ in rows)
    expected = {("bronze", code): truth[kind] for code, kind in REASONS.items()}
    expected["silver", "customer_unidentified"] = truth["customer_id"]["blank_unidentifiable"]
    assert counted == expected and all(expected.values())
    for kind, reason, position, raw in rows:
        if kind != "bronze":
            continue
        name, _, number = position.rpartition(":")
        text = (first.path / "sample" / "drops" / name).read_bytes()
        line = text.split(b"\n")[int(number) - 1]
        if reason == "invalid_encoding":
            with pytest.raises(UnicodeDecodeError):
                line.decode()
            continue
        [fields] = csv.reader([line.decode()])
        assert len(fields) < 17 if reason == "missing_fields" else len(fields) > 17, (position, line)
        assert raw.strip() == line.decode().strip()


def test_silver_and_gold_hold_what_was_written(first: Home) -> None:
    truth = first.truth()
    against_truth(first, truth["customers"], truth["projects"])
    unreadable = "SELECT count(*) FROM silver.slv_time_entries WHERE hours IS NULL"
    assert first.value(unreadable) == truth["time_entries"]["hours_unreadable"]
    flags = (
        "SELECT count(*) FILTER (is_ended_before_started), count(*) FILTER (NOT is_status_known) FROM gold.dim_project"
    )
    latest = truth["projects"]["latest"]
    [(ended, unknown)] = first.rows(flags)
    assert unknown == latest["status_outside_list"]
    assert ended >= latest["ended_before_started"] > 0, "truth counts those with ISO dates only"


def test_each_check_is_counted_once_and_the_gates_say_what_failed(first: Home) -> None:
    rows = first.rows("SELECT layer, check_id, success, published, severity, failed_rows FROM ops.gates")
    assert len({check for _, check, *_ in rows}) == len(rows)
    for name in ("bronze", "silver", "gold"):
        mine = [r for r in rows if r[0] == name]
        said = layer(first.summary, name)
        assert (said["checks"], said["failed"]) == (len(mine), sum(not r[2] for r in mine)) and mine
    assert all(published for *_, published, _, _ in rows)
    failures = {f["check_id"]: f["failed_rows"] for x in first.summary["layers"] for f in x["failures"]}
    assert failures == {check: failed for _, check, success, _, _, failed in rows if not success}
    ambiguous = first.truth()["customers"]["engagements"]["ambiguous_date"]
    assert failures["gold.fct_engagement.share_below"] == ambiguous


def test_events_are_told_once_as_cloudevents(first: Home) -> None:
    told = first.events()
    assert first.summary["events"] == {"delivered": len(told), "waiting": 0, "buried": 0}
    assert len({e["id"] for e in told}) == len(told)
    for event in told:
        noun = event["type"].split(".")[1]
        assert event["specversion"] == "1.0" and event["source"] == "hallmark" and noun in NOUNS
        assert event["type"].startswith("hallmark.") and event["type"].endswith(".v1")
        assert UUID(event["id"]).version == 5 and event["time"].endswith("Z")
        assert event["data"]["slot"] == SLOT1 and event["data"]["run_id"] == first.summary["run_id"]
    kept = first.rows("SELECT id, type, subject, data FROM ops.events")
    assert {e["id"]: (e["type"], e["subject"], e["data"]) for e in first.ledger_events()} == {
        key: (kind, subject, json.loads(data)) for key, kind, subject, data in kept
    }
    loads = [e["data"] for e in told if e["type"] == "hallmark.load.published.v1"]
    assert sum(x["read"] for x in loads) == first.value("SELECT sum(rows_read) FROM ops.loads")
    told_of = {e["subject"] for e in told if e["type"] == "hallmark.dataset.published.v1"}
    tables = first.rows(
        "SELECT schema_name || '.' || table_name FROM duckdb_columns() "
        "WHERE schema_name IN ('bronze', 'silver', 'gold')"
        "AND table_name NOT LIKE '%\\_\\_rejected' ESCAPE '\\' AND database_name = current_database() GROUP BY 1"
    )
    dashboards = {name for name in told_of if name.startswith("exposure.")}
    assert len(dashboards) == 5 and told_of - dashboards == {name for (name,) in tables}


def test_the_report_of_the_slot_is_there(first: Home) -> None:
    page = (first.path / "reports" / f"{SLOT1}.html").read_text(encoding="utf-8")
    told = Path(first.summary["report"])  # of the home that it is a copy of
    assert told.is_absolute() and told.parts[-3:] == ("home", "reports", f"{SLOT1}.html")
    assert page == (first.path / "reports" / "latest.html").read_text(encoding="utf-8")
    for word in ("gold.mrt_customer", "drops.customers", "too_many_fields", "customer-success"):
        assert word in page, word


def test_a_complete_slot_is_nothing_to_do(first: Home, second: Home) -> None:
    before = second.fingerprints(exact=True), second.value("SELECT count(*) FROM ops.batches"), len(second.events())
    for slot in (SLOT1, SLOT2):
        again = second.run(slot=slot)
        assert (again["state"], again["slot"], again["streams"], again["layers"]) == ("nothing_to_do", slot, [], [])
    after = second.fingerprints(exact=True), second.value("SELECT count(*) FROM ops.batches"), len(second.events())
    assert after == before


def test_the_second_run_reads_only_what_is_new(first: Home, second: Home) -> None:
    truth, summary = second.truth(), second.summary
    [wave] = truth["waves"]
    assert (summary["state"], summary["slot"]) == ("completed", SLOT2)
    found = accounts(second, SLOT2)
    changed, new, same = (wave["files"][k][0] for k in ("changed", "new", "identical"))
    assert set(found) == {*CRM, changed, new, same}, "an untouched file is not read again"
    for name in (changed, new):
        said = truth["files"][name]
        good, total = said["rows_good"], said["rows_total"]
        assert found[name] == ("published", total, good, 0, total - good)
    rows = accounts(first, SLOT1)[f"{same.removesuffix('.csv').rsplit('_again', 1)[0]}.csv"][1]
    assert found[same] == ("duplicate", rows, 0, rows, 0)
    with second.crm() as crm:
        for name in CRM:
            said = wave["tables"][name]
            cursor = "date_project_updated" if name == "projects" else "updated_at"
            window = f"SELECT count(*) FROM {name} WHERE {cursor} >= %s::timestamptz - interval '2 hours'"
            since = first.value("SELECT value FROM ops.cursors WHERE stream = ?", name)
            reread = crm.execute(window, [since]).fetchone()[0]
            done = stream(summary, f"crm.{name}")
            assert done["published"] == said["inserts"] + said["updates"], name
            assert (done["read"], done["unchanged"]) == (reread, reread - done["published"]), name
            assert (done["quarantined"], done["deleted"]) == (0, said["deletes"]), name
    assert sum(wave["tables"][t]["late_commits"] for t in CRM) > 0


def test_bronze_follows_its_tables(second: Home) -> None:
    columns = {
        "projects": "id, date_project_updated, status, project_id, priority",
        "time_entries": "id, updated_at, hours, project_id",
        "people": "id, updated_at, role, name",
        "teams": "id, updated_at, name",
    }
    with second.crm() as crm:
        for name, chosen in columns.items():
            there = crm.execute(f"SELECT {chosen} FROM {name} ORDER BY id").fetchall()
            live = f"SELECT {chosen} FROM bronze.crm__{name} WHERE _deleted_at IS NULL ORDER BY id"
            assert second.rows(live) == there, name
    deleted = {t: n["deletes"] for t, n in second.truth()["waves"][0]["tables"].items()}
    for name, count in deleted.items():
        gone = f"SELECT count(*) FROM bronze.crm__{name} WHERE _deleted_at IS NOT NULL"
        assert second.value(gone) == count, name
    assert deleted["projects"] and deleted["time_entries"]


def test_a_new_column_is_told(second: Home) -> None:
    told = {e["subject"]: e["data"] for e in second.events() if e["type"] == "hallmark.schema.changed.v1"}
    [events] = second.truth()["waves"][0]["events"]["new_columns"]
    assert {name: data["changes"] for name, data in told.items()} == {
        "bronze.crm__projects": ["column priority (VARCHAR) added"],
        "bronze.drops__events": [f"column {events} (VARCHAR) added"],
    }
    assert {data["slot"] for data in told.values()} == {SLOT2}
    assert told["bronze.crm__projects"]["owner"] == "customer-success"


def test_the_marts_after_a_wave_are_those_of_a_full_build(
    second: Home, sampled: Home, new_home: Callable[..., Home]
) -> None:
    truth = second.truth()
    against_truth(second, truth["now"]["customers"], truth["now"]["projects"])
    fresh = new_home(second)
    for name in ("warehouse.duckdb", "state.db"):
        (fresh.path / name).unlink()
    shutil.rmtree(fresh.path / "landing")
    fresh.run(slot=SLOT2)
    built, grown = fresh.fingerprints("gold"), second.fingerprints("gold")
    assert grown == built
    assert len(built) >= 9
