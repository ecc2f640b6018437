"""Events, invoices and documents of the sample's first and second batch, held against truth.json."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.homes import SLOT1, SLOT2, Home, stream

COUNTS = ("read", "published", "unchanged", "quarantined")


def counts(home: Home, name: str) -> list[int]:
    """What the run of a home says of a stream."""
    return [stream(home.summary, name)[k] for k in COUNTS]


def reasons(home: Home, name: str, slot: str = SLOT1) -> dict[str, int]:
    """Reason → quarantined rows of a stream in a slot."""
    return dict(home.rows(
        "SELECT reason_code, count(*) FROM ops.quarantine JOIN ops.loads l USING (load_id) "
        "WHERE l.stream = ? AND slot = ? AND layer = 'bronze' GROUP BY 1", name, slot,
    ))  # fmt: skip


def grouped(home: Home, sql: str) -> dict[Any, Any]:
    """The rows of a query of two columns, as a mapping."""
    return dict(home.rows(sql))


def events_hold(home: Home, said: dict[str, Any]) -> None:
    """Silver and the campaigns hold what the sample's writer counted."""
    distinct = said["distinct"]
    when, whose = distinct["occurred_at"], distinct["customer_id"]
    assert home.rows(
        "SELECT count(*), count(DISTINCT sequence), min(sequence), count(occurred_at), count(occurred_at_issue), "
        "count(customer_id), count(project_id), count(amount), sum(amount), sum(repeats_dropped) FROM silver.slv_events"
    ) == [(
        distinct["rows"], distinct["rows"], 2**53 + 1, distinct["rows"] - when["blank"] - when["text"], when["text"],
        distinct["rows"] - whose["blank"], distinct["project_id"]["set"], distinct["with_amount"],
        Decimal(distinct["amount"]), said["exact_repeats"],
    )]  # fmt: skip
    types = "SELECT event_type, count(*) FROM silver.slv_events GROUP BY 1"
    assert grouped(home, types) == distinct["event_type"]
    odd = "SELECT count(*) FROM silver.slv_events WHERE NOT is_type_known"
    assert home.value(odd) == distinct["event_type"]["page_scrolled"] + distinct["event_type"]["heartbeat"]
    clicks = {(name, medium): n for name, by in distinct["campaign"].items() for medium, n in by.items()}
    assert {(i, m): n for i, m, n in home.rows("SELECT campaign_id, medium, clicks FROM gold.mrt_campaign")} == clicks


def invoices_hold(home: Home, said: dict[str, Any]) -> None:
    """Silver and gold hold the newest version of each invoice."""
    latest = said["latest"]
    rows = home.rows("SELECT currency, status, sum(total) FROM silver.slv_invoices GROUP BY ALL")
    assert {(c, s): total for c, s, total in rows} == {
        (c, s): Decimal(total) for c, by in latest["totals"].items() for s, total in by.items()
    }
    assert home.rows(
        "SELECT count(*), count(customer_id), count(issued), count(due), "
        "count(*) FILTER (is_total_matching), count(*) FILTER (line_count = 0) FROM silver.slv_invoices"
    ) == [(
        said["distinct"], said["distinct"] - latest["customer_id"]["blank"], said["distinct"], said["distinct"],
        latest["total"]["adds_up"], latest["without_line"],
    )]  # fmt: skip
    lines = latest["lines"]
    halves = lines["quantity"]["comma"] + lines["quantity"]["point"]
    assert home.rows(
        "SELECT count(*), sum(amount), count(*) FILTER (quantity % 1 = 0.5) FROM silver.slv_invoice_lines"
    ) == [(lines["rows"], Decimal(lines["amount"]), halves)]
    usd = {status: Decimal(total) for status, total in latest["totals"]["USD"].items()}
    billed = sum(total for status, total in usd.items() if status != "void")
    assert home.rows("SELECT count(*), sum(total_usd), sum(invoiced_usd) FROM gold.fct_invoice") == [
        (said["distinct"], sum(usd.values()), billed)
    ]


def documents_hold(home: Home, said: dict[str, Any], files: dict[str, Any]) -> None:
    """Bronze and silver say of each file what is in it."""
    found = {r[0]: r[1:] for r in home.rows(
        "SELECT d.path, d.title, d.created_at, d.page_count, d.author, s.sender, s.project_id, s.customer_id "
        "FROM bronze.mailroom__mail d JOIN silver.slv_documents s USING (path)"
    )}  # fmt: skip
    assert len(found) == said["rows"] == home.value("SELECT count(*) FROM silver.slv_documents")
    inside: Counter[str] = Counter(path.partition("!")[0] for path in found if "!" in path)
    for path, file in files.items():
        if file.get("encrypted") or file.get("copy_of"):
            assert path not in found
            continue
        title, created, pages, author, sender, project, customer = found[path]
        when = file["created_at"] and datetime.fromisoformat(file["created_at"])
        assert (title, created) == (file["title"], when), path
        assert sender == file.get("sender"), path
        if file["kind"] != "image":  # what it says is known by OCR only
            assert (project, customer) == (file["project_id"], file["customer_id"]), path
        if expected := file.get("pages") or len(file.get("slides", ())):
            assert pages == expected, path
        if "author" in file:
            assert author == file["author"], path
        for name in file.get("attachments", ()):
            assert f"{path}!{name}" in found
            inside[path] -= 1
    assert sum(inside.values()) == said["attachments"].get("nested", 0)
    defective = home.value("SELECT count(*) FROM bronze.mailroom__mail WHERE status = 'defective'")
    assert defective == said["mails"]["variant"]["defective"]
    pages_of = "SELECT count(*) FROM bronze.mailroom__mail__pages JOIN bronze.mailroom__mail USING (document_id) "
    assert home.value(pages_of + "WHERE media_type = 'application/pdf'") == said["pages"]
    assert home.value(pages_of + "WHERE media_type LIKE '%presentation%'") == said.get("slides", 0)


