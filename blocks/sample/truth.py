"""truth.json: how much of what is in the sample, counted while it was written; and state.json, how far it got.

Keys of truth.json (a *record* is a raw CSV record, header apart; *good* records have 17 fields and are UTF-8; every
count below `rows_good` is of good records, repeats included, unless it says engagement):

| key | counts |
| --- | --- |
| rows, seed | what was asked for |
| customers | the base: sum over its files; `now.customers`: the same over the newest version of all files, copies left out; `files.<name>`: of one file as it is now |
| …rows_total, rows_good, ragged_short, ragged_long, invalid_encoding | all records = good + too few fields + too many + bytes that are not UTF-8 |
| …quoted_newlines, exact_repeats | records with a line break in quotes; records equal to an earlier one (always of the same file, next to it) |
| …customer_id.{plain, zeros, spaced, zeros_spaced} | by form; integer in each |
| …customer_id.{blank_identifiable, blank_unidentifiable} | blank id: with the name of a known customer (but for case and spacing), or with neither name nor project |
| …project_id.{unknown, blank} | ids without a project; blank ones (the unidentifiable included) |
| …money.{revenue, revenue_usd, client_revenue}.<form> | forms of `values.MONEY`; not readable as USD are blank, na, dash, text, foreign |
| …employee_count.<form>; …text.{comments, project_ref, customer_name, engagement_reference}.<form> | forms of `values.HEADS`, `values.TEXT`; customer_name also canonical, upper, lower, legal (other suffix), mojibake |
| …dates.{certain, ambiguous, blank, unreadable}; .form.<form>; .ambiguous_by_separator | ambiguous: day and month can be swapped, whatever the separator |
| …engagements.distinct | engagements (customer_id, project_id, engagementid) among good records, those identified by name included, the unidentifiable not; the same in the rest of `engagements` |
| …engagements.{services, with_several_services, identified_by_name} | distinct (engagement, service triple); engagements with more than one; with a blank id and a name |
| …engagements.{certain, ambiguous, blank, unreadable}_date | by what their date says |
| …engagements.with_revenue, .revenue | engagements with revenue_usd, else revenue, readable as USD; and the sum of it, a decimal string |
| …customers_distinct | customers among those engagements |
| projects.rows, distinct, repeated_rows | rows; project_ids; rows that are an older service of a project_id |
| projects.{ended_before_started, deadline_before_created, status_outside_list, customer_unknown, customer_blank, customer_na} | rows; the first two have ISO dates on both sides |
| projects.status, rate, discount, dates.<column>, booleans.<column>, estimates.<column> | rows by form; dates: iso, dmy (dd/mm/yyyy), na, blank (NULL is not counted); estimates: point, comma, whole, na, blank |
| projects.latest | the same of the newest row per project_id only |
| time_entries.rows, hours.<form>, hours_unreadable, orphans | rows; unreadable are N/A and blank; orphans name no project |
| teams.rows, people.rows | rows |
| waves[n].tables.<table>.{inserts, late_commits, updates, deletes} | rows; late commits are inserts behind the committed cursor (and among the inserts) |
| waves[n].{cursor_from, cursor_to, new_columns} | newest cursor values before and after |
| waves[n].files.{changed, identical, new} | names; waves[n].{files_changed, files_identical, files_new}: how many |
| waves[n].changed.{engagements_corrected, rows_corrected, rows_appended} | in the changed file |
| events.files, rows_total, rows_good, blank_lines | files of the base; lines but for blank ones; those that hold one JSON object in UTF-8 |
| events.unreadable.{cut, not_json, invalid_encoding} | the other lines |
| events.exact_repeats, events.distinct.rows | good lines that are equal to an earlier one, of the same file or the one before; the rest of them, each an event_id |
| events.{event_type, occurred_at, customer_id, project_id}.<form> | good lines: event types page_scrolled and heartbeat are unknown; times are iso_z, iso_offset, epoch_ms (a number), blank, text; customers zeros (text), number, blank, unknown; projects set, null |
| events.campaign.<id>.<medium>, with_amount, amount | good lines with a campaign (type campaign_click); with an amount (brief_submitted), and the sum of it |
| events.distinct.<the same> | without the repeats |
| invoices.files, rows_total, rows_good, truncated, distinct, superseded | files of the base; complete invoices and one broken tail; complete ones; the tail; numbers; complete ones with a newer version elsewhere |
| invoices.{status, currency, customer_id, issued, due}.<form>; total.{adds_up, differs}; without_line | complete invoices; customers plain, zeros, blank, unknown; dates iso, dmy (dd/mm/yyyy) |
| invoices.totals.<currency>.<status> | sum of the totals as written |
| invoices.lines.{rows, amount, quantity.<form>, description.<form>} | lines of complete invoices: quantity whole, comma, point; description plain, entities, cdata |
| invoices.latest.<the same> | of the newest version of each number |
| documents.files, files_by_kind.<kind>, copies, encrypted | files of the base; byte-identical copies among them; PDFs that need a password |
| documents.rows | documents that can be taken: files without copies and encrypted ones, attachments, and what is attached to an attached mail |
| documents.attachments.{rows, kind.<suffix>, nested} | all levels; nested: those of an attached mail |
| documents.mails.{rows, variant.<variant>, with_attachments, encoded_subject} | mails that are files, copies left out; variants of `documents.VARIANTS` |
| documents.pages, slides, image_only | pages of readable PDFs, attached ones included; slides; documents without text but by OCR |
| mailroom.<path> | what a file says: kind, title (a mail's subject), project_id, customer_id, created_at (null: not told), sender or author, attachments, pages, slides, lines (of a picture), encrypted, copy_of |
| waves[n].events.{new, new_columns, counts}, waves[n].documents.{new, counts} | names of files; new fields; the counts of those files as above |
| waves[n].invoices.{changed, identical, invoices_corrected, invoices_appended} | names; invoices with a newer version, and new ones, in the changed file |
| now.customers; now.{projects, time_entries, people}.rows, now.projects.distinct; now.{events, invoices, documents} | after the last wave |
"""  # noqa: E501 - a table

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from blocks.sample import invoices
from blocks.sample.customers import FileSpec, Range
from blocks.sample.plan import Plan, added, nested


