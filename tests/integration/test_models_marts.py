"""What gold and the marts say of events, invoices and documents; and that the same bronze in one go gives the same."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from governance.manifest import layer_models
from tests.homes import parsed
from tests.integration.dbt_support import AGENCY, Warehouse
from tests.integration.sources_support import (
    EVENTS,
    INVOICES,
    MAIL,
    SLOTS,
    at,
    of_invoice,
)


def test_before_the_corrections_came(three_slots: Warehouse, tmp_path: Path) -> None:
    before = three_slots.copy(tmp_path)
    with before.connect() as connection:
        connection.execute(f"DELETE FROM bronze.{INVOICES} WHERE _source_position LIKE 'invoices/2%'")
    before.dbt("run", "--select", "slv_invoice_lines", "slv_invoices", "fct_invoice", slot=SLOTS[0])
    line = before.one("from silver__audit.slv_invoice_lines where invoice_number = 'INV-1'")
    assert (line["quantity"], line["amount"], line["is_amount_matching"]) == (Decimal("1.5"), Decimal(150), True)
    assert line["description"] == "Layout & <b>"
    assert not of_invoice(before, "INV-2")["is_total_matching"]
    row = of_invoice(before, "INV-2", "gold__audit.fct_invoice join gold__audit.dim_customer using (customer_key)")
    assert (row["customer_id"], row["is_customer_by_project"]) == (8, True)  # the invoice named none


def test_invoices_in_gold(three_slots: Warehouse) -> None:
    facts = {r["invoice_number"]: r for r in three_slots.rows("from gold__audit.fct_invoice")}
    keys = {r["customer_id"]: r["customer_key"] for r in three_slots.rows("from gold__audit.dim_customer")}
    second, third, fourth, fifth = (facts[f"INV-{n}"] for n in (2, 3, 4, 5))
    assert (second["customer_key"], second["is_customer_by_project"]) == (keys[8], False)
    assert (second["is_overdue"], second["days_overdue"]) == (True, 2)  # due two days before the slot
    assert (third["customer_key"], third["is_customer_unknown"]) == (None, True)
    assert (fourth["is_overdue"], fourth["days_overdue"]) == (True, 0)  # marked, though not due yet
    assert (fifth["total_usd"], fifth["invoiced_usd"]) == (Decimal(12), None)


def test_weeks_of_a_customer(three_slots: Warehouse) -> None:
    rows = {(r["customer_id"], r["week_start"]): r for r in three_slots.rows("from gold__audit.mrt_client_engagement")}
    assert all(day.weekday() == 0 for _, day in rows)
    assert {customer for customer, _ in rows} == {7, 8}  # 50 and 999 are no customers
    week = rows[7, date(2026, 3, 2)]
    # E-late (by its correction) and E-brief, which in UTC is on the fifth
    assert (week["events"], week["active_days"], week["sessions"], week["brief_submitted"]) == (2, 2, 1, 1)
    assert (rows[8, date(2026, 3, 2)]["mails"], rows[8, date(2026, 3, 2)]["documents"]) == (1, 0)
    billed = rows[7, date(2026, 2, 23)]
    assert (billed["invoices"], billed["paid_invoices"], billed["open_invoices"]) == (5, 1, 2)
    assert (billed["invoiced_usd"], billed["overdue_invoices"]) == (Decimal(242), 2)


def test_customers(three_slots: Warehouse) -> None:
    seven, eight = three_slots.rows("from gold__audit.mrt_customer order by customer_id")
    assert (seven["last_event_at"], seven["open_invoices"]) == (at(2026, 3, 21, 9), 2)
    assert (seven["invoiced_total"], seven["mails"]) == (Decimal(242), 0)
    assert (eight["invoiced_total"], eight["mails"]) == (Decimal(100), 2)  # of b!c.eml no date is known


def test_campaigns(three_slots: Warehouse) -> None:
    rows = {(r["campaign_id"], r["medium"]): r for r in three_slots.rows("from gold__audit.mrt_campaign")}
    assert set(rows) == {("spring", "email"), ("spring", "social"), ("summer", "email"), ("unknown", "unknown")}
    social, mail = rows["spring", "social"], rows["spring", "email"]
    # E1 (the 20th) is owed to the click of the 15th, the last one before it; E2 came after more than 90 days
    assert (social["engagements"], social["revenue_usd"], social["engaged_customers"]) == (1, Decimal("100.10"), 1)
    assert (rows["summer", "email"]["engagements"], rows["summer", "email"]["revenue_usd"]) == (0, Decimal(0))
    # E3 came the day before its customer's click; the project P000001 the day after, by now of customer 8
    assert (mail["clicks"], mail["customers"], mail["engagements"], mail["projects"]) == (2, 2, 0, 1)
    assert rows["unknown", "unknown"]["customers"] == 0


def test_slot_by_slot_equals_all_at_once(three_slots: Warehouse, tmp_path: Path) -> None:
    whole = three_slots.copy(tmp_path)
    with whole.connect() as connection:
        connection.execute("drop schema silver__audit cascade")
        connection.execute("drop schema gold__audit cascade")
    whole.dbt("run", slot=SLOTS[2])
    for table in ("silver__audit.slv_events", "silver__audit.slv_document_rows", "silver__audit.slv_documents",
                  "gold__audit.mrt_client_engagement", "gold__audit.mrt_campaign"):  # fmt: skip
        one, other = (
            sorted(repr({c: v for c, v in row.items() if c != "_slot"}) for row in w.rows(f"from {table}"))
            for w in (three_slots, whole)
        )
        assert one == other, table


def test_everything_ties_back_to_bronze(three_slots: Warehouse) -> None:
    three_slots.dbt("test", "--select", "test_type:singular", slot=SLOTS[2])


def test_the_reconciliations_find_what_is_missing(three_slots: Warehouse, tmp_path: Path) -> None:
    broken = three_slots.copy(tmp_path)
    damage = {
        "reconcile_events": "delete from silver__audit.slv_events where event_id = 'K1'",
        "reconcile_invoices": "update gold__audit.fct_invoice set total_usd = 1 where invoice_number = 'INV-2'",
        "reconcile_documents": "delete from silver__audit.slv_documents where path = 'e.eml'",
        "reconcile_engagement_weeks": "delete from gold__audit.mrt_client_engagement where customer_id = 8",
        "reconcile_campaigns": "update gold__audit.mrt_campaign set revenue_usd = 1000",
    }
    with broken.connect() as connection:
        for statement in damage.values():
            connection.execute(statement)
    with pytest.raises(AssertionError) as raised:
        broken.dbt("test", "--select", *damage, slot=SLOTS[2])
    assert [name for name in damage if f"{name}:" not in str(raised.value)] == []


def test_marts_do_not_need_a_mailroom_events_or_invoices() -> None:
    manifest = json.loads((parsed() / "all" / "manifest.json").read_text("utf-8"))
    agency = {f"bronze.{t}" for t in AGENCY}
    silver, gold = (layer_models(manifest, layer, agency) for layer in ("silver", "gold"))
    assert {"slv_events", "slv_invoices", "slv_documents"} <= set(silver.skipped)
    assert {"mrt_customer", "mrt_client_engagement", "dim_date"} <= set(gold.keys)
    assert set(gold.skipped) == {"fct_invoice", "mrt_campaign"}
    with_invoices = layer_models(manifest, "silver", {*agency, f"bronze.{INVOICES}"})
    assert {"slv_invoices", "slv_invoice_lines"} <= set(with_invoices.keys)
    assert "slv_documents" in layer_models(manifest, "silver", {f"bronze.{MAIL}"}).keys
    assert not layer_models(manifest, "gold", {f"bronze.{EVENTS}"}).keys
