"""Three slots of events, invoices and documents on a warehouse made by hand: dirt, repeats, corrections."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.integration.dbt_support import AGENCY, Warehouse

SLOTS = ("2026-11-22T00:00:00Z", "2026-11-22T06:00:00Z", "2026-11-22T12:00:00Z")
EVENTS, INVOICES, LINES, MAIL = "drops__events", "drops__invoices", "drops__invoices__line", "mailroom__mail"
BIG = 2**53 + 1


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


TIMES: dict[str, tuple[datetime | None, str | None]] = {
    "2026-03-01T10:00:00Z": (at(2026, 3, 1, 10), None),
    "2026-03-01T10:00:00.123456+02:00": (at(2026, 3, 1, 8, 0, 0, 123456), None),
    "2026-03-01 23:30:00 -0500": (at(2026, 3, 2, 4, 30), None),
    "2026-03-01t10:00z": (at(2026, 3, 1, 10), None),
    "2026-03-01T10:00:00+02": (at(2026, 3, 1, 8), None),
    "1772359200123": (at(2026, 3, 1, 10, 0, 0, 123000), None),
    "1772359200": (at(2026, 3, 1, 10), None),
    "2026-03-01T10:00:00": (None, "no_zone"),
    "2026-03-01": (None, "no_zone"),
    "2026-02-30T10:00:00Z": (None, "impossible_time"),
    "1970-01-01T00:00:00Z": (None, "implausible_time"),
    "9999999999999": (None, "implausible_time"),
    "0": (None, "not_a_time"),
    "yesterday": (None, "not_a_time"),
    "": (None, None),
    "N/A": (None, None),
}
AMOUNTS: dict[str, tuple[str | None, str | None]] = {
    "12.50": ("12.5", None),
    "12345678901234567.89": ("12345678901234567.89", None),  # a double ends in 68.0
    "0.1": ("0.1", None),
    "-3": ("-3", None),
    "1.25e1": ("12.5", None),
    '"12.50"': ("12.5", None),
    "1.0000001": (None, "too_many_decimals"),
    "1e30": (None, "too_large"),
    '"12,50"': (None, "not_a_number"),
    "true": (None, "not_a_number"),
    "[1]": (None, "not_a_number"),
    '""': (None, None),
    "null": (None, None),
}


def event(number: str, **values: object) -> dict[str, object]:
    properties = values.pop("properties", {})
    text = properties if isinstance(properties, str) else json.dumps(properties)
    usual = {"event_type": "login", "occurred_at": "2026-03-01T10:00:00Z", "customer_id": "7"}
    return {"event_id": number, **usual, **values, "properties": text}


def click(number: str, customer: str | None, day: str, campaign: str | None, medium: str | None) -> dict[str, object]:
    named = {"campaign": {"id": campaign, "medium": medium}}
    when = f"{day}T09:00:00Z"
    return event(number, event_type="Campaign Click", customer_id=customer, occurred_at=when, properties=named)


def invoices(warehouse: Warehouse, slot: str, path: str, rows: list[dict[str, Any]]) -> None:
    """Load invoices with their `lines` as two tables, as an XML file comes."""
    load = warehouse.load(INVOICES, [{k: v for k, v in r.items() if k != "lines"} for r in rows], slot, path)
    lines = [
        {**line, "_parent_id": f"{path}#{n}", "_parent_load_id": load, "_index": i}
        for n, row in enumerate(rows, 1)
        for i, line in enumerate(row.get("lines", []))
    ]
    if lines:
        warehouse.load(LINES, lines, slot, path)


def invoice(number: str | None, total: str | None, *amounts: str, **values: object) -> dict[str, Any]:
    usual = {"currency": "USD", "status": "paid", "issued": "2026-03-01", "due": "15/03/2026", "customer_id": "0007"}
    lines = [{"no": str(n), "quantity": "1", "price": a, "amount": a} for n, a in enumerate(amounts, 1)]
    return {"number": number, **usual, "total": total, "lines": lines, **values}


def document(path: str, **values: object) -> dict[str, object]:
    usual = {"document_id": f"sha-{path}", "media_type": "message/rfc822", "status": "ok", "text": "Hello"}
    return {"path": path, **usual, **values}


def first_slot(warehouse: Warehouse) -> None:
    old = {"date_project_updated": "2026-01-01T00:00:00Z", "status": "completed"}
    warehouse.load(
        "drops__customers",
        [
            {"customer_id": "7", "project_id": "P000001", "engagementid": "E1", "revenue_usd": "100.10",
             "engagement_date": "2026-03-20"},
            {"customer_id": "7", "project_id": "P000001", "engagementid": "E2", "revenue_usd": "50",
             "engagement_date": "2026-09-20"},
            {"customer_id": "8", "project_id": "P000002", "engagementid": "E3", "revenue_usd": "7",
             "engagement_date": "2026-03-10"},
        ],
        SLOTS[0], "customers/a.csv",
    )  # fmt: skip
    warehouse.load(
        "crm__projects",
        [{**old, "id": 1, "project_id": "P000001", "customer_id": "7", "date_project_created": "2026-03-12"},
         {**old, "id": 2, "project_id": "P000002", "customer_id": "8", "date_project_created": "2025-01-01"}],
        SLOTS[0],
    )  # fmt: skip
    times = [event(f"T{n}", customer_id="50", occurred_at=text or None) for n, text in enumerate(TIMES)]
    raw = [event(f"A{n}", customer_id="50", properties=f'{{"amount": {text}}}') for n, text in enumerate(AMOUNTS)]
    twice = event("E-same", session_id="s1", sequence=str(BIG), properties={"page": "/a", "duration_ms": 12})
    rows = [
        twice, twice,
        event("E-brief", event_type="brief_submitted", session_id="s2", customer_id="00007",
              occurred_at="2026-03-04T23:30:00-05:00", user_email="Ann@Customer.Example"),
        event("E-odd", event_type="teleported", customer_id="seven", sequence="1.5"),
        event("E-late", occurred_at="2026-02-01T00:00:00Z"),
        event(" ", session_id="lost"),
        click("K1", "7", "2026-03-10", "spring", "EMail"), click("K2", "7", "2026-03-15", "spring", "social"),
        click("K3", "7", "2026-03-21", "summer", "email"), click("K4", "8", "2026-03-11", "spring", "email"),
        click("K5", None, "2026-03-11", None, None),
    ]  # fmt: skip
    warehouse.load(EVENTS, [*times, *raw, *rows], SLOTS[0], "events/1.ndjson")
    half = {"no": "1", "quantity": "1,5", "price": "100.00", "amount": "150.00", "description": "Layout & <b>"}
    invoices(warehouse, SLOTS[0], "invoices/1.xml", [
        {**invoice("INV-1", "150.00"), "lines": [half]},
        invoice("INV-2", "99.99", "50.00", "50.00", status="open", due="2026-11-20", customer_id="", project="P000002"),
        invoice("INV-3", "20.00", "20.00", currency="EUR", customer_id="999", issued="32/01/2026"),
        invoice("INV-4", "80.00", status="Overdue", due="04/05/2027"),
        invoice("INV-5", "12.00", "5.00", "lots", status="void"),
        invoice("INV-6", "lots", "1.00", status="archived"),
        invoice(" ", "1.00"),
        invoice("INV-7", "1.00", "1.00", status="open"), invoice("INV-7", "2.00", "2.00", status="open"),
    ])  # fmt: skip
    mail = document(
        "a.eml", title="Brief", text="About P000001, not XP000002.", author='"Bo" <Contact@customer-000008.example>',
        created_at="2026-03-03T12:00:00Z",
    )  # fmt: skip
    warehouse.load(MAIL, [
        mail,
        document("a.eml!brief.pdf", media_type="application/pdf", parent="sha-a.eml", page_count=2, text=" "),
        document("a.eml!logo.png", media_type="image/png", parent="sha-a.eml", text=None, status="no_text",
                 document_id="sha-logo"),
    ], SLOTS[0], "a.eml")  # fmt: skip


def second_slot(warehouse: Warehouse) -> None:
    """Repeats and corrections in new loads; the customer of a project changes; a mail from an address alone."""
    same = event("E-same", session_id="s1", sequence=str(BIG), properties={"page": "/b"})
    warehouse.load(EVENTS, [same, event("E-late", occurred_at="2026-03-03T00:00:00Z")], SLOTS[1], "events/2.ndjson")
    invoices(warehouse, SLOTS[1], "invoices/2.xml", [
        invoice("INV-1", "160.00"), invoice("INV-2", "100.00", "50.00", "50.00", customer_id="8", due="2026-11-20",
                                            status="open"),
    ])  # fmt: skip
    warehouse.load(MAIL, [
        document("b!c.eml", text="No project.", author="contact@customer-000008.example"),
        document("b!c.eml!d.zip", media_type="application/zip", parent="sha-b!c.eml", text=None),
        document("b!c.eml!d.zip!logo.png", media_type="image/png", parent="sha-b!c.eml!d.zip", text=None,
                 document_id="sha-logo"),
    ], SLOTS[1], "b!c.eml")  # fmt: skip


def third_slot(warehouse: Warehouse) -> None:
    """The file a.eml again with other content, a project that changed hands, a stranger's mail."""
    moved = {
        "date_project_updated": "2026-06-01T00:00:00Z",
        "status": "completed",
        "date_project_created": "2026-03-12",
    }
    warehouse.load("crm__projects", [{**moved, "id": 1, "project_id": "P000001", "customer_id": "8"}], SLOTS[2])
    again = document("a.eml", document_id="sha-a2", title="Brief P000001", created_at="2026-03-03T12:00:00Z")
    warehouse.load(MAIL, [again], SLOTS[2], "a.eml")
    warehouse.load(MAIL, [document("e.eml", author="someone@elsewhere.example")], SLOTS[2], "e.eml")


def built(home: Path) -> Warehouse:
    """A warehouse after the three slots."""
    made = Warehouse(home, (*AGENCY, INVOICES, LINES, MAIL))
    made.create(EVENTS, "device")  # no record has had it so far
    made.dbt("seed")
    done = 0
    for slot, change in zip(SLOTS, (first_slot, second_slot, third_slot), strict=True):
        change(made)
        made.dbt("run", slot=slot, loads_after=done, loads_upto=made.published)
        done = made.published
        if slot == SLOTS[1]:
            with made.connect() as connection:
                connection.execute(f"ALTER TABLE bronze.{EVENTS} ADD COLUMN device JSON")
    return made


def of_event(warehouse: Warehouse, number: str) -> dict[str, Any]:
    return warehouse.one(f"from silver__audit.slv_events where event_id = '{number}'")


def of_invoice(warehouse: Warehouse, number: str, table: str = "silver__audit.slv_invoices") -> dict[str, Any]:
    return warehouse.one(f"from {table} where invoice_number = '{number}'")
