"""Sample data with the dirt of the real thing: a Postgres `crm`, drops and a mailroom, made, changed, served.

The public functions; how values look is in `values.py`, what is counted in `truth.py`. Nothing is imported before
it is used.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

Progress = Callable[[str, int, int], None]


def exists(home: Path) -> bool:
    """Whether the home has a complete sample; one whose making was killed is none."""
    from blocks.sample import truth
    from blocks.sample.postgres import EmbeddedPostgres

    return "waves" in truth.read_state(home) and EmbeddedPostgres(home).exists


def make(home: Path, rows: int = 50_000, seed: int = 7, progress: Progress | None = None) -> dict[str, Any]:
    """Make a sample of so many customers records, in place of one that is there; gives truth.json.

    `progress` is called with (step, done, total). The same rows and seed give the same bytes. Raises
    ConfigurationError for less than one row, LockedError while another process serves the sample.
    """
    from blocks.sample import crm, customers, documents, events, invoices, truth
    from blocks.sample.plan import ANCHOR, Plan
    from blocks.sample.postgres import EmbeddedPostgres
    from governance.errors import ConfigurationError

    if rows < 1:
        raise ConfigurationError("the sample", f"{rows} rows were asked for", "ask for 1 or more")
    tell = progress or (lambda step, done, total: None)
    plan, folder, server = Plan(rows, seed), truth.folder(home), EmbeddedPostgres(home)
    remove(home)
    truth.write_json(folder / "state.json", {"postgres": str(server.place)})
    specs = customers.write_base(plan, folder / "drops" / "customers", tell)
    with server:
        tables = crm.load(plan, server, tell)
    papers, says = documents.write_base(plan, folder / "mailroom", tell)
    found = {
        "customers": truth.customers_truth(plan, specs),
        "events": events.write_base(plan, folder / "drops" / "events", tell),
        "invoices": invoices.write_base(plan, folder / "drops" / "invoices", tell),
        "documents": papers,
    }
    now = {**found, **{name: _size(counts) for name, counts in tables.items()}}
    body = {"rows": rows, "seed": seed, **found, **tables, "mailroom": says, "waves": [], "now": now}
    body["files"] = {s.name: truth.customers_truth(plan, [s]) for s in specs}
    truth.write_json(folder / "truth.json", body)
    truth.write_state(home, plan, 0, ANCHOR.isoformat(), specs[-1].ranges[-1].end, specs)
    return body


def wave(home: Path, progress: Progress | None = None) -> dict[str, Any]:
    """The next wave of changes to all sources; gives its entry in truth.json.

    A wave that was killed is done again, with the same result. May be called inside `serving`.
    Raises ConfigurationError where there is no sample.
    """
    import psycopg

    from blocks.sample import truth, waves
    from blocks.sample.plan import Plan
    from blocks.sample.postgres import EmbeddedPostgres
    from governance.errors import ConfigurationError

    if not exists(home):
        raise ConfigurationError(f"the sample in {home}", "there is none", "make one with `hallmark sample`")
    tell = progress or (lambda step, done, total: None)
    with EmbeddedPostgres(home) as server, psycopg.connect(server.url(), autocommit=True) as connection:
        state = truth.read_state(home)
        plan, number, specs = Plan(state["rows"], state["seed"]), state["waves"] + 1, truth.specs_of(state)
        tell("tables", 0, 1)
        done = waves.change_tables(plan, connection, number, datetime.fromisoformat(state["cursor"]))
        tell("tables", 1, 1)
        folder = truth.folder(home)
        files, following = waves.change_files(
            plan, folder / "drops" / "customers", specs, number, state["next_engagement"], tell
        )
        after = done.pop("after")
        more, says = waves.change_drops(plan, folder, number, done, tell)
        done |= files | more
        body = truth.read_truth(home)
        body["waves"] = [*body["waves"][: number - 1], done]
        body["files"] = {s.name: truth.customers_truth(plan, [s]) for s in specs}
        body["mailroom"] |= says
        body["now"] |= {"customers": truth.customers_truth(plan, specs), **after, **truth.drops_now(plan, body)}
        truth.write_json(truth.folder(home) / "truth.json", body)
        truth.write_state(home, plan, number, done["cursor_to"], following, specs)
    return done


@contextlib.contextmanager
def serving(home: Path) -> Iterator[dict[str, str]]:
    """The variables of the sample's sources, with its Postgres running inside the block; {} without a sample.

    A CRM_URL of the environment is not looked at: which of the two counts is the caller's choice.
    """
    from blocks.sample import truth
    from blocks.sample.postgres import EmbeddedPostgres

    if not exists(home):
        yield {}
        return
    with EmbeddedPostgres(home) as server:
        folder = truth.folder(home).absolute()
        roots = {"DROPS_ROOT": str(folder / "drops"), "MAILROOM_ROOT": str(folder / "mailroom")}
        yield {"CRM_URL": server.url(), **roots}


def remove(home: Path) -> None:
    """Take the sample of a home away, with the files that its server keeps elsewhere."""
    from blocks.sample import truth
    from blocks.sample.postgres import EmbeddedPostgres

    folder = truth.folder(home)
    EmbeddedPostgres(home).destroy()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _size(counts: dict[str, Any]) -> dict[str, int]:
    return {key: counts[key] for key in ("rows", "distinct") if key in counts}