def test_events_of_the_first_batch(first: Home) -> None:
    said = first.truth()["events"]
    bad = sum(said["unreadable"].values())
    assert counts(first, "drops.events") == [said["rows_total"], said["rows_good"], 0, bad] and bad
    assert said["rows_total"] == said["rows_good"] + bad
    assert reasons(first, "events") == {"broken_json": bad}
    assert first.value("SELECT count(*) FROM bronze.drops__events") == said["rows_good"]
    events_hold(first, said)
    late = "_source_position > 'events/events_003'"
    assert first.rows(
        f"SELECT count(device) FILTER (NOT {late}), count(*) FILTER ({late} AND device IS NULL AND event_id NOT IN "
        f"(SELECT event_id FROM bronze.drops__events WHERE NOT {late})) FROM bronze.drops__events"
    ) == [(0, 0)], "the field came in the midst of the files"
    assert first.value("SELECT count(device) FROM bronze.drops__events") > said["rows_good"] / 3


def test_every_quarantined_event_is_a_line_that_the_sample_broke(first: Home) -> None:
    rows = first.rows("SELECT position, byte_from, byte_to FROM ops.quarantine WHERE stream = 'events'")
    for position, start, end in rows:
        name, _, number = position.rpartition(":")
        file = (first.path / "sample" / "drops" / name).read_bytes()
        line = file.split(b"\n")[int(number) - 1]
        assert file[start:end].strip() == line.strip(), position
        with pytest.raises(ValueError):
            json.loads(line.decode())


def test_invoices_of_the_first_batch(first: Home) -> None:
    said = first.truth()["invoices"]
    kept, lines = said["superseded"] + said["truncated"], said["lines"]["rows"]
    assert counts(first, "drops.invoices") == [said["rows_total"], said["distinct"], 0, kept]
    assert reasons(first, "invoices") == {"superseded": said["superseded"], "broken_xml": said["truncated"]}
    latest = said["latest"]["lines"]["rows"]
    assert counts(first, "drops.invoices__line") == [lines, latest, 0, lines - latest]
    orphans = "SELECT count(*) FROM bronze.drops__invoices__line l ANTI JOIN bronze.drops__invoices i "
    assert first.value(orphans + "ON l._parent_id = i._source_position AND l._parent_load_id = i._load_id") == 0
    invoices_hold(first, said)


def test_documents_of_the_first_batch(first: Home) -> None:
    truth = first.truth()
    said = truth["documents"]
    total = said["rows"] + said["copies"] + said["encrypted"]
    assert counts(first, "mailroom.mail") == [total, said["rows"], said["copies"], said["encrypted"]]
    assert reasons(first, "mail") == {"encrypted": said["encrypted"]}
    documents_hold(first, said, truth["mailroom"])


def test_the_second_batch_reads_only_new_files(second: Home) -> None:
    truth = second.truth()
    [wave] = truth["waves"]
    said = wave["events"]["counts"]
    bad = sum(said["unreadable"].values())
    assert counts(second, "drops.events") == [said["rows_total"], said["rows_good"], 0, bad]
    said = wave["documents"]["counts"]
    assert counts(second, "mailroom.mail") == [said["rows"], said["rows"], 0, 0]
    loads = second.rows("SELECT source || '/' || path, status FROM ops.loads WHERE slot = ? AND path IS NOT NULL "
                        "AND NOT contains(stream, '__') AND stream <> 'customers'", SLOT2)  # fmt: skip
    [changed], [same] = wave["invoices"]["changed"], wave["invoices"]["identical"]
    expected = {f"drops/events/{name}": "published" for name in wave["events"]["new"]}
    expected |= {f"mailroom/{name}": "published" for name in wave["documents"]["new"]}
    expected |= {f"drops/invoices/{changed}": "published", f"drops/invoices/{same}": "duplicate"}
    assert dict(loads) == expected


def test_an_invoice_that_came_again_is_unchanged_or_replaced(first: Home, second: Home) -> None:
    [wave] = second.truth()["waves"]
    replaced, new = wave["invoices"]["invoices_corrected"], wave["invoices"]["invoices_appended"]
    read, published, unchanged, quarantined = counts(second, "drops.invoices")
    assert (published, unchanged, quarantined) == (replaced + new, read - replaced - new, 0)
    numbers = (
        "SELECT number FROM bronze.drops__invoices WHERE _load_id IN (SELECT load_id FROM ops.loads WHERE slot = ?)"
    )
    assert len(second.rows(numbers, SLOT2)) == published
    now = second.truth()["now"]["invoices"]
    assert second.value("SELECT count(*) FROM bronze.drops__invoices") == now["distinct"]
    live = "SELECT count(*) FROM bronze.drops__invoices__line"
    assert second.value(live) == now["latest"]["lines"]["rows"], "a replaced invoice takes its lines along"
    assert first.value(live) == first.truth()["invoices"]["latest"]["lines"]["rows"]


def test_silver_and_gold_of_the_second_batch(second: Home) -> None:
    truth = second.truth()
    events_hold(second, truth["now"]["events"])
    invoices_hold(second, truth["now"]["invoices"])
    documents_hold(second, truth["now"]["documents"], truth["mailroom"])
