"""A wave: what happens to the sources between two batches, in Postgres and in the drops.

Rows and files are pure functions of (seed, wave), so that a killed wave is run again as it was. The tables change
in one transaction that also marks the wave in `sample.waves`; the files by renaming; state.json ends it.
"""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from blocks.sample import crm, customers, documents, events, invoices, projects
from blocks.sample.customers import FileSpec, Range
from blocks.sample.plan import PEOPLE, Plan, Progress

STEP = timedelta(hours=6)
LATEST_BACK = timedelta(minutes=90)
_PRIORITIES = ("low", "normal", "high", "urgent")


def change_tables(plan: Plan, connection: psycopg.Connection[Any], wave: int, before: datetime) -> dict[str, Any]:
    """The Postgres part of a wave, in one transaction; gives what it did, also when it was done already."""
    with connection.transaction():
        done = connection.execute("SELECT truth FROM sample.waves WHERE wave = %s", [wave]).fetchone()
        if done:
            found: dict[str, Any] = done[0]
            return found
        after = _next_cursor(connection, before)
        if wave == 1:
            connection.execute("ALTER TABLE projects ADD COLUMN IF NOT EXISTS priority text")
        deleted = _delete(plan, connection, wave)
        updated = _update(plan, connection, wave, after)
        inserted = _insert(plan, connection, wave, before, after)
        tables = {
            name: {"inserts": 0, "late_commits": 0, "updates": 0, "deletes": 0}
            | inserted.get(name, {}) | updated.get(name, {}) | deleted.get(name, {})
            for name in ("projects", "time_entries", "people", "teams")
        }  # fmt: skip
        truth = {
            "wave": wave, "cursor_from": before.isoformat(), "cursor_to": after.isoformat(),
            "new_columns": {"projects": ["priority"]} if wave == 1 else {}, "tables": tables,
            "after": _totals(connection),
        }  # fmt: skip
        connection.execute("INSERT INTO sample.waves VALUES (%s, %s)", [wave, Jsonb(truth)])
        return truth


def _next_cursor(connection: psycopg.Connection[Any], before: datetime) -> datetime:
    """Six hours on, but in the past of the server: a cursor value is never in the future."""
    row = connection.execute("SELECT now()").fetchone()
    assert row
    after: datetime = min(before + STEP, before + (row[0] - before) / 2)
    return after


