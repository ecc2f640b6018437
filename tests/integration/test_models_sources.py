"""What silver says of events, invoices and documents: dirt, repeats, corrections."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

from tests.integration.dbt_support import Warehouse
from tests.integration.sources_support import (
    AMOUNTS,
    BIG,
    SLOTS,
    TIMES,
    at,
    of_event,
    of_invoice,
)


def test_times(three_slots: Warehouse) -> None:
    for number, (text, (value, issue)) in enumerate(TIMES.items()):
        row = of_event(three_slots, f"T{number}")
        assert (row["occurred_at"], row["occurred_at_issue"]) == (value, issue), text
        assert row["occurred_at_raw"] == (text if issue else None), text


def test_amounts_are_exact(three_slots: Warehouse) -> None:
    for number, (text, (value, issue)) in enumerate(AMOUNTS.items()):
        row = of_event(three_slots, f"A{number}")
        assert (row["amount"], row["amount_issue"]) == (None if value is None else Decimal(value), issue), text
        assert (row["amount_raw"] is not None) == (issue is not None), text


def test_an_event_counts_once_as_it_came_last(three_slots: Warehouse) -> None:
    row = of_event(three_slots, "E-same")
    assert (row["page"], row["repeats_dropped"], row["sequence"]) == ("/b", 2, Decimal(BIG))
    assert of_event(three_slots, "E-late")["occurred_at"] == at(2026, 3, 3)
    odd = of_event(three_slots, "E-odd")
    assert (odd["is_type_known"], odd["customer_id"], odd["customer_id_raw"]) == (False, None, "seven")
    assert (odd["sequence"], odd["sequence_issue"]) == (None, "too_many_decimals")
    assert (of_event(three_slots, "E-brief")["customer_id"], odd["device_os"]) == (7, None)
    (lost,) = three_slots.rows("from silver__audit.slv_events__rejected")
    assert (lost["reason_code"], json.loads(lost["raw"])["session_id"]) == ("event_unidentified", "lost")


def test_a_slot_reads_only_its_events(three_slots: Warehouse) -> None:
    touched = three_slots.rows(f"select event_id from silver__audit.slv_events where _slot = '{SLOTS[1]}' order by 1")
    assert [r["event_id"] for r in touched] == ["E-late", "E-same"]


def test_the_newest_record_of_an_invoice_counts(three_slots: Warehouse) -> None:
    first = of_invoice(three_slots, "INV-1")
    # the correction has no line, so the old one's do not count for it
    assert (first["total"], first["line_count"], first["is_total_matching"]) == (Decimal(160), 0, False)
    assert (first["versions_superseded"], first["due"]) == (1, date(2026, 3, 15))
    assert of_invoice(three_slots, "INV-7")["total"] == Decimal(2)
    lines = three_slots.rows("select invoice_number, amount, amount_issue, is_amount_matching"
                           " from silver__audit.slv_invoice_lines order by 1, line_index")  # fmt: skip
    found = [tuple(line.values()) for line in lines]
    assert ("INV-5", None, "no_number", None) in found
    assert [f[0] for f in found] == ["INV-2", "INV-2", "INV-3", "INV-5", "INV-5", "INV-6", "INV-7"]
    rejected = three_slots.one("from silver__audit.slv_invoices__rejected")
    assert (rejected["reason_code"], rejected["position"]) == ("invoice_unidentified", "invoices/1.xml#7")


def test_totals_and_dates(three_slots: Warehouse) -> None:
    assert of_invoice(three_slots, "INV-2")["is_total_matching"]
    euros = of_invoice(three_slots, "INV-3")
    assert (euros["total"], euros["total_usd"], euros["currency"]) == (Decimal(20), None, "EUR")
    assert (euros["issued"], euros["issued_raw"], euros["issued_issue"]) == (None, "32/01/2026", "impossible_date")
    late = of_invoice(three_slots, "INV-4")
    assert (late["status"], late["due"], late["is_date_ambiguous"]) == ("overdue", date(2027, 5, 4), True)
    assert (of_invoice(three_slots, "INV-5")["lines_total"], of_invoice(three_slots, "INV-5")["is_total_matching"]) == (
        None,
        None,
    )
    unread = of_invoice(three_slots, "INV-6")
    assert (unread["total"], unread["total_raw"], unread["total_issue"]) == (None, "lots", "no_number")
    assert not unread["is_status_known"]


def test_documents(three_slots: Warehouse) -> None:
    rows = {(r["path"], r["is_current"]): r for r in three_slots.rows("from silver__audit.slv_documents")}
    mail, pdf = rows["a.eml", False], rows["a.eml!brief.pdf", False]
    assert (mail["kind"], mail["sender"]) == ("mail", "contact@customer-000008.example")
    assert (mail["project_id"], mail["customer_id"], mail["customer_found_by"]) == ("P000001", 8, "project")
    assert (pdf["kind"], pdf["page_count"], pdf["has_text"]) == ("pdf", 2, False)
    assert (pdf["project_id"], pdf["is_project_of_file"]) == ("P000001", True)  # the mail's
    assert pdf["received_at"] == at(2026, 3, 3, 12)
    newest = rows["a.eml", True]
    assert (newest["document_id"], newest["project_id"]) == ("sha-a2", "P000001")
    member = rows["b!c.eml!d.zip!logo.png", True]
    assert (member["file_path"], member["customer_id"], member["customer_found_by"]) == ("b!c.eml", 8, "sender")
    assert (member["kind"], member["received_at"], member["is_copy"]) == ("image", None, False)
    stranger = rows["e.eml", True]
    assert (stranger["customer_id"], stranger["customer_found_by"]) == (None, None)
    text = three_slots.rows("select column_name as c from duckdb_columns() where schema_name like '%audit'"
                          " and table_name like 'slv_document%' and column_name in ('text', 'metadata')")  # fmt: skip
    assert text == []
