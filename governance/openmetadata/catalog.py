"""The catalog as the pushing parts see it: what must be there first, how things are spelled, and what is at stake.

Services, schemas, teams, domains and tags are made when something first needs them, once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from governance.oncall import Team
from governance.openmetadata import bodies
from governance.openmetadata.names import clean, fqn, in_path, split
from governance.openmetadata.places import Places
from governance.openmetadata.policy import RULES, Overridden, Rule
from governance.transports.base import Outage, TransientError

if TYPE_CHECKING:
    from governance.transports.openmetadata import Client

T = TypeVar("T")
Json = dict[str, Any]
OWN = "Hallmark"
"""The classification of our own tags."""
STALE = f"{OWN}.Stale"
_OWN_TAGS = {"Stale": "What this is made of could not be brought up to date; its data are older than those around it."}


@dataclass
class Tally:
    """What was done to the catalog."""

    created: int = 0
    updated: int = 0
    deleted: int = 0
    kept: int = 0
    """Descriptions and edges of others that differ from ours, and were left alone."""
    missing_edges: list[str] = field(default_factory=list)
    """Column edges that the catalog does not have after all: `<column> -> <column>`."""
    unknown_owners: set[str] = field(default_factory=set)
    """Owners that are no team that can own there."""


async def together(*work: Awaitable[T]) -> list[T]:
    """What comes of all of it, once all of it has ended: nothing goes on behind the back of who is told of a failure.

    Raises what went wrong; what trying again can mend first, so that all is brought that can be.
    """
    ends = await asyncio.gather(*work, return_exceptions=True)
    failed = [end for end in ends if isinstance(end, BaseException)]
    for kind in (Outage, TransientError, BaseException):
        for error in failed:
            if isinstance(error, kind):
                raise error
    return [end for end in ends if not isinstance(end, BaseException)]


class Catalog:
    """One server, with the names of our places in it. `overridden` hears of a person's value that had to give way."""

    def __init__(
        self,
        client: Client,
        places: Places,
        teams: Mapping[str, Team] | None = None,
        rules: Mapping[str, Rule] | None = None,
        overridden: Callable[[Overridden], None] = lambda found: None,
    ) -> None:
        self.client, self.places = client, places
        self.teams, self.rules = dict(teams or {}), {**RULES, **(rules or {})}
        self.overridden = overridden
        self.ours: set[str] = set()
        """The names under which the server knows us, from its answers."""
        self.tally = Tally()
        self._made: dict[str, asyncio.Task[str]] = {}
        self._spelled: dict[str, dict[str, str]] = {}

    def forget(self) -> None:
        """Something that was there is not any more: look again."""
        self._made.clear()
        self._spelled.clear()

    def wrote(self, answer: Json) -> Json:
        """Remember who the server takes us for."""
        if name := answer.get("updatedBy"):
            self.ours.add(name)
        return answer

    # --- what is needed first --------------------------------------------------------------------

    async def made(self, collection: str, name: str, body: bodies.Body) -> str:
        """The id of an entity that is there or is made now; what it says stays as it is."""
        key = f"{collection}/{name}"
        return await self._once(key, lambda: self._make(collection, name, body))

    async def _make(self, collection: str, name: str, body: bodies.Body) -> str:
        found = await self.client.get(f"{collection}/name/{in_path(name)}")
        if found is None:
            found = self.wrote(await self.client.put(collection, body.json_body()))
            self.tally.created += 1
        return str(found["id"])

    async def _once(self, key: str, make: Callable[[], Awaitable[str]]) -> str:
        if key not in self._made:
            self._made[key] = asyncio.ensure_future(make())
        try:
            return await self._made[key]
        except BaseException:
            self._made.pop(key, None)
            raise

    async def schema(self, schema_fqn: str, service_type: str) -> str:
        """A schema with its database and database service."""
        service, database, schema = split(schema_fqn)
        connection = {"config": {"type": service_type}} if service_type == "CustomDatabase" else None
        body = bodies.Service(name=service, service_type=service_type, connection=connection)
        await self.made("services/databaseServices", service, body)
        await self.made("databases", fqn(service, database), bodies.Database(name=database, service=service))
        body_ = bodies.Schema(name=schema, database=fqn(service, database))
        return await self.made("databaseSchemas", schema_fqn, body_)

    async def service(self, collection: str, name: str, service_type: str) -> str:
        """A service that things are put below."""
        return await self.made(f"services/{collection}", name, bodies.Service(name=name, service_type=service_type))

    async def owner(self, team: str) -> str | None:
        """The id of a team as an owner; None for one that neither the catalog nor oncall.yml knows."""
        known = self.teams.get(team)
        if known is None:
            found = await self.client.get(f"teams/name/{in_path(clean(team))}")
            if found and found.get("teamType") == "Group":
                return str(found["id"])
            self.tally.unknown_owners.add(team)
            return None
        about = " ".join(x for x in (known.description, f"On Slack: {known.slack}.") if x)
        return await self.made("teams", clean(team), bodies.Team(name=clean(team), description=about))

    async def domain(self, name: str) -> str:
        """A domain, by its name."""
        safe = clean(name)
        await self.made("domains", fqn(safe), bodies.Domain(name=safe, description=f"The business's part {name}."))
        return fqn(safe)

    async def tag(self, tag: str) -> str:
        """A tag that can be put on: `Classification.Name`, or a name of our own."""
        parts = [clean(p) for p in split(tag)]
        classification, name = (parts[0], parts[-1]) if len(parts) > 1 else (OWN, clean(tag))
        about = f"Tags of {classification}, as they are declared with the data."
        await self.made(
            "classifications", fqn(classification), bodies.Classification(name=classification, description=about)
        )
        body = bodies.Tag(name=name, classification=classification, description=_OWN_TAGS.get(name, f"{name}."))
        await self.made("tags", fqn(classification, name), body)
        return fqn(classification, name)

    # --- spelling --------------------------------------------------------------------------------

    async def spelled(self, schema_fqn: str, table_fqn: str) -> str:
        """The name under which the catalog has this table, whatever the case, else as it is given."""
        if schema_fqn not in self._spelled:
            self._spelled[schema_fqn] = {x.casefold(): x for x in await self._tables(schema_fqn)}
        return self._spelled[schema_fqn].get(table_fqn.casefold(), table_fqn)

    async def _tables(self, schema_fqn: str) -> list[str]:
        return [x["fullyQualifiedName"] for x in await self.list("tables", databaseSchema=schema_fqn)]

    async def list(self, collection: str, **params: str | int) -> list[Json]:
        """Every entity of a collection, page by page."""
        found: list[Json] = []
        after: dict[str, str | int] = {}
        while True:
            page = await self.client.get(collection, limit=500, **params, **after) or {}
            found += page.get("data") or []
            mark = (page.get("paging") or {}).get("after")
            if not mark:
                return found
            after = {"after": mark}
