"""The dbt project on a small warehouse made by hand: what silver, gold and the marts say of dirty rows.

One warehouse goes through three slots with a changed file, late rows, deletions and updates; the same bronze is then
built in one go, which must give the same tables.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.integration.dbt_support import Warehouse

SLOTS = ("2026-11-22T00:00:00Z", "2026-11-22T06:00:00Z", "2026-11-22T12:00:00Z")
A, B, C = "customers/a.csv", "customers/b.csv", "customers/c.csv"

DATES: dict[str, tuple[date | None, bool, str | None]] = {
    "13-04-2020": (date(2020, 4, 13), False, None),
    "04-13-2020": (date(2020, 4, 13), False, None),
    "04-05-2020": (date(2020, 5, 4), True, None),
    "4/5/2020": (date(2020, 5, 4), True, None),
    "05-05-2020": (date(2020, 5, 5), False, None),
    "2020-04-05": (date(2020, 4, 5), False, None),
    "2020/04/13": (date(2020, 4, 13), False, None),
    "2020.4.3": (date(2020, 4, 3), False, None),
    "13.04.2020": (date(2020, 4, 13), False, None),
    "04/13/2020": (date(2020, 4, 13), False, None),
    " 2020-04-13 10:15:00 ": (date(2020, 4, 13), False, None),
    "31-02-2020": (None, False, "impossible_date"),
    "2020-13-01": (None, False, "impossible_date"),
    "0001-01-01": (None, False, "implausible_date"),
    "04-05-20": (None, False, "not_a_date"),
    "soon": (None, False, "not_a_date"),
    "N/A": (None, False, None),
    "  ": (None, False, None),
}
COUNTS: dict[str, int | None] = {
    "7": 7, "0042": 42, "1,200": 1200, "~200": 200, "about 30": 30, "hundred": 100, "a hundred": 100, "fifty": 50,
    "Twenty-five": 25, "one hundred and five": 105, "two thousand, three hundred and one": 2301, "2k": 2000,
    "7.0": 7, "many": None, "-5": None, "1.5": None, "10-20": None, "": None,
    "999,999,999": 999_999_999, "3000000000": None, "3000000 k": None, "1,000,000,000": None,
}  # fmt: skip
HOURS: dict[str, str | None] = {
    "1,5": "1.5",
    "2.0": "2",
    "8": "8",
    "N/A": None,
    "": None,
    "1,500": None,
    "-2": None,
    "2h": "2",
    "two": None,
}


def record(customer: str | None, project: str, number: str, **values: object) -> dict[str, object]:
    return {"customer_id": customer, "project_id": project, "engagementid": number, **values}


def first_slot(warehouse: Warehouse) -> None:
    acme = {"customer_name": "ACME  Ltd.", "client_revenue": "39801k", "engagement_date": "2020-01-10"}
    three = record("0007", "P1", "E1", revenue_usd="100", revenue="9", **acme)
    rows = [
        {**three, "service": "Video"}, {**three, "service": "Design"}, {**three, "service": "Web"},
        {**three, "service": "Web"},
        record(" 7 ", "P1", "E2", revenue="$0.05", service="Web", employee_count="10", **acme)
        | {"engagement_date": "2021-01-10", "client_revenue": "50m"},
        record("7", "P2", "E3", revenue_usd="call us", revenue="200 EUR", customer_name="acme ltd"),
        record(None, "P2", "E4", revenue_usd="1", customer_name="Acme Ltd", service="Design"),
        record("", "P2", "E5", revenue_usd="5", customer_name="Unheard Of"),
        record("-", "P2", "E6", revenue_usd="5", customer_name="N/A"),
        record("8", "P9", "E7", revenue_usd="0.05", customer_name="Twin", service=" Brand  new "),
        record("8", "P9", "E7", revenue_usd="0.05", customer_name="Twin", service="Ads"),
        record("8", "P9", "E7", revenue_usd="0.05", customer_name="Twin", service="Copy"),
        record("8", "P9", "E7", revenue_usd="0.05", customer_name="Twin", service="Copy"),
    ]  # fmt: skip
    warehouse.load("drops__customers", rows, SLOTS[0], A)
    forms = [record("50", "PD", f"D{n}", engagement_date=text) for n, text in enumerate(DATES)]
    forms += [record("60", "PC", f"C{n}", employee_count=text) for n, text in enumerate(COUNTS)]
    warehouse.load("drops__customers", forms, SLOTS[0], B)
    project = {"date_project_updated": "2026-01-01T00:00:00Z", "team_id": "1", "status": "completed"}
    warehouse.load(
        "crm__projects",
        [
            {**project, "id": 1, "project_id": "P1", "customer_id": "7", "pm_estimate": "10,0", "discount": "10%",
             "rate": "$85", "is_critical_delivery": "Yes", "project_service_id": "PS1", "product": "Deck",
             "date_project_created": "2026-01-01", "date_project_started": "03-01-2026",
             "date_project_ended": "13/01/2026", "date_project_deadline": "2026-01-12"},
            {**project, "id": 2, "project_id": "P1", "customer_id": "8", "project_service_id": "PS2",
             "product": "Logo", "date_project_updated": "2025-12-01T00:00:00Z"},
            {**project, "id": 3, "project_id": "P2", "customer_id": "999", "pm_estimate": "N/A", "discount": "0.1",
             "status": "archived", "date_project_started": "2026-11-12", "is_project_ai_enabled": "maybe"},
            {**project, "id": 4, "project_id": "P3", "customer_id": "7", "date_project_deadline": "2026-12-31",
             "discount": "15"},
            {**project, "id": 5, "project_id": " ", "customer_id": "7"},
        ],
        SLOTS[0],
    )  # fmt: skip
    updated = {"updated_at": "2026-01-01T00:00:00Z"}
    warehouse.load("crm__teams", [{"id": 1, "name": " Creative  Amber ", **updated}], SLOTS[0])
    warehouse.load("crm__people", [{"id": 1, "name": "Ada", "email": "Ada@X.org", "team_id": 1, **updated}], SLOTS[0])
    entry = {"person_id": 1, "work_date": "2026-01-08", **updated}
    entries = [{**entry, "id": n, "project_id": "P0", "hours": text} for n, text in enumerate(HOURS, 10)]
    entries += [{**entry, "id": n, "project_id": "P1", "hours": "6,0"} for n in (1, 2)]
    warehouse.load("crm__time_entries", entries, SLOTS[0])


def second_slot(warehouse: Warehouse) -> None:
    """The file A again: E1 corrected and without Web, E2 gone, E8 new; a time entry deleted; a name known late."""
    acme = {"customer_name": "ACME Ltd", "client_revenue": "39801k", "engagement_date": "2020-01-10"}
    changed = record("7", "P1", "E1", revenue_usd="101", **acme)
    rows = [{**changed, "service": "Design"}, {**changed, "service": "Video"}, record("9", "P1", "E8", revenue="3")]
    warehouse.load("drops__customers", [*rows, record("9", "P1", "E9", customer_name="Unheard of")], SLOTS[1], A)
    gone = {"id": 2, "person_id": 1, "project_id": "P1", "work_date": "2026-01-08", "hours": "6,0"}
    stamps = {"updated_at": "2026-01-01T00:00:00Z", "_deleted_at": SLOTS[1]}
    warehouse.load("crm__time_entries", [{**gone, **stamps}], SLOTS[1])


def third_slot(warehouse: Warehouse) -> None:
    """Late rows of E1 in another file, a blank number whose name is known by now, an entry that was corrected."""
    late = record("7", "P1", "E1", revenue_usd="999", service="Ads", engagement_date="2019-01-01", customer_name="Old")
    warehouse.load("drops__customers", [late, record("", "P2", "E10", customer_name="UNHEARD  OF.")], SLOTS[2], C)
    entry = {"id": 1, "person_id": 1, "project_id": "P1", "work_date": "2026-01-15", "hours": "8"}
    warehouse.load("crm__time_entries", [{**entry, "updated_at": "2026-02-01T00:00:00Z"}], SLOTS[2])


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    made = Warehouse(tmp_path_factory.mktemp("models") / "home")
    made.dbt("seed")
    done = 0
    for slot, change in zip(SLOTS, (first_slot, second_slot, third_slot), strict=True):
        change(made)
        made.dbt("run", slot=slot, loads_after=done, loads_upto=made.published)
        done = made.published
    return made


def engagement(warehouse: Warehouse, number: str) -> dict[str, Any]:
    return warehouse.one(f"from silver__audit.slv_engagements where engagementid = '{number}'")


def test_dates(warehouse: Warehouse) -> None:
    for number, (text, (value, ambiguous, issue)) in enumerate(DATES.items()):
        row = engagement(warehouse, f"D{number}")
        found = (row["engagement_date"], row["is_date_ambiguous"], row["engagement_date_issue"])
        assert found == (value, ambiguous, issue), text
        assert row["engagement_date_raw"] == (text if issue else None)


def test_counts(warehouse: Warehouse) -> None:
    for number, (text, value) in enumerate(COUNTS.items()):
        row = engagement(warehouse, f"C{number}")
        assert row["employee_count"] == value, text
        assert row["employee_count_raw"] == (None if value is not None else text or None)


def test_hours(warehouse: Warehouse) -> None:
    for number, (text, value) in enumerate(HOURS.items(), 10):
        row = warehouse.one(f"from silver__audit.slv_time_entries where time_entry_id = {number}")
        assert row["hours"] == (None if value is None else Decimal(value)), text
        assert (row["hours_issue"] is not None) == (value is None and text not in ("", "N/A")), text


def test_customers_are_found_by_name_or_rejected(warehouse: Warehouse) -> None:
    assert engagement(warehouse, "E4")["customer_id"] == 7
    rejected = warehouse.rows("from silver__audit.slv_engagements__rejected order by position")
    # E5's name was not known when it was loaded; E10 has the same name, later
    assert [(r["position"], r["reason_code"]) for r in rejected] == [
        (f"{A}#8", "customer_unidentified"), (f"{A}#9", "customer_unidentified"),
    ]  # fmt: skip
    assert '"engagementid":"E5"' in rejected[0]["raw"]
    assert engagement(warehouse, "E10")["customer_id"] == 9


def test_versions_of_a_file_and_repeats(warehouse: Warehouse) -> None:
    row = engagement(warehouse, "E1")
    # the newest version of A and the late file C speak; the later date wins
    assert (row["engagement_revenue_usd"], row["engagement_date"]) == (Decimal("101.00"), date(2020, 1, 10))
    assert row["rows_superseded"] == 4
    services = warehouse.rows(
        "select service from silver__audit.slv_engagement_services join silver__audit.slv_engagements"
        " using (engagement_key) where engagementid = 'E1' order by service"
    )
    assert [s["service"] for s in services] == ["Ads", "Design", "Video"]
    assert engagement(warehouse, "E2")["engagement_revenue_usd"] == Decimal("0.05")  # no newer version has it


def test_exact_repeats_are_dropped_and_counted(warehouse: Warehouse) -> None:
    assert engagement(warehouse, "E7")["repeats_dropped"] == 1
    assert engagement(warehouse, "E3")["repeats_dropped"] == 0


def test_unreadable_money_says_so(warehouse: Warehouse) -> None:
    row = engagement(warehouse, "E3")
    assert (row["revenue_usd"], row["revenue_usd_raw"], row["revenue_usd_issue"]) == (None, "call us", "no_number")
    assert (row["revenue"], row["revenue_raw"], row["revenue_issue"]) == (None, "200 EUR", "currency_not_usd")
    assert (row["revenue_amount"], row["revenue_currency"]) == (Decimal(200), "EUR")
    fact = warehouse.one("from gold__audit.fct_engagement where engagementid = 'E3'")
    assert fact["revenue_usd"] is None


def test_revenue_is_split_to_the_cent(warehouse: Warehouse) -> None:
    rows = warehouse.rows("from gold__audit.mrt_customer_service where customer_id = 8 order by service")
    assert [(r["service"], r["total_revenue"]) for r in rows] == [
        ("Ads", Decimal("0.03")), ("Brand new", Decimal("0.01")), ("Copy", Decimal("0.01")),
    ]  # fmt: skip


def test_one_row_per_customer_with_history(warehouse: Warehouse) -> None:
    row = warehouse.one("from gold__audit.dim_customer where customer_id = 7")
    assert (row["name"], row["revenue_band"], row["employee_count"]) == ("ACME Ltd.", "50M to 250M", 10)
    assert (row["first_engagement_date"], row["last_engagement_date"]) == (date(2019, 1, 1), date(2021, 1, 10))
    history = warehouse.rows("from silver__audit.slv_customer_info where customer_id = 7 order by valid_from")
    assert [(h["name"], h["revenue_usd"], h["valid_from"], h["valid_to"], h["is_current"]) for h in history] == [
        ("Old", None, date(2019, 1, 1), date(2020, 1, 10), False),
        ("ACME Ltd", Decimal(39801000), date(2020, 1, 10), date(2021, 1, 10), False),
        ("ACME Ltd.", Decimal(50000000), date(2021, 1, 10), None, True),
    ]
    assert warehouse.one("from silver__audit.slv_customers where customer_id = 7")["conflicts"] == 2


def test_one_row_per_project(warehouse: Warehouse) -> None:
    rows = {r["project_id"]: r for r in warehouse.rows("from gold__audit.dim_project")}
    assert set(rows) == {"P1", "P2", "P3"}
    first = rows["P1"]
    assert (first["id"], first["customer_id"], first["rate"]) == (1, 7, Decimal(85))
    assert (first["discount"], first["pm_estimate"]) == (Decimal("0.1"), Decimal(10))
    assert first["is_critical_delivery"]
    assert (first["date_project_started"], first["is_date_ambiguous"]) == (date(2026, 1, 3), True)
    assert rows["P2"]["customer_key"] is None
    assert rows["P2"]["is_customer_unknown"]
    assert not rows["P2"]["is_status_known"]
    silver = {r["project_id"]: r for r in warehouse.rows("from silver__audit.slv_projects")}
    assert (silver["P2"]["is_project_ai_enabled"], silver["P2"]["is_project_ai_enabled_raw"]) == (None, "maybe")
    assert (silver["P2"]["pm_estimate"], silver["P2"]["pm_estimate_issue"]) == (None, None)
    assert (silver["P3"]["discount"], silver["P3"]["discount_issue"]) == (None, "ambiguous_number")
    assert len(warehouse.rows("from silver__audit.slv_projects__rejected")) == 1


def test_marts(warehouse: Warehouse) -> None:
    project = warehouse.one("from gold__audit.mrt_project where project_id = 'P1'")
    assert (project["duration_days"], project["start_delay_days"], project["is_on_time"]) == (10, 2, False)
    running = warehouse.one("from gold__audit.mrt_project where project_id = 'P2'")
    assert (running["duration_days"], running["is_on_time"]) == (10, None)  # to the slot's date; no deadline
    customer = warehouse.one("from gold__audit.mrt_customer where customer_id = 7")
    assert (customer["total_revenue"], customer["projects"], customer["products"]) == (Decimal("102.05"), 2, 2)
    team = warehouse.rows("from gold__audit.mrt_team_productivity order by week_start")
    assert [(t["week_start"], t["hours"], t["projects_done"], t["on_time_share"]) for t in team] == [
        (date(2026, 1, 5), Decimal("13.5"), 0, None), (date(2026, 1, 12), Decimal(8), 1, Decimal(0)),
    ]  # fmt: skip
    assert team[1]["estimate_accuracy"] == Decimal("0.8")  # 8 hours of 10; the deleted entry does not count


def test_slot_by_slot_equals_all_at_once(warehouse: Warehouse, tmp_path: Path) -> None:
    whole = warehouse.copy(tmp_path)
    with whole.connect() as connection:
        connection.execute("drop schema silver__audit cascade")
        connection.execute("drop schema gold__audit cascade")
    whole.dbt("run", slot=SLOTS[2])
    tables = whole.rows(
        "select schema_name || '.' || table_name as name from duckdb_tables()"
        " where schema_name in ('silver__audit', 'gold__audit')"
    )
    assert len(tables) == 34
    for table in tables:
        one, other = (
            sorted(repr({c: v for c, v in row.items() if c != "_slot"}) for row in w.rows(f"from {table['name']}"))
            for w in (warehouse, whole)
        )
        assert one == other, table["name"]


def test_a_slot_writes_only_what_it_touches(warehouse: Warehouse) -> None:
    last = "_slot = timestamptz '2026-11-22 12:00:00+00'"
    touched = warehouse.rows(f"select engagementid from silver__audit.slv_engagements where {last} order by 1")
    assert [r["engagementid"] for r in touched] == ["E1", "E10"]
    entries = warehouse.rows(f"select time_entry_id from silver__audit.slv_time_entries where {last}")
    assert [r["time_entry_id"] for r in entries] == [1]


def test_marts_tie_back_to_bronze(warehouse: Warehouse) -> None:
    warehouse.dbt("test", "--select", "test_type:singular", slot=SLOTS[2])
