"""The files `invoices/*.xml`: invoices with their lines, with the dirt of the real export, counted as they are written.

A file is a list of (invoice, version) that follows from the plan and the wave alone, and so can be made again. The
later files hold newer versions of a few invoices of the first one, which no wave changes: what is loaded last is
the newest version of a number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from blocks.sample import files
from blocks.sample.plan import ANCHOR, Plan, Progress, nested, table
from blocks.sample.words import SERVICES, customer_name

FIRST_DAY = date(2025, 1, 2)
DATES = table(iso=9, dmy=2)
IDS = table(plain=9, zeros=12, blank=1, unknown=1)
LINES = (2, 1, 3, 4, 2, 1, 5, 2, 3, 1, 2, 4, 3, 2, 6, 0, 2)
TOTALS = table(adds_up=18, differs=1)
CURRENCIES = table(USD=11, EUR=2)
DESCRIPTIONS = table(plain=4, entities=2, cdata=1)
TERMS = timedelta(days=30)
_WORDS = ("Kick-off & concept", "Résumé of the <second> round", 'Fotos für "Café"', "Layout\nand print", "R&D, 2 days")
_PER_FILE = 100
_HEADS = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!-- exported by billing 4.2 -->\n<Invoices>\n',
    '<?xml version="1.0" encoding="ISO-8859-1"?>\n<Invoices>\n',
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<Invoices>\n',
)
_ENCODINGS = ("utf-8", "iso-8859-1", "utf-8-sig")
Entry = tuple[int, int]
"""(invoice, version): 0 is how it was issued, n is corrected for the n-th time or by wave n."""


def file_names(plan: Plan) -> list[str]:
    """The files of the base, of about a hundred invoices each; the last one is truncated."""
    return [f"invoices_{index + 1:03d}.xml" for index in range(max(4, -(-plan.invoices // _PER_FILE)))]


def write_base(plan: Plan, folder: Path, progress: Progress) -> dict[str, Any]:
    """Write the files of the base; gives the counts."""
    names = file_names(plan)
    for index, name in enumerate(names):
        files.write(folder / name, _text(plan, index, 0))
        progress("invoices", plan.invoices * (index + 1) // len(names), plan.invoices)
    return counts(plan, 0)


def write_wave(plan: Plan, folder: Path, wave: int) -> dict[str, Any]:
    """Write a changed file, and a copy of the first one under a name of its own; gives what was done."""
    names, index = file_names(plan), _changed(plan, wave)
    files.write(folder / names[index], _text(plan, index, wave))
    copy = f"{Path(names[0]).stem}_again_{wave:03d}.xml"
    files.write(folder / copy, _text(plan, 0, wave))
    return {
        "changed": [names[index]], "identical": [copy], "invoices_corrected": len(_corrected(plan, wave)),
        "invoices_appended": len(_appended(plan, wave)),
    }  # fmt: skip


def counts(plan: Plan, wave: int) -> dict[str, Any]:
    """What is in all files after a wave (0: the base), copies left out; and in the newest version of each number."""
    every = [entry for index in range(len(file_names(plan))) for entry in _entries(plan, index, wave)]
    newest: dict[int, int] = {}
    for number, version in every:
        newest[number] = max(version, newest.get(number, 0))
    total = Counter({"files": len(file_names(plan)), "rows_total": len(every) + 1, "truncated": 1})
    total["rows_good"], total["distinct"] = len(every), len(newest)
    total["superseded"] = len(every) - len(newest)
    return nested(total + _tally(plan, every)) | {"latest": nested(_tally(plan, newest.items()))}


def _tally(plan: Plan, entries: Iterable[Entry]) -> Counter[str]:
    tally: Counter[str] = Counter()
    for number, version in entries:
        tally.update(invoice(plan, number, version)[1])
    return tally


def _bounds(plan: Plan, index: int) -> tuple[int, int]:
    """The first invoice that a file was issued with, and the one after the last."""
    count = len(file_names(plan))
    return 1 + plan.invoices * index // count, 1 + plan.invoices * (index + 1) // count


def _entries(plan: Plan, index: int, wave: int) -> list[Entry]:
    """The complete invoices of a file after a wave, in its order."""
    start, end = _bounds(plan, index)
    last = len(file_names(plan)) - 1
    versions = dict.fromkeys(range(start, end - (index == last)), 0)
    if index == 2:
        first = [n for n in range(*_bounds(plan, 0)) if _lines(plan, n)]
        versions |= dict.fromkeys(first[1 :: max(2, len(first) // 4)], 1)
    for done in range(1, wave + 1):
        if index == _changed(plan, done):
            versions |= dict.fromkeys(_corrected(plan, done), done)
            versions |= dict.fromkeys(_appended(plan, done), 0)
    return list(versions.items())


def _changed(plan: Plan, wave: int) -> int:
    """The file that a wave changes: neither the first, whose invoices others correct, nor the truncated one."""
    return 1 + (wave - 1) % (len(file_names(plan)) - 2)


def _corrected(plan: Plan, wave: int) -> list[int]:
    possible = [number for number in range(*_bounds(plan, _changed(plan, wave))) if _lines(plan, number)]
    return sorted(plan.random(4, wave).sample(possible, min(3, len(possible))))


def _appended(plan: Plan, wave: int) -> range:
    share = max(2, plan.invoices // 400)
    return range(plan.invoices + (wave - 1) * share + 1, plan.invoices + wave * share + 1)


def _lines(plan: Plan, number: int) -> int:
    return LINES[(number * 3 + plan.seed) % len(LINES)]


def _text(plan: Plan, index: int, wave: int) -> bytes:
    """The bytes of a file after a wave; the last one ends in the middle of an invoice."""
    kind = index % len(_HEADS)
    text = _HEADS[kind] + "".join(invoice(plan, *entry)[0] for entry in _entries(plan, index, wave))
    if index == len(file_names(plan)) - 1:
        cut = invoice(plan, plan.invoices, 0)[0]
        text += cut[: len(cut) * 2 // 3]
    else:
        text += "</Invoices>\n"
    return text.encode(_ENCODINGS[kind], "xmlcharrefreplace")


def invoice(plan: Plan, number: int, version: int) -> tuple[str, Counter[str]]:
    """Invoice 1, 2, … as XML, and what is to be counted of it. A newer version is paid, and adds up."""
    rng = plan.random(6, number)
    issued = FIRST_DAY + (ANCHOR.date() - FIRST_DAY) * min(number, plan.invoices) // plan.invoices
    project = 1 + rng.randrange(plan.projects)
    customer = plan.customer_of(project)
    status = _status(rng.random(), issued + TERMS < ANCHOR.date(), version)
    currency, identity = plan.pick(CURRENCIES, number, 5), plan.pick(IDS, number, 7)
    facts = Counter((f"currency.{currency}", f"customer_id.{identity}", f"status.{status}"))
    lines, total = "", 0
    for index in range(_lines(plan, number)):
        halves = rng.randrange(1, 13) + 2 * version * (index == 0)
        line, cents = _line(plan, number, index, halves, rng.randrange(2000, 30_000, 2), facts)
        lines += line
        total += cents
    matching = "adds_up"
    if lines and not version:
        matching = plan.pick(TOTALS, number, 11)
    total += 1000 * (matching == "differs")
    facts.update((f"total.{matching}", *(() if lines else ("without_line",))))
    facts[f"totals.{currency}.{status}_in_cents"] += total
    dates = []
    for column, when, salt in (("issued", issued, 3), ("due", issued + TERMS, 5)):
        form = plan.pick(DATES, number, salt)
        facts[f"{column}.{form}"] += 1
        dates.append(when.isoformat() if form == "iso" else when.strftime("%d/%m/%Y"))
    text = (
        f' <Invoice number="INV-{number:06d}" currency="{currency}" status="{status}">\n'
        f"  <Issued>{dates[0]}</Issued><Due>{dates[1]}</Due>\n"
        f'  <Customer id="{_customer(identity, customer)}"><Name>{escape(customer_name(customer))}</Name></Customer>\n'
        f"  <Project>P{project:06d}</Project>\n"
        f"  {f'<Lines>{lines}</Lines>' if lines else '<Lines/>'}\n"
        f"  <Total>{_money(total)}</Total>\n </Invoice>\n"
    )
    return text, facts


def _line(plan: Plan, number: int, index: int, halves: int, price: int, facts: Counter[str]) -> tuple[str, int]:
    """A line and its amount in cents: a quantity in halves times an even price."""
    salt = number * 11 + index
    service, sub, _ = SERVICES[salt % len(SERVICES)]
    form = plan.pick(DESCRIPTIONS, salt, 3)
    word = _WORDS[salt % len(_WORDS)]
    description = {
        "plain": f"{sub}, as agreed",
        "entities": escape(word, {"\n": "&#10;", "é": "&#233;", '"': "&quot;"}),
        "cdata": f"<![CDATA[{word}]]>",
    }[form]
    quantity = "whole" if halves % 2 == 0 else "comma" if salt % 3 else "point"
    written = {"whole": str(halves // 2), "comma": f"{halves // 2},5", "point": f"{halves // 2}.5"}[quantity]
    cents = halves * price // 2
    facts.update(("lines.rows", f"lines.quantity.{quantity}", f"lines.description.{form}"))
    facts["lines.amount_in_cents"] += cents
    text = (
        f'\n   <Line no="{index + 1}"><Service>{service}</Service><Description>{description}</Description>'
        f"<Quantity>{written}</Quantity><Price>{_money(price)}</Price><Amount>{_money(cents)}</Amount></Line>"
    )
    return text, cents


def _status(draw: float, is_past_due: bool, version: int) -> str:
    if version:
        return "paid"
    if draw < 0.05:
        return "void"
    if draw < (0.88 if is_past_due else 0.4):
        return "paid"
    return "overdue" if is_past_due else "open"


def _customer(form: str, customer: int) -> str:
    return {"plain": str(customer), "zeros": f"{customer:06d}", "blank": "", "unknown": str(900_000_000 + customer)}[
        form
    ]


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"