def _chosen(plan: Plan, wave: int) -> tuple[list[int], list[int], list[int]]:
    """Base projects of a wave: to delete, to update, to get another time entry. No project is in two of them."""
    delete, update = max(2, plan.projects // 2000), max(5, plan.projects // 200)
    rng = plan.random(4, wave)
    numbers = rng.sample(range(1, plan.projects), min(plan.projects - 1, delete + 2 * update))
    return numbers[:delete], numbers[delete : delete + update], numbers[delete + update :]


def _delete(plan: Plan, connection: psycopg.Connection[Any], wave: int) -> dict[str, dict[str, int]]:
    names = [f"P{n:06d}" for n in _chosen(plan, wave)[0]]
    entries = connection.execute("DELETE FROM time_entries WHERE project_id = ANY(%s)", [names]).rowcount
    rows = connection.execute("DELETE FROM projects WHERE project_id = ANY(%s)", [names]).rowcount
    return {"projects": {"deletes": rows}, "time_entries": {"deletes": entries}}


def _update(plan: Plan, connection: psycopg.Connection[Any], wave: int, after: datetime) -> dict[str, dict[str, int]]:
    numbers = _chosen(plan, wave)[1]
    day = after.date().isoformat()
    done = connection.execute(
        "UPDATE projects SET status = 'completed', date_project_ended = %s, date_project_updated = %s - id * interval"
        " '1 microsecond' WHERE id = ANY(%s)", [day, after, [2 * n - 1 for n in numbers]],
    ).rowcount  # fmt: skip
    entries = connection.execute(
        "UPDATE time_entries SET hours = '3,5', updated_at = %s WHERE id = ANY(%s)",
        [after, [(n - 1) * 4 + 1 for n in numbers[: len(numbers) // 2]]],
    ).rowcount
    people = connection.execute(
        "UPDATE people SET role = 'project manager', updated_at = %s WHERE id = ANY(%s)",
        [after, [1 + wave % PEOPLE, 1 + (wave + 7) % PEOPLE]],
    ).rowcount
    return {"projects": {"updates": done}, "time_entries": {"updates": entries}, "people": {"updates": people}}


def _insert(
    plan: Plan, connection: psycopg.Connection[Any], wave: int, before: datetime, after: datetime
) -> dict[str, dict[str, int]]:
    fresh, late = max(4, plan.projects // 400), max(2, plan.projects // 2000)
    count = fresh + late
    rows, entries = [], []
    for index in range(count):
        number = plan.projects + (wave - 1) * count + index + 1
        back = LATEST_BACK - timedelta(minutes=5) * (index - fresh)
        is_late = index >= fresh
        when = before - max(back, timedelta(minutes=1)) if is_late else before + (after - before) * (index + 1) / fresh
        one = projects.project(plan, number, when)
        rows.append([*one.row, _PRIORITIES[number % 4]])
        entries += [row for row, _ in projects.time_entries(plan, number, one, when)]
    late_entries = sum(1 for row in entries if isinstance(row[5], datetime) and row[5] < before)
    for index, number in enumerate(_chosen(plan, wave)[2]):
        person = 1 + (number + wave) % PEOPLE
        hours = f"{1 + number % 7},5"
        entries.append([5 * 10**9 + wave * 10**6 + index, person, f"P{number:06d}", after.date(), hours, after])
    crm.copy(connection, "projects", rows)
    crm.copy(connection, "time_entries", entries)
    crm.copy(connection, "people", [crm.person(PEOPLE + wave, after)])
    return {
        "projects": {"inserts": count, "late_commits": late},
        "time_entries": {"inserts": len(entries), "late_commits": late_entries},
        "people": {"inserts": 1},
    }


def _totals(connection: psycopg.Connection[Any]) -> dict[str, dict[str, int]]:
    row = connection.execute(
        "SELECT (SELECT count(*) FROM projects), (SELECT count(DISTINCT project_id) FROM projects),"
        " (SELECT count(*) FROM time_entries), (SELECT count(*) FROM people)"
    ).fetchone()
    assert row
    return {
        "projects": {"rows": row[0], "distinct": row[1]}, "time_entries": {"rows": row[2]}, "people": {"rows": row[3]},
    }  # fmt: skip


def change_files(
    plan: Plan, folder: Path, specs: list[FileSpec], wave: int, first: int, progress: Progress
) -> tuple[dict[str, Any], int]:
    """The files' part of a wave: one changed, one copied, one new.

    Changes `specs`; gives what it did and the next free engagement.
    """
    changed, copied = specs[(wave - 1) % plan.files], specs[wave % plan.files]
    copy = f"{Path(copied.name).stem}_again_{wave:03d}.csv"
    partial = folder.parent / f".{copy}.partial"
    shutil.copyfile(folder / copied.name, partial)
    partial.replace(folder / copy)
    progress("drops", 1, 3)

    corrected = _correctable(plan, changed, wave)
    rows_corrected = sum(records for _, records in corrected)
    changed.corrected |= {number: wave for number, _ in corrected}
    appended = max(5, plan.rows // 1000)
    changed.ranges.append(Range(first, appended))
    following = customers.write(plan, changed, folder)
    progress("drops", 2, 3)

    new = FileSpec(f"customers_2026_wave_{wave:03d}.csv", 2026)
    new.ranges.append(Range(following, max(20, plan.rows // 100)))
    following = customers.write(plan, new, folder)
    specs.append(new)
    progress("drops", 3, 3)
    return {
        "files": {"changed": [changed.name], "identical": [copy], "new": [new.name]},
        "files_changed": 1, "files_identical": 1, "files_new": 1,
        "changed": {
            "engagements_corrected": len(corrected), "rows_corrected": rows_corrected, "rows_appended": appended,
        },
    }, following  # fmt: skip


def change_drops(
    plan: Plan, folder: Path, wave: int, tables: dict[str, Any], progress: Progress
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The events, invoices and mails of a wave, of the time between the cursors of its tables.

    Gives what it did, and what each new mail says.
    """
    before, after = (datetime.fromisoformat(tables[name]) for name in ("cursor_from", "cursor_to"))
    done: dict[str, Any] = {"events": events.write_wave(plan, folder / "drops" / "events", wave, before, after)}
    progress("others", 1, 3)
    done["invoices"] = invoices.write_wave(plan, folder / "drops" / "invoices", wave)
    progress("others", 2, 3)
    done["documents"], says = documents.write_wave(plan, folder / "mailroom", wave, before, after)
    progress("others", 3, 3)
    return done, says


def _correctable(plan: Plan, spec: FileSpec, wave: int, wanted: int = 5) -> list[tuple[int, int]]:
    """Engagements of the file whose revenue a wave can correct, with their records."""
    first, _, end = spec.ranges[0]
    found: list[tuple[int, int]] = []
    start = plan.random(4, wave).randrange(max(1, end - first - 1))
    for step in range(end - first - 1):  # the last one may be cut off
        number = first + (start + step) % (end - first - 1)
        if number in spec.corrected:
            continue
        one = customers.engagement(plan, number, spec.year)
        changed = customers.engagement(plan, number, spec.year, wave)
        if one.kind == "plain" and one.cents is not None and one.cents != changed.cents:
            found.append((number, len(one.records)))
        if len(found) == wanted:
            break
    return found
