"""How each metric of truth.tsv is held against what Hallmark made of a file; and the metrics that say nothing of it.

A check takes the input, what was seen of it, the fact's value, and all that was seen; it fails by an assertion.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg

from blocks.sources.naming import bronze_names
from tests.homes import Home
from tests.integration.inputs_support import INPUTS, OWN, Input, Seen

All = dict[str, Seen]
Check = Callable[[Input, Seen, str, All], None]
CHECKS: dict[str, Check] = {}
_A_FILE = "a property of the bytes; the row and the text of the file are checked by its other facts"
NOT_OURS = {
    "duckdb.error": "another tool gave up on the file; the records that Python counted are checked",
    "duckdb.rejects_error": "as duckdb.error",
    "duckdb.rows": "its sniffer pads ragged rows and takes a header of numbers for a row; csv.* facts are checked",
    "docx.paragraphs": "text and pages are kept, not the paragraphs",
    "docx.tables": "as docx.paragraphs",
    "email.parts_incl_multipart": "multipart containers and bodies are no documents; attachments are checked",
    "email.named_parts": "counts parts with a name that are no attachment too; attachments and their names are checked",
    "email.content_type": "a mail is message/rfc822 whatever its parts; checked by media_type in email.subject",
    "image.decodes": _A_FILE,
    "image.exif_tags": _A_FILE,
    "image.frames": _A_FILE,
    "json.duplicate_keys": "no file has one; unit tests of JSON do",
    "json.error": "what a parser of one document says of NDJSON",
    "magic": _A_FILE,
    "newlines crlf/lf/cr": "checked for what follows of it: csv.records_incl_first_line",
    "office.external_relationships": "nothing is fetched: tests of documents have a server that must see no request",
    "pdf.header_offset": _A_FILE,
    "pdf.javascript": _A_FILE,
    "pdf.password": "no password is configured: the file is in quarantine by pdf.needs_password",
    "pdf.qpdf_check": _A_FILE,
    "xml.elements": "elements become columns and child rows; the number of records is checked",
    "xml.entity_declarations": _A_FILE,
    "xml.external_entity_declarations": _A_FILE,
    "xml.has_doctype": "a DOCTYPE that names the network is not fetched: tests of XML have a server that sees none",
    "zip.crc_test": _A_FILE,
    "zip.declared_uncompressed_bytes": _A_FILE,
    "zip.encrypted_members": "no file has one",
    "zip.max_member_ratio": _A_FILE,
    "zip.nested_archives": "a member that is an archive is a member: zip.members",
}


def check_of(metric: str) -> Check | None:
    """The check of a metric; `xml.count:article` is one of `xml.count:*`."""
    return CHECKS.get(metric) or CHECKS.get(metric.partition(":")[0] + ":*")


def fact(*metrics: str) -> Callable[[Check], Check]:
    def named(check: Check) -> Check:
        CHECKS.update(dict.fromkeys(metrics, check))
        return check

    return named


def squeezed(text: object) -> str:
    """A text as truth.tsv writes it: one space between words, and no invisible characters."""
    return " ".join("".join(" " if unicodedata.category(c) == "Cf" else c for c in str(text or "")).split())


def values(found: Seen) -> list[str]:
    return [str(v) for row in found.rows for name, v in row.items() if name not in OWN and v is not None]


# CSV


@fact("csv.records_incl_first_line", "csv.blank_records", "seed.data_rows", "holoclean.rows")
def _records(one: Input, found: Seen, value: str, every: All) -> None:
    records = max(int(one.facts["csv.records_incl_first_line"]) - 1, 0)
    assert (found.account[0], len(found.rows) + len(found.quarantine)) == (records, records)
    assert len({r["_source_position"] for r in found.rows}) == len(found.rows)


@fact("csv.ragged_records")
def _ragged(one: Input, found: Seen, value: str, every: All) -> None:
    told = [q for q in found.quarantine if q["reason_code"] in ("missing_fields", "too_many_fields")]
    assert len(told) == int(value) == len(found.quarantine)
    lines = re.split(rb"\r\n|\r|\n", (INPUTS / one.path).read_bytes())
    for q in told:
        line = int(q["position"].rpartition(":")[2])
        assert lines[line - 1].decode() == q["raw"], q


@fact("csv.first_line", "csv.duplicate_names_in_first_line")
def _header(one: Input, found: Seen, value: str, every: All) -> None:
    line = one.facts["csv.first_line"]
    names = line.split("|")[:-1] if len(line) >= 200 else line.split("|")

    def even(columns: list[str]) -> list[str]:
        return [re.sub("_+", "_", c) for c in columns]

    assert even(found.columns)[: len(names)] == even(bronze_names(names))


@fact("csv.max_fields", "csv.min_fields", "csv.modal_fields", "duckdb.columns")
def _width(one: Input, found: Seen, value: str, every: All) -> None:
    if "csv.max_fields" not in one.facts:  # a file of blank lines: another tool makes a column of them
        assert found.columns == []
        return
    if one.facts["csv.ragged_records"] == "0":
        assert len(found.columns) == int(value)
    assert int(one.facts["csv.min_fields"]) <= len(found.columns) <= int(one.facts["csv.max_fields"])


@fact("csv.exact_duplicate_records")
def _repeated(one: Input, found: Seen, value: str, every: All) -> None:
    assert len(found.rows) - len({r["_row_hash"] for r in found.rows}) == int(value)


@fact("encoding", "bom")
def _text(one: Input, found: Seen, value: str, every: All) -> None:
    assert not [v for v in [*found.columns, *values(found)] if "\ufffd" in v or "\ufeff" in v]


@fact("nul_bytes")
def _nul(one: Input, found: Seen, value: str, every: All) -> None:
    assert sum(v.count("\0") for v in values(found)) == int(value)


@fact("decompressed_bytes")
def _unpacked(one: Input, found: Seen, value: str, every: All) -> None:
    assert found.bytes_landed == int(value)


@fact("holoclean.cells_differing_from_clean_file", "holoclean.differing_cells_by_column")
def _dirty(one: Input, found: Seen, value: str, every: All) -> None:
    clean = every[one.path.replace(".csv", "_clean.csv")].rows
    differing = Counter(
        c["attribute"] for c in clean if found.rows[int(c["tid"])][c["attribute"].lower()] != c["correct_val"]
    )
    by_column = ", ".join(f"{name}={count}" for name, count in sorted(differing.items()))
    assert value in (str(differing.total()), by_column)


@fact("seed.orphan_order_ids", "seed.orphan_user_ids", "seed.status_counts", "seed.sum_amount_cents")
def _seed(one: Input, found: Seen, value: str, every: All) -> None:
    def ids(name: str) -> set[str]:
        return {r["id"] for path, s in every.items() if path.endswith(f"/{name}.csv") for r in s.rows}

    rows = found.rows
    if "status" in rows[0]:
        counts = Counter(r["status"] for r in rows)
        orphans = sum(r["user_id"] not in ids("raw_customers") for r in rows)
        assert value in (str(orphans), ", ".join(f"{k}={n}" for k, n in sorted(counts.items())))
    else:
        orphans = sum(r["order_id"] not in ids("raw_orders") for r in rows)
        assert value in (str(orphans), str(sum(int(r["amount"]) for r in rows)))


# JSON and XML


@fact("json.single_document")
def _document(one: Input, found: Seen, value: str, every: All) -> None:
    assert (len(found.rows) == 1) == (value == "valid")


@fact("json.top_type", "json.top_len")
def _keys(one: Input, found: Seen, value: str, every: All) -> None:
    text = (INPUTS / one.path).read_text(encoding="utf-8-sig")
    whole = json.loads(text, parse_float=str, parse_int=str)
    assert value in (type(whole).__name__, str(len(whole)))
    [row] = found.rows
    for name, key in zip(bronze_names(whole), whole, strict=True):
        expected, kept = whole[key], row[name]
        if isinstance(expected, dict | list):
            kept = json.loads(kept, parse_float=str, parse_int=str)
        elif expected is not None and kept != expected:  # beside objects of other files a scalar is JSON too
            kept = {"true": True, "false": False}.get(kept, kept) if not str(kept).startswith('"') else json.loads(kept)
        assert kept == expected or (expected is None and kept == "null"), key
    assert sum(v is not None for n, v in row.items() if n not in OWN) <= len(whole)


@fact("ndjson.valid_lines", "ndjson.invalid_lines")
def _lines(one: Input, found: Seen, value: str, every: All) -> None:
    assert value in (str(len(found.rows)), str(len(found.quarantine)))
    assert len(found.rows) == int(one.facts["ndjson.valid_lines"])


@fact("xml.count:*", "xml.root", "xml.expat", "xml.lxml")
def _xml(one: Input, found: Seen, value: str, every: All) -> None:
    count = next(int(v) for m, v in one.facts.items() if m.startswith("xml.count:"))
    assert (len(found.rows), found.quarantine) == (count, [])


# Northwind


def northwind_facts(home: Home, database: psycopg.Connection[Any], wanted: dict[str, str]) -> dict[str, str]:
    """The same facts, from bronze for what is rows, from Postgres for what is the dump."""

    def bronze(sql: str) -> str:
        return str(home.value(sql))

    def dump(sql: str) -> str:
        return str(database.execute(sql).fetchall()[0][0])  # type: ignore[call-overload]

    kinds = "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'public'"
    found = {
        "tables": str(len(home.rows("SELECT 1 FROM duckdb_views() WHERE view_name LIKE 'northwind!_!_%' ESCAPE '!'"))),
        "views": dump(f"{kinds} AND relkind = 'v'"),
        "foreign_keys": dump("SELECT count(*) FROM pg_constraint WHERE contype = 'f'"),
        "sum:order_details.revenue": bronze(
            "SELECT CAST(sum(unit_price::DOUBLE * quantity * (1 - discount::DOUBLE)) AS DECIMAL(18, 2)) "
            "FROM bronze.northwind__order_details"
        ),
    }
    for metric in wanted:
        kind, _, rest = metric.partition(":")
        if kind == "rows":
            found[metric] = bronze(f"SELECT count(*) FROM bronze.northwind__{rest.removeprefix('public.')}")
        elif kind == "nulls":
            table, column = rest.split(".")
            found[metric] = bronze(f"SELECT count(*) FROM bronze.northwind__{table} WHERE {column} IS NULL")
    # What says nothing of rows: the dump loaded without an error, or there were no database to ask.
    same = ("column_types", "sql.load_errors", "tables_without_primary_key")
    return {**found, **{m: wanted[m] for m in same}}
