"""Breaks the sample on purpose, and shows who hears of it, and how it ends: `make demo-incident`.

Slack, PagerDuty and OpenMetadata are the strict stand-ins of the tests, on this machine; everything else is real. The
steps are those of an engineer on call: each line after a `$` is a command that was run.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import psycopg  # noqa: E402
import yaml  # noqa: E402

from blocks import sample  # noqa: E402
from flows.context import SOURCES  # noqa: E402
from governance.incidents.store import IncidentStore  # noqa: E402
from governance.oncall import load_ownership  # noqa: E402
from tests.openmetadata.server import Server as Catalog  # noqa: E402
from tests.pagers.pagerduty import KEY, PagerDutyServer  # noqa: E402
from tests.slack.picture import picture  # noqa: E402
from tests.slack.server import Server as Slack  # noqa: E402

ROWS = 1500
BROKEN_FILE = "customers/customers_from_spain.csv"
STATES = "dataQuality/testCases/testCaseIncidentStatus"
THREADS = ("delivery-data", "data-platform")


class Demo:
    """One home, and those who hear of what happens in it."""

    def __init__(self, home: Path, slack: Slack, pager: PagerDutyServer, catalog: Catalog) -> None:
        self.home, self.slack, self.pager, self.catalog = home, slack, pager, catalog
        self.sources = home.parent / "sources.yml"
        self.sources.write_text(SOURCES.read_text())
        own = ("HALLMARK_", "CRM_URL", "DROPS_ROOT", "MAILROOM_ROOT")
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(own)} | {
            "HALLMARK_HOME": str(home), "COLUMNS": "100", "NO_COLOR": "1",
            "HALLMARK_SLACK_URL": slack.url, "HALLMARK_SLACK_TOKEN": slack.token,
            "HALLMARK_PAGERDUTY_URL": pager.url, "HALLMARK_PAGERDUTY_KEY": KEY,
            "HALLMARK_OPENMETADATA_URL": catalog.url, "HALLMARK_OPENMETADATA_TOKEN": catalog.token,
        }  # fmt: skip

    def hallmark(self, command: str, *, quiet: bool = False) -> str:
        """Run it as a shell would, and print what it printed."""
        say(f"\n$ hallmark {command.replace(str(self.sources), 'sources.yml')}")
        words = [str(Path(sys.executable).with_name("hallmark")), *shlex.split(command)]
        done = subprocess.run(
            words, cwd=self.home.parent, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode not in (0, 1):
            raise SystemExit(done.stderr)
        if not quiet:
            say(done.stdout.rstrip())
        return done.stdout

    def run(self) -> None:
        """A batch: one line for each stream and layer that is not as it should be."""
        found = json.loads(self.hallmark(f"run --sources {self.sources} --json", quiet=True))
        bad = [f"  {s['source']}.{s['stream']}: {s['quarantined']} of {s['read']} rows to quarantine"
               for s in found["streams"] if s["read"] and s["quarantined"] / s["read"] >= 0.05]  # fmt: skip
        bad += [f"  {x['layer']}: {x['status']}" for x in found["layers"] if x["status"] != "published"]
        say(f"slot {found['slot']}: {found['state']}", *bad)

    def page(self) -> str:
        """The id of the incident that somebody was called for."""
        with IncidentStore(f"sqlite:///{self.home / 'state.db'}") as store:
            return next(i.id for i in store.rows() if i.severity == "critical" and i.root is None)

    def show(self, whole: str = "") -> None:
        """What each of those who hear sees; of all channels but one how a message begins, and the last reply."""
        for name in THREADS:
            lines = picture(self.slack.channel(name)).rstrip().splitlines()
            if name != whole:
                last = max(n for n, line in enumerate(lines) if "└" in line)
                lines = [*lines[:4], "│ …", *lines[last : last + 2]]
            say("", f"Slack {lines[0]}", *lines[1:])
        say("", "PagerDuty", *(f"  {state}: {text}" for text, state in self.pager.states()))
        say("", "OpenMetadata", *(f"  {state}: {case}" for case, state in self.catalog_states()))

    def catalog_states(self) -> list[tuple[str, str]]:
        """(case, state) of each incident there."""
        newest: dict[str, dict[str, Any]] = {}
        for rows in self.catalog.state.incidents.values():
            newest |= {row["stateId"]: row for row in rows}
        names = self.catalog.state.records
        stands = ((names[r["testCaseReference"]["id"]].doc["name"], r) for r in newest.values())
        return [(n, r["testCaseResolutionStatusType"]) for n, r in stands if n.startswith("silver.slv_time")]

    def database(self, sql: str) -> None:
        """What somebody does in the CRM."""
        say(f"\ncrm=> {sql};")
        with sample.serving(self.home) as variables, psycopg.connect(variables["CRM_URL"], autocommit=True) as crm:
            crm.execute(sql)


def main() -> None:
    """Break, hear, act, mend, and see it end."""
    channels = [team.slack.removeprefix("#") for team in load_ownership().teams.values()]
    with tempfile.TemporaryDirectory(prefix="hallmark-demo-") as folder, ExitStack() as stack:
        servers = (stack.enter_context(Slack(*channels)), stack.enter_context(PagerDutyServer()))
        demo = Demo(Path(folder) / ".hallmark", *servers, stack.enter_context(Catalog()))
        try:
            story(demo)
        finally:
            demo.hallmark("sample --remove", quiet=True)


def story(demo: Demo) -> None:
    """What happens."""
    heading("A quiet batch")
    demo.hallmark(f"sample --rows {ROWS}", quiet=True)
    demo.run()
    heading("Somebody breaks two things")
    demo.database("UPDATE time_entries SET work_date = NULL, updated_at = now() WHERE id <= 5")
    drop(demo)
    demo.run()
    demo.hallmark("incident list")
    heading("What the team sees")
    demo.show(whole="delivery-data")
    heading("Somebody is on it")
    page = demo.page()
    demo.hallmark(f"incident ack {page} --note 'the importer lost the day of the work'")
    heading("The data are mended, and what was kept back is read again")
    demo.database("UPDATE time_entries SET work_date = '2026-10-30', updated_at = now() WHERE id <= 5")
    sources = yaml.safe_load(demo.sources.read_text())
    sources["sources"]["drops"]["streams"]["customers"]["encoding"] = "cp1252"
    demo.sources.write_text(yaml.safe_dump(sources))
    demo.hallmark(f"quarantine replay --stream drops.customers --reason invalid_encoding --sources {demo.sources}")
    demo.run()
    heading("It is over, everywhere")
    demo.show()
    demo.hallmark(f"incident show {page}")


def drop(demo: Demo) -> None:
    """A file of which one line in three is in the encoding of another system."""
    drops = demo.home / "sample" / "drops"
    known = (drops / "customers" / "customers_2024.csv").read_bytes().decode("utf-8-sig", "ignore")
    head, *lines = known.splitlines()[:301]
    names = (f"Diseño {n} Café" for n in range(len(lines)))
    texts = [line.replace(",Web,", f",{name},").replace("N/A", name) for line, name in zip(lines, names, strict=True)]
    body = [head.encode(), *(t.encode("cp1252" if n % 3 == 0 else "utf-8", "replace") for n, t in enumerate(texts))]
    (drops / BROKEN_FILE).write_bytes(b"\n".join(body) + b"\n")
    say(f"\ndropped {BROKEN_FILE}: UTF-8, and one line in three in cp1252")


def say(*lines: str) -> None:
    """Print at once."""
    print(*lines, sep="\n", flush=True)


def heading(text: str) -> None:
    """A part of the story."""
    say("", f"── {text} {'─' * (96 - len(text))}")


if __name__ == "__main__":
    main()
