"""A catalog under test: our side of it, and a person who edits it over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from governance.model import CheckResult, Column, Dataset, Event, LineageEdge
from governance.oncall import Team
from governance.openmetadata.catalog import Catalog
from governance.openmetadata.datasets import Told, push_datasets
from governance.openmetadata.edges import Made, push_edges
from governance.openmetadata.places import Places
from governance.openmetadata.policy import Overridden
from governance.openmetadata.push import Pusher
from governance.openmetadata.quality import push_checks
from governance.transports.base import Outcome
from governance.transports.openmetadata import Client, OpenMetadataTransport
from tests.openmetadata.server import Server
from tests.unit.openmetadata.api import Api

Json = dict[str, Any]
DAY = datetime(2026, 11, 22, 6, tzinfo=UTC)
TEAMS = {"sales": Team(name="sales", slack="#sales"), "finance": Team(name="finance", slack="#finance")}
SILVER = "hallmark_warehouse.warehouse.silver"
ORDERS = Dataset(
    name="silver.orders", layer="silver", description="What was ordered.", owner="sales", tier="tier1", domain="Trade",
    tags=("core",), primary_key=("id",),
    columns=(
        Column(name="id", type="BIGINT", description="Its number."),
        Column(name="email", type="VARCHAR", description="Of who ordered.", pii="email"),
        Column(name="total", type="DECIMAL(18,2)"),
    ),
)  # fmt: skip
CUSTOMERS = Dataset(
    name="silver.customers", layer="silver",
    columns=(Column(name="id", type="BIGINT"), Column(name="name", type="VARCHAR")),
)  # fmt: skip


class World:
    """One server, our client of it, and a person."""

    def __init__(
        self, server: Server, places: Places | None = None, rules: Mapping[str, Any] | None = None, timeout: float = 2.0
    ) -> None:
        self.server = server
        self.token = server.token
        self.overridden: list[Overridden] = []
        self.client = Client(server.url, lambda: self.token, timeout=timeout)
        self.catalog = Catalog(self.client, places or Places(), TEAMS, rules, self.overridden.append)
        self.pusher = Pusher(self.catalog)
        self.transport = OpenMetadataTransport(self.catalog)
        self.person = Api(server, server.admin_token)
        self.bot = Api(server, server.token)
        self._runner = asyncio.Runner()

    def close(self) -> None:
        self._runner.run(self.client.close())
        self._runner.close()
        self.person.http.close()
        self.bot.http.close()

    def run(self, work: Any) -> Any:
        """What it gives, in the one event loop of this world."""
        return self._runner.run(work)

    def push(self, *datasets: Dataset, **told: Any) -> int:
        """Bring datasets in, each of which must arrive; how many requests wrote."""
        before = len(self.server.writes)
        failed = self.run(push_datasets(self.catalog, {d.name: Told(d, DAY, **told) for d in datasets}))
        assert not failed, failed
        return len(self.server.writes) - before

    def refused(self, dataset: Dataset) -> Exception:
        """Why a dataset is not brought in."""
        [(_, error)] = self.run(push_datasets(self.catalog, {dataset.name: Told(dataset, DAY)})).items()
        return error

    def edges(self, dataset: str, *edges: LineageEdge, **made: Any) -> int:
        """Bring in what a dataset is made of; how many requests wrote."""
        before = len(self.server.writes)
        self.run(push_edges(self.catalog, Made(dataset, edges, **{"pipeline": "transform", **made})))
        return len(self.server.writes) - before

    def checks(self, *checks: CheckResult, at: datetime = DAY) -> int:
        """Bring in a gate's results; how many requests wrote."""
        before = len(self.server.writes)
        self.run(push_checks(self.catalog, checks[0].dataset, checks, at))
        return len(self.server.writes) - before

    def deliver(self, *events: Event) -> list[Outcome]:
        """By the transport, which has an event loop, and so connections, of its own."""
        self.run(self.client.close())
        outcomes = self.transport.deliver(events)
        assert self.transport.close(1.0)
        return outcomes

    def table(self, name: str = "orders", fields: str = "owners,tags,domains,tableConstraints") -> Json:
        """A table of silver as a user sees it."""
        return dict(self.bot.named("tables", f"{SILVER}.{name}", fields=fields))

    def edit(self, *steps: Json, name: str = "orders") -> Json:
        """A person changes a table of silver."""
        return dict(self.person.patch(f"tables/{self.table(name)['id']}", *steps))

    def upstream(self, fqn: str, kind: str = "table") -> dict[str, Json]:
        """The edges into an entity, by the name of their source."""
        found = self.bot.get(f"lineage/{kind}/name/{quote(fqn, safe='')}", upstreamDepth=1, downstreamDepth=0)
        names = {n["id"]: n["fullyQualifiedName"] for n in found["nodes"]}
        return {names[e["fromEntity"]]: {**e["lineageDetails"], "told": e.get("description")}
                for e in found["upstreamEdges"]}  # fmt: skip


def column(table: Json, name: str) -> Json:
    """A column of a table."""
    [found] = [c for c in table["columns"] if c["name"] == name]
    return dict(found)


def tags(of: Json) -> set[str]:
    """The labels of a table or column."""
    return {t["tagFQN"] for t in of.get("tags") or ()}


def describe(text: str, path: str = "/description") -> Json:
    """A step of a patch."""
    return {"op": "add", "path": path, "value": text}


def with_columns(dataset: Dataset, *columns: Column) -> Dataset:
    """The same dataset with other columns in place of those of their names, or beside them."""
    new = {c.name: c for c in columns}
    kept = [new.pop(c.name, c) for c in dataset.columns]
    return dataset.model_copy(update={"columns": (*kept, *new.values())})


def edge(source: str, target: str, expression: str = "", kind: Any = "direct") -> LineageEdge:
    """A column edge."""
    return LineageEdge(source=source, target=target, expression=expression, kind=kind)


def pairs(details: Json) -> dict[tuple[str, str], str | None]:
    """The column edges of an edge, without the schema: (from, to) → function."""
    return {
        (source.removeprefix(f"{SILVER}."), c["toColumn"].removeprefix(f"{SILVER}.")): c.get("function")
        for c in details.get("columnsLineage") or () for source in c["fromColumns"]
    }  # fmt: skip


def told(dataset: Dataset, cause: str = "1", at: int = 0, **more: Any) -> Event:
    """As a flow tells that a dataset is published."""
    said = dataset.model_dump(mode="json", exclude={"name"}, exclude_defaults=True)
    kind = "hallmark.dataset.published.v1"
    data = {**said, "layer": dataset.layer, **more}
    return Event.of(kind, dataset.name, cause, DAY + timedelta(minutes=at), **data)


def failures(outcomes: Sequence[Outcome]) -> list[Exception]:
    """What went wrong."""
    return [o.error for o in outcomes if o.error]


def check(number: int = 1, success: bool = True, **more: Any) -> CheckResult:
    """A check of orders."""
    given: Json = {
        "check_id": f"silver.orders.email.not_null.{number}", "layer": "silver", "dataset": "silver.orders",
        "column": "email", "type": "not_null", "severity": "critical", "success": success, "rows": 200,
        "failed_rows": 0 if success else 50, "observed": "0 of 200" if success else "50 of 200", **more,
    }  # fmt: skip
    return CheckResult(**given)


def renamed(dataset: Dataset, **update: Any) -> Dataset:
    """The dataset with other members."""
    return dataset.model_copy(update=update)
