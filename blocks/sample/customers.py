"""The files `customers/*.csv`: engagements with the dirt of the real export, counted as they are written.

An engagement is a few records that differ in their service only. Nothing here knows Postgres or waves.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from blocks.sample import values
from blocks.sample.plan import Plan, Progress
from blocks.sample.words import COMMENTS, SERVICES, customer_name, mojibake

COLUMNS = (
    "revenue", "service", "comments", "customer_id", "project_ref", "project_id", "revenue_usd", "sub_service",
    "engagementid", "service_type", "customer_name", "client_revenue", "employee_count", "engagement_date",
    "engagement_type", "detailed_sub_service", "engagement_reference",
)  # fmt: skip
_KINDS = {
    **dict.fromkeys((11,), "ragged_short"), **dict.fromkeys((61,), "ragged_long"),
    **dict.fromkeys((111,), "invalid_encoding"), **dict.fromkeys((161, 211), "unidentifiable"),
    **dict.fromkeys((23, 73, 123, 173), "by_name"), **dict.fromkeys((31, 81, 131), "unknown_project"),
    **dict.fromkeys((41, 91, 141), "blank_project"), **dict.fromkeys((53, 103, 153, 203), "newline"),
}  # fmt: skip
"""What is special about engagement e, by e % 251; none of it befalls a customer's first engagement."""
_BAD = ("ragged_short", "ragged_long", "invalid_encoding")
_SIZES = (1, 2, 1, 3, 2, 4, 1)
_NAMES = ("canonical",) * 12 + ("upper", "lower", "spaced", "mojibake", "legal", "blank", "na")
_IDS = ("plain",) * 9 + ("zeros", "zeros", "spaced", "zeros_spaced")
_SEPARATORS = {"-": "dash", ".": "dot", "/": "slash"}
_TYPES = ("Campaign", "Project", "Retainer", "Support")


class Range(NamedTuple):
    """Engagements in succession that fill so many records; the last of them may be cut off."""

    first: int
    records: int
    end: int = 0
    """The engagement after the last, known when it was written."""


@dataclass
class FileSpec:
    """What a file holds: enough to write it again, byte for byte."""

    name: str
    year: int
    bom: bool = False
    ranges: list[Range] = field(default_factory=list)
    corrected: dict[int, int] = field(default_factory=dict)
    """Engagement → wave that corrected its revenue."""
    tally: Counter[str] = field(default_factory=Counter)


@dataclass
class Engagement:
    """Its records, which of them repeat an earlier one, and what is to be counted."""

    kind: str
    records: list[list[str]]
    repeats: int
    per_record: list[str]
    cents: int | None = None


def engagement(plan: Plan, number: int, year: int, wave: int = 0) -> Engagement:
    """Engagement 1, 2, …; one that a wave corrected has 1,000 dollars per wave more revenue."""
    rng = plan.random(1, number)
    first = number <= plan.customers
    kind = "plain" if first else _KINDS.get(number % 251, "plain")
    if kind == "by_name" and plan.customers < 4:
        kind = "plain"
    project = number if first else rng.randrange(plan.projects) + 1
    customer = plan.customer_of(project)
    if kind == "by_name":  # names 1 to 3 are code, whose spelling is not to be varied
        customer = project = 4 + project % (plan.customers - 3)
    facts: list[str] = []

    def form(column: str, choices: tuple[str, ...], salt: int) -> str:
        chosen = plan.pick(choices, number, salt)
        facts.append(f"{column}.{chosen}")
        return chosen

    dollars = rng.randrange(400, 60_000) + 1000 * wave
    revenue, cents = values.money(form("money.revenue", values.MONEY, 3), dollars, number)
    usd, usd_cents = values.money(form("money.revenue_usd", values.MONEY, 17), dollars, number)
    size = (customer * 7919 % 900 + 20) * 100_000 + rng.randrange(9) * 10_000
    client = values.money(form("money.client_revenue", values.MONEY, 29), size, number)[0]
    heads = values.heads(form("employee_count", values.HEADS, 5), customer * 31 % 900 + rng.randrange(5), number)[0]
    last = 300 if year == 2026 else 365
    when = date(year, 1, 1) + timedelta(days=rng.randrange(last))
    written, known = values.written_date(form("dates.form", values.DATES, 7), when, number)
    facts.append(f"dates.{known}")
    if known == "ambiguous":
        facts.append(f"dates.ambiguous_by_separator.{_SEPARATORS[written[2]]}")

    comment = values.written_text(form("text.comments", values.TEXT, 11), COMMENTS[rng.randrange(len(COMMENTS))])
    if kind == "newline":
        comment = f"First call:\n{COMMENTS[number % len(COMMENTS)]}"
        facts[-1] = "text.comments.newline"
    reference = values.written_text(form("text.project_ref", values.TEXT, 13), f"Prj {project:06d}")
    own_reference = values.written_text(form("text.engagement_reference", values.TEXT, 19), f"Eng {year} {number:07d}")

    name, name_form = _name(plan, number, customer, "canonical" if first else kind)
    identity, id_form = _customer_id(plan, number, customer, "plain" if first else kind)
    project_id = f"P{project:06d}"
    if kind == "unknown_project":
        project_id = f"X{number:06d}"
    elif kind in ("blank_project", "unidentifiable"):
        project_id = ""
    if kind == "unidentifiable":
        reference = own_reference = ""
        facts = [f for f in facts if not f.startswith(("text.project_ref", "text.engagement_reference"))]
        facts += ["text.project_ref.blank", "text.engagement_reference.blank"]
    facts += [f"text.customer_name.{name_form}", f"customer_id.{id_form}"]
    facts += [f"project_id.{kind.removesuffix('_project')}"] if kind.endswith("_project") else []
    facts += ["project_id.blank"] if kind == "unidentifiable" else []
    if kind == "newline":
        facts.append("quoted_newlines")

    single = kind in (*_BAD, "unidentifiable")
    count = 1 if single else _SIZES[rng.randrange(len(_SIZES))]
    start, step = rng.randrange(len(SERVICES)), 1 if rng.random() < 0.5 else 5
    repeats = (1 + number % 2) if not single and not first and number % 17 == 5 else 0
    records = []
    for index in [*range(count), *([count - 1] * repeats)]:
        service, sub, detail = SERVICES[(start + index * step) % len(SERVICES)]
        records.append([
            revenue, service, comment, identity, reference, project_id, usd, sub, f"E{number:07d}",
            "Retainer" if number % 3 == 0 else "One-off", name, client, heads, written, _TYPES[number % 4], detail,
            own_reference,
        ])  # fmt: skip
    if kind == "ragged_short":
        records = [records[0][:9]]
    elif kind == "ragged_long":
        records = [[*records[0], "surplus", "1"]]
    elif kind == "invalid_encoding":
        records[0][10] = "Caf\udce9 Rouge"  # written as the single byte E9, which is é in Windows-1252
    return Engagement(kind, records, repeats, facts, usd_cents if usd_cents is not None else cents)


