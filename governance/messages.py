"""What is said of an incident, whoever it is said to: an `Alert`, and of it the bodies of messages. Pure.

How a body looks is in `formats/`, where it goes in `transports/`, and what can be done in `remedies.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby

from governance.formats.body import Body, Call, Code, Commands, Facts, Grid, Items, LinkRow, Paragraph, Part, Tone
from governance.formats.clean import cut, line
from governance.incidents.model import Alert, Entry, Evidence, Incident, Kind, Links, Verb
from governance.remedies import actions_of

NAMED = 5
"""How many of a list are named; the others are counted."""
SAMPLE_ROWS, SAMPLE_COLUMNS = 5, 6
QUERY, ERROR = 1500, 300
CALLING: tuple[Verb, ...] = ("opened", "reopened", "worsened")
"""What is worth calling the owner for."""
_SEVERITIES = ("critical", "warning", "info")
_SUBJECTS: dict[Kind, tuple[str, str]] = {
    "flow": ("Flow", "Cause"), "delivery": ("Destination", "Cause"), "deadline": ("Flow", "Deadline"),
    "load": ("Dataset", "Cause"), "freshness": ("Dataset", "Watch"), "volume": ("Dataset", "Watch"),
    "schema": ("Dataset", "Change"),
}  # fmt: skip
_BOUNDS: dict[Kind, str] = {"schema": "declared", "volume": "expected", "deadline": "due"}


def alert_of(
    incident: Incident,
    attached: Iterable[Incident] = (),
    links: Links | None = None,
    entries: Sequence[Entry] = (),
    mention: str = "",
) -> Alert:
    """All that can be said of an incident; the attached ones worst first."""
    ordered = sorted(attached, key=lambda i: (_SEVERITIES.index(i.severity), i.dataset, i.check_id, i.id))
    return Alert(
        incident=incident, attached=tuple(ordered), links=links or Links(), actions=actions_of(incident),
        mention=mention, entries=tuple(entries),
    )  # fmt: skip


def summary(alert: Alert) -> Body:
    """What somebody must see at once: how it stands, what it holds up, where to look and what to do."""
    incident = alert.incident
    parts: list[Part] = [Facts(items=facts(incident))]
    if alert.mention and incident.state == "open":
        parts.append(Call(whom=alert.mention, text=f"{incident.owner} owns this"))
    ended = incident.state == "resolved"
    if incident.root:
        parts.append(Paragraph(text=f"It follows from incident {incident.root}."))
    if not ended:
        parts += [Paragraph(title="Error", text=line(incident.latest.error, ERROR))]
        parts += [Paragraph(title="Remedy", text=line(incident.latest.remedy, ERROR))]
        parts += [Paragraph(title="Not published because of it", text=some(incident.blast.unpublished))]
        parts += [Paragraph(title="Downstream", text=downstream(incident))]
    parts += [Paragraph(title="Attached", text=storm(alert))]
    parts = [p for p in parts if not (isinstance(p, Paragraph) and not p.text)]
    if shown := link_row(alert.links):
        parts.append(shown)
    if not ended and alert.actions:
        parts.append(Commands(title="What you can do", items=tuple((a.title, a.command) for a in alert.actions)))
    return Body(title=headline(incident), tone=tone(incident), parts=tuple(parts))


def details(alert: Alert) -> Body | None:
    """What somebody must know who looks into it; None if the summary says it all."""
    incident, seen = alert.incident, alert.incident.latest
    parts: list[Part] = []
    if len(seen.error) > ERROR or "\n" in seen.error:
        parts.append(Code(title="Error", text=cut(seen.error, QUERY)))
    if seen.sample and seen.sample.rows:
        parts.append(_sample(seen))
    if seen.query:
        parts.append(Code(title="Query of the failing rows", text=cut(seen.query, QUERY)))
    blast = incident.blast
    named = [
        # Where there are few, they stand in the summary.
        ("Not published because of it", blast.unpublished if len(blast.unpublished) > NAMED else ()),
        ("Datasets downstream", blast.datasets), ("Dashboards downstream", blast.dashboards),
        ("Owners downstream", blast.owners),
    ]  # fmt: skip
    parts += [Paragraph(title=title, text=some(names, 2 * NAMED)) for title, names in named if names]
    if alert.attached:
        title = f"Attached: {_count(len(alert.attached), 'incident')} with this origin, {incident.dataset}"
        parts.append(_items(title, [f"{i.severity} {i.dataset}: {i.title}" for i in alert.attached]))
    if not parts:
        return None
    first = incident.first.slot if incident.first.slot != seen.slot else ""
    where = [("Slot", seen.slot), ("Run", seen.run_id), ("First failed in slot", first)]
    parts.append(Facts(items=(("Incident", incident.id), *((k, v) for k, v in where if v))))
    return Body(title=f"Details of {incident.id}", parts=tuple(parts))


def progress(entries: Sequence[Entry], mention: str = "") -> Body | None:
    """What happened since, as a reply; None if nothing is worth one. A repetition is only counted."""
    told = news(entries)
    if not told:
        return None
    parts: list[Part] = [Call(whom=mention)] if mention else []
    parts += [Paragraph(text=told[0])] if len(told) == 1 else [Items(title="Since then", items=told[-20:])]
    return Body(title="", parts=tuple(parts))


def whole(alert: Alert) -> Body:
    """Everything in one message, for a reader without threads."""
    first, second = summary(alert), details(alert)
    looked_into = second.parts if second else ()
    lines = news(alert.entries)
    more: tuple[Part, ...] = (
        (Items(title="Timeline", items=lines[-20:], more=max(len(lines) - 20, 0)),) if lines else ()
    )
    return first.model_copy(update={"parts": (*first.parts, *looked_into, *more)})


def news(entries: Sequence[Entry]) -> tuple[str, ...]:
    """A line for each, but for repetitions; incidents that were attached, one after the other, share one."""
    told = []
    for attached, run in groupby((e for e in entries if e.verb != "repeated"), lambda e: e.verb == "attached"):
        some_of = list(run)
        if attached and len(some_of) > 1:
            first, more = "; ".join(e.what for e in some_of[:3]), len(some_of) - 3
            what = f"{len(some_of):,} incidents attached: {first}" + (f"; and {more:,} more" if more > 0 else "")
            told.append(f"{moment(some_of[-1].at)} {what}")
        else:
            told += [f"{moment(e.at)} {spoken(e)}" for e in some_of]
    return tuple(told)


def headline(incident: Incident) -> str:
    """One line: how it stands, and what it is."""
    stands = {
        "open": incident.severity.capitalize(), "acknowledged": f"{incident.severity.capitalize()}, acknowledged",
        "resolved": "Resolved", "muted": "Muted",
    }[incident.state]  # fmt: skip
    return line(f"{stands}: {incident.title}", 140)


def tone(incident: Incident) -> Tone:
    """How urgent it looks."""
    known: dict[str, Tone] = {"resolved": "ok", "muted": "quiet", "acknowledged": "seen"}
    return known.get(incident.state, incident.severity)


def facts(incident: Incident) -> tuple[tuple[str, str], ...]:
    """Label and value; at most ten."""
    seen = incident.latest
    subject, cause = _SUBJECTS.get(incident.kind, ("Dataset", "Check"))
    kind = " ".join(x for x in (seen.type, f"on {seen.column}" if seen.column else "") if x)
    known = seen.type in incident.check_id and (seen.column or "") in incident.check_id
    check = incident.check_id if known else f"{incident.check_id} ({kind})"
    bound = _BOUNDS.get(incident.kind, "allowed")
    observed = f"{seen.observed} ({bound}: {seen.threshold})" if seen.threshold else seen.observed
    rows = f"{seen.failed_rows:,}" + (f" of {seen.rows:,}" if seen.rows is not None else "") if seen.failed_rows else ""
    last = moment(incident.last_seen) + (f", slot {seen.slot}" if seen.slot else "")
    severity = incident.severity + (f", escalated {incident.escalations}×" if incident.escalations else "")
    found = [
        ("State", state(incident)), ("Severity", severity), ("Owner", incident.owner),
        ("Failures", f"{incident.count:,}"), (subject, incident.dataset), (cause, check),
        ("Observed", observed), ("Failed rows", rows),
        ("First seen", moment(incident.opened_at)), ("Last seen", last),
    ]  # fmt: skip
    return tuple((label, value) for label, value in found if value)


def state(incident: Incident) -> str:
    """In words: with who has it, or since when."""
    whose = f" by {incident.assignee}" if incident.assignee else ""
    if incident.state == "acknowledged":
        return f"acknowledged{whose}" + (f", {moment(incident.acknowledged_at)}" if incident.acknowledged_at else "")
    if incident.state == "resolved" and incident.resolved_at:
        return f"resolved {moment(incident.resolved_at)}, after {span(incident.resolved_at - incident.opened_at)}"
    if incident.state == "muted" and incident.muted_until:
        return f"muted until {moment(incident.muted_until)}"
    return incident.state + (f", assigned to {incident.assignee}" if incident.assignee else "")


def downstream(incident: Incident) -> str:
    """How far it reaches, in one line; empty if nothing depends on it."""
    blast = incident.blast
    counts = [_count(len(names), what) for names, what in ((blast.datasets, "dataset"), (blast.dashboards, "dashboard"))
              if names]  # fmt: skip
    owners = f"owned by {some(blast.owners)}" if blast.owners else ""
    return "; ".join(x for x in (", ".join(counts), owners) if x)


def storm(alert: Alert) -> str:
    """The incidents that follow from it, in one line: counts, and the first few."""
    if not alert.attached:
        return ""
    by = Counter[str](i.severity for i in alert.attached)
    counts = ", ".join(f"{by[s]} {s}" for s in _SEVERITIES if by[s])
    names = list(dict.fromkeys(i.dataset for i in alert.attached))
    return f"{_count(len(alert.attached), 'incident')} with this origin ({counts}): {some(names)}"


def link_row(links: Links) -> LinkRow | None:
    """Those that are known."""
    known = (("Prefect run", links.run), ("OpenMetadata", links.catalog), ("Report", links.report),
             ("Runbook", links.runbook))  # fmt: skip
    found = tuple((label, url) for label, url in known if url)
    return LinkRow(links=found) if found else None


def spoken(entry: Entry) -> str:
    """A line of the timeline: what happened, and by whom if by a person."""
    who = "" if entry.actor in ("", "hallmark") else f" by {entry.actor}"
    return f"{entry.verb}{who}: {entry.what}" if entry.what else f"{entry.verb}{who}"


def some(names: Sequence[str], most: int = NAMED) -> str:
    """The first few, and how many more."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown


