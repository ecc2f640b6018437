"""Incidents as they might be, of an agency's customers, projects and campaigns: for previews, and for golden tests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from governance.incidents.model import Alert, Blast, Entry, Evidence, Incident, Links, Verb
from governance.messages import alert_of
from governance.model import Sample

NOW = datetime(2026, 11, 22, 6, 12, tzinfo=UTC)
SLOT = "2026-11-22T06:00:00Z"
LINKS = Links(
    run="https://prefect.agency.example/runs/flow-run/5f1c0d5e",
    catalog="https://catalog.agency.example/table/hallmark_warehouse.warehouse.silver.slv_projects/incidents",
    report="https://reports.agency.example/2026-11-22T06.html",
    runbook="https://docs.agency.example/oncall",
)
MENTION = "<!subteam^S0DELIVERY>"
PROJECTS = Blast(
    datasets=("gold.dim_project", "gold.fct_project", "gold.mrt_project", "gold.mrt_team_productivity"),
    dashboards=("projects", "team_productivity"), owners=("delivery", "client-services"),
    unpublished=("silver", "gold"),
)  # fmt: skip
_GATE: dict[str, Any] = {
    "id": "4be07ad215", "fingerprint": "4be07ad2159c0a7be2b1c70d3ff24a90", "state": "open", "kind": "gate",
    "severity": "critical", "dataset": "silver.slv_projects", "check_id": "slv_projects.customer_id.relationships",
    "owner": "delivery", "title": "12 projects belong to no known customer", "opened_at": NOW, "last_seen": NOW,
    "blast": PROJECTS,
}  # fmt: skip
_GATE_SEEN: dict[str, Any] = {
    "at": NOW, "slot": SLOT, "run_id": "5f1c0d5e", "type": "relationships", "column": "customer_id", "observed": "12",
    "threshold": "0", "failed_rows": 12, "rows": 1500,
    "query": "SELECT c.*\nFROM silver.slv_projects AS c\nLEFT JOIN silver.slv_customers AS p USING (customer_id)\n"
    "WHERE c.customer_id IS NOT NULL AND p.customer_id IS NULL",
    "sample": Sample(
        columns=("project_id", "customer_id", "service", "contact", "revenue_usd", "date_started"),
        rows=(
            ("P-10482", "C-99017", "Paid social", "*****@northwind.example", "48000.00", "2026-11-03"),
            ("P-10490", "C-99017", "SEO & content", "*****@northwind.example", "12500.00", None),
            ("P-10511", "C-99023", "Media planning", "*****@tailspin.example", None, "2026-11-17"),
        ),
    ),
}  # fmt: skip


def samples() -> dict[str, Alert]:
    """By name, in the order in which they are shown."""
    return {name: make() for name, make in _MADE.items()}


def _incident(seen: dict[str, Any], **changes: Any) -> Incident:
    latest = Evidence(**seen)
    return Incident.model_validate({**_GATE, "first": latest, "latest": latest, **changes})


def entry(seq: int, minutes: int, verb: Verb, what: str = "", actor: str = "hallmark") -> Entry:
    """A line of a timeline, so many minutes after it began."""
    return Entry(seq=seq, at=NOW + timedelta(minutes=minutes), actor=actor, verb=verb, what=what)


def _opened() -> Alert:
    return alert_of(_incident(_GATE_SEEN), (), LINKS, [entry(1, 0, "opened", "12 of 1,500 rows")], MENTION)


def _acknowledged() -> Alert:
    incident = _incident(
        {**_GATE_SEEN, "at": NOW + timedelta(hours=6), "failed_rows": 31, "observed": "31"}, state="acknowledged",
        acknowledged_at=NOW + timedelta(minutes=9), assignee="maria", count=4, last_seen=NOW + timedelta(hours=6),
        escalations=1,
    )  # fmt: skip
    entries = [
        entry(1, 0, "opened", "12 of 1,500 rows"), entry(2, 5, "escalated", "nobody acknowledged it in 5 min"),
        entry(3, 9, "acknowledged", "looking at the CRM export", "maria"), entry(4, 30, "repeated"),
        entry(5, 360, "worsened", "31 of 1,500 rows, 12 before"),
    ]  # fmt: skip
    return alert_of(incident, (), LINKS, entries, MENTION)


def _resolved() -> Alert:
    incident = _incident(_GATE_SEEN, state="resolved", resolved_at=NOW + timedelta(minutes=58), count=3,
                         last_seen=NOW + timedelta(minutes=31), assignee="maria")  # fmt: skip
    entries = [entry(1, 0, "opened", "12 of 1,500 rows"), entry(2, 58, "resolved", "the check passed")]
    return alert_of(incident, (), LINKS, entries, MENTION)


def _muted() -> Alert:
    incident = _incident(_GATE_SEEN, state="muted", muted_until=NOW + timedelta(days=2), severity="warning")
    entries = [entry(1, 0, "opened"), entry(2, 4, "muted", "the customer list moves to the new CRM", "jon")]
    return alert_of(incident, (), LINKS, entries, MENTION)


def storm_members(number: int = 39) -> list[Incident]:
    """Incidents downstream of a broken bronze stream."""
    tables = ("silver.slv_projects", "silver.slv_project_services", "gold.dim_project", "gold.fct_project",
              "gold.mrt_project", "gold.mrt_team_productivity")  # fmt: skip
    return [
        _incident(
            {**_GATE_SEEN, "sample": None}, id=f"a{n:09x}", dataset=tables[n % 6], root="0c5e8f21d7",
            check_id=f"{tables[n % 6].partition('.')[2]}.check_{n}", severity="warning" if n % 5 == 4 else "critical",
            title=f"check {n} fails", blast=Blast(),
        )
        for n in range(number)
    ]  # fmt: skip


def _storm() -> Alert:
    members = storm_members()
    seen = {"at": NOW, "slot": SLOT, "run_id": "5f1c0d5e", "type": "not_null", "column": "id", "observed": "1500",
            "threshold": "0", "failed_rows": 1500, "rows": 1500,
            "query": "SELECT * FROM bronze.crm__projects WHERE id IS NULL"}  # fmt: skip
    blast = PROJECTS.model_copy(update={"datasets": ("silver.slv_projects", "silver.slv_project_services",
                                                     *PROJECTS.datasets), "unpublished": ("bronze.crm__projects",
                                                     "silver", "gold")})  # fmt: skip
    incident = _incident(seen, id="0c5e8f21d7", dataset="bronze.crm__projects", check_id="crm__projects.id.not_null",
                         owner="customer-success", title="Every project came without its id", blast=blast,
                         attached=tuple(i.id for i in members))  # fmt: skip
    entries = [entry(1, 0, "opened"), *(entry(2 + n, 1, "attached", i.check_id) for n, i in enumerate(members))]
    return alert_of(incident, members, LINKS, entries, "<!subteam^S0CUSTOMERS>")


def _watch(kind: str, **more: Any) -> Callable[[], Alert]:
    """An alert of what has no failing rows."""
    names = ("type", "column", "observed", "threshold", "error", "remedy", "failed_rows", "rows")
    seen = {name: more.pop(name) for name in names if name in more}

    def make() -> Alert:
        incident = _incident({"at": NOW, "slot": SLOT, "run_id": "5f1c0d5e", **seen}, kind=kind, **more)
        links = LINKS if kind in ("flow", "load") else LINKS.model_copy(update={"run": ""})
        return alert_of(incident, (), links, [entry(1, 0, "opened")], more.get("mention", ""))

    return make


_CAMPAIGNS = Blast(datasets=("silver.slv_events", "gold.mrt_campaign"), dashboards=("campaigns",), owners=("growth",))
_MADE: dict[str, Callable[[], Alert]] = {
    "opened": _opened, "acknowledged": _acknowledged, "resolved": _resolved, "muted": _muted, "storm": _storm,
    "freshness": _watch(
        "freshness", id="7d20c4e1b9", dataset="bronze.drops__events", check_id="drops__events.freshness",
        owner="growth", severity="warning", title="Campaign events are 9 h old, and due every 6 h", type="freshness",
        observed="9 h 12 min", threshold="8 h", blast=_CAMPAIGNS,
    ),
    "volume": _watch(
        "volume", id="e8114f90aa", dataset="bronze.drops__customers", check_id="drops__customers.rows",
        owner="customer-success", severity="warning", title="Half as many customers as on other Sundays", type="volume",
        observed="24,310", threshold="46,900 to 53,400", blast=Blast(datasets=("silver.slv_customers",)),
    ),
    "schema": _watch(
        "schema", id="19f3b07c55", dataset="bronze.crm__projects", check_id="crm__projects.schema",
        owner="customer-success", title="The column date_ended is gone from crm.projects",
        observed="date_ended: absent", threshold="date_ended: timestamp", blast=PROJECTS,
        remedy="ask the CRM's team; if it is meant, adopt the new shape",
    ),
    "quarantine": _watch(
        "quarantine", id="b6620d1e7f", dataset="bronze.drops__invoices__lines", check_id="drops__invoices.quarantine",
        owner="finance", title="Two of three invoice lines could not be read", observed="66.2 %", threshold="50 %",
        failed_rows=1986, rows=3000, blast=Blast(datasets=("gold.fct_invoice",), dashboards=("revenue",),
                                                  owners=("finance",), unpublished=("bronze.drops__invoices__lines",)),
    ),
    "load": _watch(
        "load", id="52c9e8d310", dataset="bronze.ads__purchases", check_id="ads.purchases.load", owner="growth",
        severity="warning", title="The stream ads.purchases could not be read",
        error="airbyte-source-faker ended with status 1: 401 from the API: the access token is expired",
        remedy="renew the token in the block ads-token", blast=_CAMPAIGNS,
    ),
    "flow": _watch(
        "flow", id="fe03a91c64", dataset="batch", check_id="crashed", owner="data-platform",
        title="The flow batch crashed in slot 2026-11-22T06:00:00Z",
        error="Crashed: the pod was killed: OOMKilled, memory limit 2Gi", blast=Blast(unpublished=("silver", "gold")),
    ),
    "deadline": _watch(
        "deadline", id="30d7f6b8e2", dataset="batch", check_id="07:30Z", owner="data-platform", severity="warning",
        title="The batch of 06:00 is not complete at 07:30", observed="gold not published", threshold="07:30 UTC",
        blast=Blast(unpublished=("gold",)),
    ),
    "delivery": _watch(
        "delivery", id="c41a7be509", dataset="openmetadata", check_id="auth", owner="data-platform", severity="warning",
        title="214 events cannot be brought to openmetadata", observed="214 buried", error="401 Token has expired",
    ),
}  # fmt: skip