def _name(plan: Plan, number: int, customer: int, kind: str) -> tuple[str, str]:
    name = customer_name(customer)
    if kind == "unidentifiable":
        form = ("blank", "na", "dash")[number % 3]
        return {"blank": "", "na": "N/A", "dash": "-"}[form], form
    form = "canonical" if customer <= 3 or kind == "canonical" else plan.pick(_NAMES, number, 3)
    if kind == "by_name" and form not in ("canonical", "upper", "lower", "spaced"):
        form = "canonical"
    if form == "mojibake" and mojibake(name) == name:
        form = "canonical"
    match form:
        case "upper":
            return name.upper(), form
        case "lower":
            return name.lower(), form
        case "legal":
            return f"{name}.", form
        case "canonical":
            return name, form
        case "mojibake":
            return mojibake(name), form
    return values.written_text(form, name), form


def _customer_id(plan: Plan, number: int, customer: int, kind: str) -> tuple[str, str]:
    if kind in ("by_name", "unidentifiable"):
        return "", f"blank_{'identifiable' if kind == 'by_name' else kind}"
    form = "plain" if kind == "plain" and number <= plan.customers else plan.pick(_IDS, number, 5)
    text = str(customer).zfill(8) if form.startswith("zeros") else str(customer)
    return f" {text}  " if form.endswith("spaced") else text, form


def write_base(plan: Plan, folder: Path, progress: Progress) -> list[FileSpec]:
    """Write the files of the base: four, one for each year of engagements, or more of at most 100,000 records."""
    specs: list[FileSpec] = []
    years = [2023 + index * 4 // plan.files for index in range(plan.files)]
    following = 1
    for index, year in enumerate(years):
        part = f"_{index - years.index(year) + 1:03d}" if years.count(year) > 1 else ""
        done = plan.rows * (index + 1) // plan.files
        share = done - plan.rows * index // plan.files
        spec = FileSpec(f"customers_{year}{part}.csv", year, bom=index == 1, ranges=[Range(following, share)])
        following = write(plan, spec, folder)
        specs.append(spec)
        progress("customers", done, plan.rows)
    return specs


def write(plan: Plan, spec: FileSpec, folder: Path) -> int:
    """Write the file under its name in one step, and count what is in it into `spec.tally`.

    Gives the number of the next free engagement: the one after the last of the last range.
    """
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder.parent / f".{spec.name}.partial"
    tally: Counter[str] = Counter()
    with partial.open("wb") as out:
        out.write(b"\xef\xbb\xbf" if spec.bom else b"")
        out.write((",".join(COLUMNS) + "\n").encode())
        for records in _blocks(plan, spec, tally):
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows(records)
            out.write(text.getvalue().encode("utf-8", "surrogateescape"))
    partial.replace(folder / spec.name)
    spec.tally = tally
    return spec.ranges[-1].end


def _blocks(plan: Plan, spec: FileSpec, tally: Counter[str], size: int = 4000) -> Iterator[list[list[str]]]:
    block: list[list[str]] = []
    for index, part in enumerate(spec.ranges):
        number, left = part.first, part.records
        while left > 0:
            one = engagement(plan, number, spec.year, spec.corrected.get(number, 0))
            records = one.records[:left]
            left -= len(records)
            number += 1
            _count(tally, one, len(records))
            block += records
            if len(block) >= size:
                yield block
                block = []
        spec.ranges[index] = part._replace(end=number)
    yield block


def _count(tally: Counter[str], one: Engagement, records: int) -> None:
    tally["rows_total"] += records
    if one.kind in _BAD:
        tally[one.kind] += records
        return
    tally["rows_good"] += records
    for fact in one.per_record:
        tally[fact] += records
    distinct = min(records, len(one.records) - one.repeats)
    tally["exact_repeats"] += records - distinct
    if one.kind == "unidentifiable":
        return
    tally["engagements.distinct"] += 1
    tally["engagements.services"] += distinct
    tally["engagements.with_several_services"] += distinct > 1
    tally["engagements.identified_by_name"] += one.kind == "by_name"
    known = next(f for f in one.per_record if f in _DATE_FACTS)
    tally[f"engagements.{known.removeprefix('dates.')}_date"] += 1
    tally["engagements.with_revenue"] += one.cents is not None
    tally["engagements.revenue_in_cents"] += one.cents or 0


_DATE_FACTS = ("dates.certain", "dates.ambiguous", "dates.blank", "dates.unreadable")
