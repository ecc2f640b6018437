"""A stream that fails and a gate that blocks: what is published stays, what stands on old data says so, and who must
know hears of it once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest

from governance.oncall import load_ownership
from tests.homes import SLOT1, SLOT2, SLOT3, Home, layer, stream
from tests.pagers.pagerduty import KEY, PagerDutyServer
from tests.slack.server import Server as Slack

# Of dbt's lineage: made of time entries, people or projects, and of the customers' files alone.
DOWNSTREAM = {"silver.slv_projects", "silver.slv_time_entries", "gold.fct_project", "gold.mrt_team_productivity"}
UNTOUCHED = {"silver.slv_engagement_rows", "silver.slv_engagement_services", "silver.slv_customer_names"}


@dataclass
class Heard:
    """Where people hear."""

    slack: Slack
    pager: PagerDutyServer

    @property
    def variables(self) -> dict[str, str]:
        return {
            "HALLMARK_SLACK_URL": self.slack.url, "HALLMARK_SLACK_TOKEN": self.slack.token,
            "HALLMARK_PAGERDUTY_URL": self.pager.url, "HALLMARK_PAGERDUTY_KEY": KEY,
        }  # fmt: skip

    def roots(self, channel: str) -> list[str]:
        """The first line of each message of a channel that is no reply."""
        return [m.blocks[0]["text"]["text"] for m in self.slack.channel(channel).roots]


@pytest.fixture(scope="module")
def heard() -> Iterator[Heard]:
    channels = [team.slack.removeprefix("#") for team in load_ownership().teams.values()]
    with Slack(*channels) as slack, PagerDutyServer() as pager:
        yield Heard(slack, pager)


@pytest.fixture(scope="module")
def home(first: Home, new_home: Callable[..., Home], heard: Heard, prefect_server: str) -> Home:
    """After a slot in which crm refused the password."""
    home = new_home(first)
    with home.crm() as crm:
        host = f"{crm.info.host}:{crm.info.port}"
        roots = {f"{name.upper()}_ROOT": str(home.path / "sample" / name) for name in ("drops", "mailroom")}
        home.variables = {"CRM_URL": f"postgresql://hallmark:not-it@{host}/crm", **roots} | heard.variables
        home.summary = home.run()
    home.variables = heard.variables
    return home


def test_a_failed_source_marks_what_stands_on_it(first: Home, home: Home) -> None:
    summary = home.summary
    assert (summary["state"], summary["slot"]) == ("failed", SLOT2)
    statuses = {f"{s['source']}.{s['stream']}": s["status"] for s in summary["streams"]}
    assert {name for name, status in statuses.items() if status == "failed"} == {
        "crm.projects", "crm.teams", "crm.people", "crm.time_entries",
    }  # fmt: skip
    assert {name for name, status in statuses.items() if status == "published"} >= {
        "drops.customers", "drops.events", "drops.invoices", "mailroom.mail",
    }  # fmt: skip
    error = stream(summary, "crm.projects")["error"]
    assert "crm.projects" in error["what"] and "password" in error["cause"] and error["remedy"]
    assert [layer(summary, x)["status"] for x in ("bronze", "silver", "gold")] == [
        "partly published", "published", "published",
    ]  # fmt: skip
    marks = {}
    for text in home.rows("SELECT stale_since FROM ops.publishes WHERE slot = ?", SLOT2):
        marks |= json.loads(text[0])
    assert set(marks) >= DOWNSTREAM and not set(marks) & UNTOUCHED
    assert set(marks.values()) == {SLOT1}, "their data are of the slot before"
    told = {e["subject"]: e["data"]["data_as_of"] for e in home.events() if e["type"] == "hallmark.dataset.stale.v1"}
    assert told == marks
    failed = {e["subject"] for e in home.events() if e["type"] == "hallmark.load.failed.v1"}
    assert failed == {"crm.projects", "crm.teams", "crm.people", "crm.time_entries"}
    assert home.fingerprints("bronze") == first.fingerprints("bronze")
    page = (home.path / "reports" / "latest.html").read_text(encoding="utf-8")
    assert "password" in page and "not-it" not in page


def test_a_source_that_is_down_calls_its_team_once(home: Home, heard: Heard) -> None:
    [page] = heard.pager.alerts
    assert (page.status, page.severity) == ("triggered", "critical") and "could not be loaded" in page.summary
    [root] = [r for r in heard.roots("customer-success-data") if r.startswith("🔴")]
    assert "could not be loaded" in root
    found = home.hallmark("incident", "list", "--json").json
    critical = {i["dataset"]: i for i in found if i["severity"] == "critical"}
    assert set(critical) == {f"bronze.crm__{t}" for t in ("projects", "teams", "people", "time_entries")}
    [origin] = [i for i in critical.values() if i["root"] is None]
    assert len(origin["attached"]) == 3 and origin["owner"] == "customer-success"
    assert set(origin) >= {
        "id", "fingerprint", "state", "kind", "severity", "dataset", "check_id", "owner", "opened_at", "last_seen",
        "count", "root", "attached", "blast",
    }  # fmt: skip
    assert home.hallmark("status", "--json").json["incidents"] == len(found)
    said = json.dumps([m.blocks for m in heard.slack.channel("customer-success-data").roots]) + str(page.body)
    assert "not-it" not in said and "not-it" not in str(found)


def test_an_acknowledgement_of_a_person_reaches_the_pager_at_once(
    home: Home, heard: Heard, prefect_server: str
) -> None:
    [origin] = [i for i in home.hallmark("incident", "list", "--json").json
                if i["severity"] == "critical" and i["root"] is None]  # fmt: skip
    acknowledged = home.hallmark("incident", "ack", origin["id"][:5], "--note", "asked for the password", "--json")
    assert (acknowledged.code, acknowledged.json["state"]) == (0, "acknowledged")
    assert [a.status for a in heard.pager.alerts] == ["acknowledged"]
    shown = home.hallmark("incident", "show", origin["id"], "--json").json
    assert {"at", "actor", "verb", "what"} == set(shown["timeline"][0]) and "links" in shown
    assert shown["timeline"][-1]["what"] == "asked for the password"
    report = origin["evidence"]["slot"] + ".html"
    assert (home.path / "reports" / report).is_file(), "where the link to the report leads"
    assert httpx.get(f"{prefect_server}/flow_runs/{origin['evidence']['run_id']}").status_code == 200
    assert home.value("SELECT count(*) FROM ops.actions WHERE action = 'incident.acknowledge'") == 1


def test_a_failed_critical_check_leaves_what_is_published(home: Home, prefect_server: str) -> None:
    with home.crm() as crm:
        crm.execute("UPDATE teams SET name = NULL, updated_at = now() WHERE id = 3")
    before = home.fingerprints("silver", "gold", exact=True)
    summary = home.run()
    assert (summary["state"], summary["slot"]) == ("failed", SLOT2), "an unfinished slot is taken again"
    assert stream(summary, "crm.teams")["published"] == 1
    assert [layer(summary, x)["status"] for x in ("bronze", "silver", "gold")] == ["published", "blocked", "skipped"]
    critical = [f for f in layer(summary, "silver")["failures"] if f["severity"] == "critical"]
    assert [(f["check_id"], f["failed_rows"]) for f in critical] == [("silver.slv_teams.name.not_null", 1)]
    assert home.fingerprints("silver", "gold", exact=True) == before
    gates = "SELECT published, count(*) FROM ops.gates WHERE layer = 'silver' AND run_id = ? GROUP BY 1"
    assert home.rows(gates, summary["run_id"]) == [(False, layer(summary, "silver")["checks"])]
    built = "SELECT DISTINCT layer, status FROM ops.builds WHERE run_id = ? ORDER BY 1"
    assert ("silver", "blocked") in home.rows(built, summary["run_id"])
    told = [e for e in home.events() if e["data"]["run_id"] == summary["run_id"]]
    blocked = [e for e in told if e["type"] == "hallmark.publish.blocked.v1"]
    assert [(e["subject"], e["data"]["checks"]) for e in blocked] == [("silver", ["silver.slv_teams.name.not_null"])]
    gates = {e["subject"]: e["data"]["checks"] for e in told if e["type"] == "hallmark.gate.failed.v1"}
    [failed] = [c for c in gates["silver.slv_teams"] if not c["success"]]
    assert failed["sample"]["columns"][0] == "name" and [row[0] for row in failed["sample"]["rows"]] == [None]
    assert [row["team_id"] for row in home.hallmark("sql", failed["query"], "--json").json] == [3]
    assert "sample" not in critical[0] and critical[0]["query"] == failed["query"]
    assert {e["type"] for e in told if e["type"].startswith("hallmark.run.")} >= {"hallmark.run.failed.v1"}


def test_the_mended_slot_completes_and_catches_up(first: Home, home: Home, prefect_server: str) -> None:
    name = first.value("SELECT name FROM bronze.crm__teams WHERE id = 3")
    with home.crm() as crm:
        crm.execute("UPDATE teams SET name = %s, updated_at = now() WHERE id = 3", [name])
    summary = home.run()
    assert (summary["state"], summary["slot"], summary["stale"]) == ("completed", SLOT2, {})
    assert home.value("SELECT name FROM silver.slv_teams WHERE team_id = 3") == name
    assert home.fingerprints("gold") == first.fingerprints("gold"), "nothing else changed"
    assert home.value("SELECT count(*) FROM ops.batches WHERE slot = ? AND state = 'completed'", SLOT2) == 1
    assert SLOT3 not in {s["slot"] for s in home.hallmark("status", "--json").json["slots"]}


def test_all_that_was_told_is_over(home: Home, heard: Heard) -> None:
    assert [(a.status, "slv_teams" in a.summary) for a in heard.pager.alerts] == [
        ("resolved", False), ("resolved", True),
    ]  # fmt: skip
    roots = heard.roots("delivery-data") + heard.roots("customer-success-data")
    assert len([r for r in roots if r.startswith("✅")]) == 2, "the source, and the check"
    found = home.hallmark("incident", "list", "--json").json
    assert {i["state"] for i in found if i["severity"] == "critical"} == {"resolved"}
    check = next(i for i in found if i["check_id"] == "silver.slv_teams.name.not_null")
    assert check["blast"]["unpublished"] == ["silver", "gold"] and check["blast"]["dashboards"]
    draft = home.hallmark("incident", "show", check["id"], "--markdown").out
    assert draft.startswith("# Post-mortem: ") and "| resolved |" in draft and "silver, gold" in draft