def moment(at: datetime) -> str:
    """To the minute, in UTC, as slots are."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def span(time: timedelta) -> str:
    """A duration in its two largest units."""
    minutes = max(round(time.total_seconds() / 60), 0)
    days, hours, rest = minutes // 1440, minutes % 1440 // 60, minutes % 60
    units = [f"{n} {u}" for n, u in ((days, "d"), (hours, "h"), (rest, "min")) if n]
    return " ".join(units[:2]) or "less than a minute"


def _sample(seen: Evidence) -> Grid:
    assert seen.sample is not None
    columns, rows = seen.sample.columns[:SAMPLE_COLUMNS], seen.sample.rows[:SAMPLE_ROWS]
    left = len(seen.sample.columns) - len(columns)
    of = f"{len(rows)} of {seen.failed_rows:,} failing rows" if seen.failed_rows > len(rows) else "Failing rows"
    title = f"{of}, personal columns masked" + (f", {_count(left, 'column')} more" if left else "")
    return Grid(title=title, columns=columns, rows=tuple(row[:SAMPLE_COLUMNS] for row in rows))


def _items(title: str, names: Sequence[str]) -> Items:
    return Items(title=title, items=tuple(names[: 2 * NAMED]), more=max(len(names) - 2 * NAMED, 0))


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
