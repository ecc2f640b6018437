"""The bodies that are sent, whole."""

from __future__ import annotations

from governance.incidents.model import Action, Alert, Blast, Links
from governance.transports.jsm import MESSAGE_LIMIT, created, fitting, noted
from governance.transports.pagerduty import alert
from governance.transports.pages import page_of, storm_page
from tests.pagers import pagerduty
from tests.unit.governance.paging import incident

SAID = Alert(
    incident=incident(7),
    links=Links(run="https://prefect.example.com/runs/1", runbook="javascript:alert(1)"),
    actions=(Action(title="rows", command="hallmark quarantine list --load l1"),),
)
DETAILS = {
    "incident": "0000000007", "check": "not_null_t7_email", "column": "email", "slot": "2026-11-22T06", "run": "run-1",
    "failed rows": "12 of 900", "observed": "12", "expected": "0", "remedy": "replay the quarantine",
    "downstream": "gold.mart", "owners downstream": "growth",
    "rows": "id=1, email=*****@example.com | id=2, email=None",
    "commands": "rows: hallmark quarantine list --load l1 | hallmark incident show 0000000007",
}  # fmt: skip
KEY = "hallmark-00000000000000000000000000000007-0000000007"


def test_what_pagerduty_is_sent() -> None:
    page = page_of(SAID)
    assert alert(page, "trigger", pagerduty.KEY) == {
        "routing_key": pagerduty.KEY, "event_action": "trigger", "dedup_key": KEY, "client": "Hallmark",
        "payload": {
            "summary": "7 rows without an e-mail in gold.t7", "source": "gold.t7", "severity": "critical",
            "timestamp": "2026-11-22T06:00:07.000Z", "component": "gold.t7", "group": "finance", "class": "gate",
            "custom_details": DETAILS,
        },
        "links": [{"href": "https://prefect.example.com/runs/1", "text": "Prefect run"}],
    }  # fmt: skip
    assert alert(page, "resolve", pagerduty.KEY, "it\npassed") == {
        "routing_key": pagerduty.KEY, "event_action": "resolve", "dedup_key": KEY,
        "payload": {"summary": "it passed", "source": "gold.t7", "severity": "critical"},
    }  # fmt: skip


def test_what_jsm_operations_is_sent() -> None:
    body = created(page_of(SAID), [{"type": "team", "id": "4513b7ea"}])
    lines = ["7 rows without an e-mail in gold.t7", *(f"{k}: {v}" for k, v in DETAILS.items())]
    assert body == {
        "message": "7 rows without an e-mail in gold.t7", "alias": KEY, "priority": "P1", "entity": "gold.t7",
        "description": "\n".join([*lines, "Prefect run: https://prefect.example.com/runs/1"]),
        "source": "Hallmark", "user": "Hallmark", "details": DETAILS,
        "responders": [{"type": "team", "id": "4513b7ea"}],
        "tags": ["hallmark", "critical", "gate", "finance"],
    }  # fmt: skip
    assert noted("it\npassed") == {"user": "Hallmark", "source": "Hallmark", "note": "it passed"}


def test_what_a_storm_says() -> None:
    page = storm_page("hallmark-storm-1", 35, incident(7), "critical")
    assert alert(page, "trigger", pagerduty.KEY)["payload"] == {
        "summary": "storm: 35 incidents open, the newest: 7 rows without an e-mail in gold.t7", "source": "gold.t7",
        "severity": "critical", "timestamp": "2026-11-22T06:00:07.000Z", "component": "gold.t7", "group": "finance",
        "class": "storm",
        "custom_details": {
            "open": "35", "newest": "0000000007 7 rows without an e-mail in gold.t7",
            "why one page": "more were paged within an hour than one can read", "commands": "hallmark incident list",
        },
    }  # fmt: skip


def test_what_is_long_is_cut_and_html_stays_text() -> None:
    wide = incident(1, title="<b>&" * 900, blast=Blast(datasets=tuple(f"gold.d{n}" for n in range(60))))
    page = page_of(Alert(incident=wide))
    assert page.details["downstream"].endswith("gold.d9 and 50 more")
    message = created(page)["message"]
    assert len(message) <= MESSAGE_LIMIT and message.startswith("&lt;b&gt;&amp;") and "<" not in message
    assert len(alert(page, "trigger", "k")["payload"]["summary"]) == 1024
    assert fitting("&" * 10, 12) == "&amp;&amp;"
