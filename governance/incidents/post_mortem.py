"""An incident as the draft of a post-mortem, in Markdown. Pure: what a person still has to write is a line for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from governance.incidents.model import Entry, Evidence, Incident

ENTRIES, TEXT = 200, 500
SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!])")


def post_mortem(one: Incident, timeline: Sequence[Entry], attached: Iterable[Incident] = ()) -> str:
    """What happened, when, to what, and who did what; times are UTC."""
    follow = list(attached)
    parts = [
        f"# Post-mortem: {text(one.title)}",
        f"Incident {one.id}, {one.severity}, {one.state}, of {text(one.owner)}. Times are UTC.",
        "## Summary\n\n_What happened, in two sentences._",
        "## Times\n\n" + _times(one, timeline),
        "## What was touched\n\n" + _touched(one, follow),
        "## The first failure\n\n" + _evidence(one.first),
    ]
    if one.latest != one.first:
        parts.append("## The newest failure\n\n" + _evidence(one.latest))
    parts.append("## Timeline\n\n" + _timeline(timeline))
    parts.append("## Cause\n\n_Why it happened, and why nobody saw it sooner._")
    parts.append("## What follows\n\n- [ ] _What is changed so that it does not happen again, by whom, until when._")
    return "\n\n".join(parts) + "\n"


def _times(one: Incident, timeline: Sequence[Entry]) -> str:
    paged = next((e.at for e in timeline if e.verb in ("opened", "reopened", "escalated")), None)
    acted = next((e.at for e in timeline if e.verb == "noted" and e.actor != "hallmark"), None)
    rows = [
        ("first bad data", f"slot {one.first.slot}" if one.first.slot else "", ""),
        ("detected", when(one.opened_at), ""),
        ("told", when(paged), since(one.opened_at, paged)),
        ("acknowledged", when(one.acknowledged_at), since(one.opened_at, one.acknowledged_at)),
        ("first action", when(acted), since(one.opened_at, acted)),
        ("resolved", when(one.resolved_at), since(one.opened_at, one.resolved_at)),
    ]
    return table(("", "at", "after"), rows)


def _touched(one: Incident, attached: Sequence[Incident]) -> str:
    blast = one.blast
    rows = [
        ("failures", str(one.count)),
        ("rows that failed", str(one.latest.failed_rows or one.first.failed_rows or "")),
        ("origin", text(one.dataset)),
        ("datasets downstream", names(blast.datasets)),
        ("dashboards", names(blast.dashboards)),
        ("owners", names(blast.owners)),
        ("not published", names(blast.unpublished)),
        ("incidents that followed", names(f"{a.id} ({a.dataset})" for a in attached)),
    ]
    return table(("what", "which"), [(k, v) for k, v in rows if v])


def _evidence(found: Evidence) -> str:
    known = [
        ("check", f"{found.type} of {found.column}" if found.column else found.type), ("at", when(found.at)),
        ("slot", found.slot), ("run", found.run_id), ("observed", found.observed), ("expected", found.threshold),
        ("rows", f"{found.failed_rows} of {found.rows}" if found.rows is not None else ""), ("cause", found.error),
        ("waived", found.waived), ("remedy", found.remedy),
    ]  # fmt: skip
    said = table(("", ""), [(k, text(v)) for k, v in known if v])
    if found.sample and found.sample.rows:
        rows = [tuple("NULL" if v is None else text(v) for v in row) for row in found.sample.rows[:5]]
        said += "\n\nThe first of the rows:\n\n" + table(tuple(map(text, found.sample.columns)), rows)
    if found.query:
        said += "\n\nThe rows:\n\n" + "\n".join(f"    {line}" for line in found.query.splitlines())
    return said


def _timeline(timeline: Sequence[Entry]) -> str:
    rows = [(when(e.at), text(e.actor), text(e.what)) for e in timeline[:ENTRIES]]
    more = f"\n\n_{len(timeline) - ENTRIES} more lines._" if len(timeline) > ENTRIES else ""
    return table(("at", "who", "what"), rows) + more


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown; the cells are escaped already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def text(value: object) -> str:
    """Text from outside as Markdown shows it, in one line, cut."""
    one = " ".join(str(value).split())
    return SPECIAL.sub(r"\\\1", one if len(one) <= TEXT else one[: TEXT - 1] + "…")


def names(found: Iterable[str]) -> str:
    """A list of names, with their number."""
    all_of = [text(n) for n in found]
    return f"{len(all_of)}: {', '.join(all_of)}" if all_of else ""


def when(at: datetime | None) -> str:
    """A time, to the second."""
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else ""


def since(start: datetime, end: datetime | None) -> str:
    """How long after the start, in hours and minutes."""
    if end is None:
        return ""
    minutes = round(max(end - start, timedelta()).total_seconds() / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
