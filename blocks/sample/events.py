"""The files `events/*.ndjson`: product events in sessions, with the dirt of a real collector, counted as written.

A session is a customer's visit: five events one after the other. JSON is written as text, so that no number passes
through a float. What a wave adds is here too; which files there are follows from the plan and the wave alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from blocks.sample import files
from blocks.sample.plan import ANCHOR, SESSION, Plan, Progress, nested, table

START = datetime(2026, 1, 1, tzinfo=UTC)
"""The first event of the base."""
BEYOND = 2**53 + 1
"""`sequence` of event 0: a float cannot hold it."""
TYPES = table(project_viewed=9, brief_submitted=3, file_downloaded=5, review_left=2, page_scrolled=1, heartbeat=1)
"""Of the events after a session's first; the last two are unknown."""
TIMES = table(iso_z=23, iso_offset=5, epoch_ms=1, blank=1, text=1)
IDS = table(zeros=21, number=14, blank=1, unknown=1)
MEDIA = ("email", "search", "social", "display")
CONTACTS = ("contact", "finance", "brand.lead")
_TAGS = (
    "[]", '["brand","q3"]', '["café"]', '["urgent"]', r'["the \"blue\" one"]', r'["first line\nsecond line"]',
    '["brand","caf\\u00e9","R&D"]',
)  # fmt: skip
_DEVICES = ('{"os":"iOS","model":"iPhone 17"}', '{"os":"Windows","model":null}', '{"os":"Android","model":"Pixel 11"}')
_NOT_JSON = ("<html><body>502 Bad Gateway</body></html>", "collector restarted", "{event_id: E0}")
_LOST, _JUNK, _TWICE, _BLANK = (17, 266), (117,), (217, 317, 467), (417,)
"""What befalls the line of event n, by n % 499: cut off, followed by no JSON, written twice, followed by a blank."""
_REPEATED = 2
"""Lines that the collector sends once more at the beginning of the next file."""
_INVALID = 31
"""The event whose line is no UTF-8; there is one."""
_PER_FILE = 5_000
"""Sessions of a file, at most."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INDIA = timezone(timedelta(hours=5, minutes=30))


class Line(NamedTuple):
    """A line of a file, and what is to be counted of it."""

    text: str
    kind: str
    """good, cut, not_json, invalid_encoding or blank."""
    facts: tuple[str, ...] = ()
    cents: int = 0
    """The amount of a good line."""
    again: bool = False
    """Whether it is equal to an earlier one."""


def write_base(plan: Plan, folder: Path, progress: Progress) -> dict[str, Any]:
    """Write the files of the base, in the order of time; the second half of them tells the device."""
    count = max(4, -(-plan.sessions // _PER_FILE))
    bounds = [plan.sessions * index // count for index in range(count + 1)]
    step = (ANCHOR - START - timedelta(hours=2)) / plan.sessions
    tally: Counter[str] = Counter()
    sent: list[Line] = []
    for index in range(count):
        sessions = range(bounds[index] + 1, bounds[index + 1] + 1)
        shape = _Shape(device=index >= count // 2)
        fresh = [line for n in sessions for line in _session(plan, n, START + (n - 1) * step, shape)]
        sent = _write(folder / f"events_{index + 1:03d}.ndjson", sent, fresh, tally, ends=index != 1)
        progress("events", bounds[index + 1] * SESSION, plan.sessions * SESSION)
    return nested(tally)


def write_wave(plan: Plan, folder: Path, wave: int, before: datetime, after: datetime) -> dict[str, Any]:
    """Write the two files of a wave, whose events lie between two times; the second has a new field.

    Gives `{new, new_columns, counts}`.
    """
    share = max(4, plan.sessions // 50)
    first = plan.sessions + (wave - 1) * share + 1
    step = (after - before) / (share + 1)
    tally: Counter[str] = Counter()
    names: list[str] = []
    sent: list[Line] = []
    for part, offsets in enumerate((range(share // 2), range(share // 2, share))):
        shape = _Shape(device=True, version=part == 1)
        fresh = [line for k in offsets for line in _session(plan, first + k, before + k * step, shape)]
        names.append(f"events_wave_{wave:03d}_{part + 1}.ndjson")
        sent = _write(folder / names[-1], sent, fresh, tally)
    return {"new": names, "new_columns": ["app_version"] if wave == 1 else [], "counts": nested(tally)}


class _Shape(NamedTuple):
    """Fields that come in the course of time."""

    device: bool
    version: bool = False


def _write(path: Path, sent: list[Line], fresh: list[Line], tally: Counter[str], ends: bool = True) -> list[Line]:
    """Write a file, which begins with lines that were sent before; gives those that the next one begins with."""
    lines = [*sent, *fresh]
    text = "\n".join(line.text for line in lines) + ("\n" if ends else "")  # some writers end without a line break
    files.write(path, text.encode("utf-8", "surrogateescape"))
    tally["files"] += 1
    for (kind, again, facts), count in Counter((line.kind, line.again, line.facts) for line in lines).items():
        _count(tally, kind, again, facts, count)
    tally["amount_in_cents"] += sum(line.cents for line in lines)
    tally["distinct.amount_in_cents"] += sum(line.cents for line in lines if not line.again)
    return [line._replace(again=True) for line in fresh if line.kind == "good" and not line.again][-_REPEATED:]


def _count(tally: Counter[str], kind: str, again: bool, facts: tuple[str, ...], count: int) -> None:
    if kind == "blank":
        tally["blank_lines"] += count
        return
    tally["rows_total"] += count
    if kind != "good":
        tally[f"unreadable.{kind}"] += count
        return
    tally["rows_good"] += count
    tally["exact_repeats" if again else "distinct.rows"] += count
    for fact in facts:
        tally[fact] += count
        if not again:
            tally[f"distinct.{fact}"] += count


def _session(plan: Plan, number: int, start: datetime, shape: _Shape) -> Iterator[Line]:
    """The lines of session 1, 2, …."""
    rng = plan.random(5, number)
    customer = 1 + rng.randrange(plan.customers)
    projects = (plan.projects - customer) // plan.customers + 1
    email = f"{CONTACTS[number % 3]}@customer-{customer:06d}.example"
    rest = f',"user_email":"{email}","session_id":"S{number:09d}"'
    rest += f',"device":{_DEVICES[number % 3]}' if shape.device else ""
    rest += f',"app_version":"4.{number % 3}"}}' if shape.version else "}"
    when = start
    for index in range(SESSION):
        event = (number - 1) * SESSION + index
        kind = ("login" if number % 6 else "campaign_click") if index == 0 else plan.pick(TYPES, event, 5)
        project = customer + plan.customers * rng.randrange(projects) if index else 0
        when += timedelta(milliseconds=rng.randrange(5_000, 200_000))
        text, facts, cents = _event(plan, event, kind, customer, project, when, rng)
        yield from _written(event, text + rest, facts, cents)


def _event(
    plan: Plan, event: int, kind: str, customer: int, project: int, when: datetime, rng: Random
) -> tuple[str, tuple[str, ...], int]:
    """The text of an event up to where its session is told, what is to be counted, and its amount in cents."""
    form, identity = plan.pick(TIMES, event, 7), plan.pick(IDS, event, 11)
    duration, cents = rng.randrange(5, 90_000), 0
    page, name = (f"/projects/P{project:06d}", f'"P{project:06d}"') if project else ("/", "null")
    properties = f'"page":"{page}","duration_ms":{duration}'
    facts = [f"event_type.{kind}", f"occurred_at.{form}", f"customer_id.{identity}"]
    if kind == "brief_submitted":
        cents = rng.randrange(50_000, 2_000_000)
        properties += f',"amount":{cents // 100}.{cents % 100:02d}'
        facts.append("with_amount")
    if kind == "campaign_click":
        campaign = 1 + rng.randrange(12)
        medium = MEDIA[campaign % len(MEDIA)]
        properties += f',"campaign":{{"id":"C-{campaign:02d}","medium":"{medium}"}}'
        facts.append(f"campaign.C-{campaign:02d}.{medium}")
    facts.append(f"project_id.{'set' if project else 'null'}")
    text = (
        f'{{"event_id":"E{event:09d}","sequence":{BEYOND + event},"event_type":"{kind}",'
        f'"occurred_at":{_time(form, when)},"customer_id":{_customer(identity, customer)},'
        f'"project_id":{name},'
        f'"properties":{{{properties},"tags":{_TAGS[event % len(_TAGS)]}}}'
    )
    return text, tuple(facts), cents


def _time(form: str, when: datetime) -> str:
    match form:
        case "iso_z":
            return f'"{when.isoformat(timespec="milliseconds")[:-6]}Z"'
        case "iso_offset":
            return f'"{when.astimezone(_INDIA).isoformat(timespec="milliseconds")}"'
        case "epoch_ms":
            return str((when - _EPOCH) // timedelta(milliseconds=1))
        case "text":
            return '"just now"'
    return '""'


def _customer(form: str, customer: int) -> str:
    match form:
        case "zeros":
            return f'"{customer:05d}"'
        case "number":
            return str(customer)
        case "unknown":
            return str(900_000_000 + customer)
    return '""'


def _written(event: int, text: str, facts: tuple[str, ...], cents: int) -> Iterator[Line]:
    """The line of an event, with what befalls it."""
    fate = event % 499
    if event == _INVALID:  # the byte E9, which is é in Windows-1252
        yield Line(text.replace('"tags":[', '"tags":["caf\udce9",'), "invalid_encoding")
        return
    if fate in _LOST:
        yield Line(text[: 40 + event % 90], "cut")
        return
    yield Line(text, "good", facts, cents)
    if fate in _TWICE:
        yield Line(text, "good", facts, cents, again=True)
    if fate in _JUNK:
        yield Line(_NOT_JSON[event // 499 % len(_NOT_JSON)], "not_json")
    if fate in _BLANK:
        yield Line("", "blank")