def folder(home: Path) -> Path:
    """Where the sample of a home is."""
    return home / "sample"


def read_truth(home: Path) -> dict[str, Any]:
    """truth.json."""
    result: dict[str, Any] = json.loads((folder(home) / "truth.json").read_text())
    return result


def write_json(path: Path, body: dict[str, Any]) -> None:
    """Write a file in one step, readable by its owner only."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(body, indent=1, default=str) + "\n")
    partial.chmod(0o600)
    partial.replace(path)


def read_state(home: Path) -> dict[str, Any]:
    """state.json: {} before the first `make`, without `waves` while one is under way."""
    path = folder(home) / "state.json"
    return json.loads(path.read_text()) if path.exists() else {}


def write_state(home: Path, plan: Plan, waves: int, cursor: str, next_engagement: int, specs: list[FileSpec]) -> None:
    """Record how far the sample is: this is what makes a `make` or a wave done."""
    body = {"rows": plan.rows, "seed": plan.seed, "waves": waves, "cursor": cursor, "next_engagement": next_engagement}
    kept = {k: v for k, v in read_state(home).items() if k == "postgres"}
    write_json(folder(home) / "state.json", {**kept, **body, "files": [vars(s) for s in specs]})


def specs_of(state: dict[str, Any]) -> list[FileSpec]:
    """The files as `write_state` recorded them."""
    specs = [FileSpec(**body) for body in state["files"]]
    for spec in specs:
        spec.tally = Counter(spec.tally)
        spec.ranges = [Range(*part) for part in spec.ranges]
        spec.corrected = {int(k): v for k, v in spec.corrected.items()}
    return specs


def drops_now(plan: Plan, body: dict[str, Any]) -> dict[str, Any]:
    """The counts of all events, invoices and documents after the last wave of truth.json."""
    waves = body["waves"]
    summed = {k: added(body[k], *(wave[k]["counts"] for wave in waves)) for k in ("events", "documents")}
    return {**summed, "invoices": invoices.counts(plan, len(waves))}


def customers_truth(plan: Plan, specs: Iterable[FileSpec]) -> dict[str, Any]:
    """The counts of several files together."""
    total: Counter[str] = Counter()
    for spec in specs:
        total.update(spec.tally)
    body = nested(total)
    return {**body, "customers_distinct": min(plan.customers, body.get("engagements", {}).get("distinct", 0))}
