"""The catalog as the pushing parts see it: what must be there first, how things are spelled, and what is at stake.

Services, schemas, teams, domains and tags are made when something first needs them, once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from governance.oncall import Team
from governance.openmetadata import bodies
from governance.openmetadata.names import clean, fqn, in_path, split
from governance.openmetadata.places import Places
from governance.openmetadata.policy import EXCLUSIVE, Overridden, Rule, rules_of
from governance.transports.base import Outage, TransientError

if TYPE_CHECKING:
    from governance.transports.openmetadata import Client

LOG = logging.getLogger(__name__)
Json = dict[str, Any]
OWN = "Hallmark"
"""The classification of our own tags."""
STALE = f"{OWN}.Stale"
_OWN_TAGS = {"Stale": "What this is made of could not be brought up to date; its data are older than those around it."}

T = TypeVar("T")


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
        self.teams, self.rules = dict(teams or {}), rules_of(rules)
        self.overridden = overridden
        self.exclusive = set(EXCLUSIVE)
        """Classifications of which an entity has one label at most."""
        self.tally = Tally()
        self._made: dict[str, asyncio.Task[Any]] = {}
        self._answered: set[str] = set()

    @property
    def ours(self) -> set[str]:
        """The names under which the server knows us: of the token, and of what it said of things that we made."""
        return self._answered | self.client.names

    def forget(self) -> None:
        """Something that was there is not any more: look again."""
        self._made.clear()

    def wrote(self, answer: Json, before: float | None = None) -> Json:
        """Remember who the server takes us for. An answer with the version of `before` was no change, and not ours."""
        if answer.get("version") != before and (name := answer.get("updatedBy")):
            self._answered.add(name)
        return answer

    # --- what is needed first --------------------------------------------------------------------

    async def made(self, collection: str, name: str, body: bodies.Body) -> str:
        """The id of an entity that is there or is made now; what it says stays as it is."""
        key = f"{collection}/{name}"
        return str(await self._once(key, lambda: self._make(collection, name, body)))

    async def _make(self, collection: str, name: str, body: bodies.Body) -> str:
        path = f"{collection}/name/{in_path(name)}"
        found = await self.client.get(path, include="all")
        if found is None:
            # By POST: a PUT would take away what somebody else who makes it at the same time says of it.
            new = await self.client.post(collection, body.json_body())
            found = await self.client.get(path, include="all")
            if found is None:
                raise TransientError("absent", f"{name} of {collection} was made, and is not in the catalog")
            if new:
                self.tally.created += 1
                self.wrote(found)
        elif found.get("deleted"):
            await self.client.put(f"{collection}/restore", {"id": found["id"]})
            self.tally.created += 1
        if found.get("mutuallyExclusive"):
            self.exclusive.add(name)
        return str(found["id"])

    async def _once(self, key: str, make: Callable[[], Awaitable[Any]]) -> Any:
        """What it makes, made once for all that ask meanwhile and later; a failure is not kept."""
        task = self._made.get(key)
        if task is None:
            task = self._made[key] = asyncio.ensure_future(make())
        try:
            return await task
        except BaseException:
            if self._made.get(key) is task:
                del self._made[key]
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
        """The id of a team as an owner; None for one that nobody knows, or that cannot own."""
        found: str | None = await self._once(f"owner/{team}", lambda: self._owner(team))
        if found is None:
            self.tally.unknown_owners.add(team)
        return found

    async def _owner(self, team: str) -> str | None:
        name, known = clean(team), self.teams.get(team)
        found = await self.client.get(f"teams/name/{in_path(fqn(name))}")
        if found is not None:  # a team of another type (a department, a division) cannot own
            if found.get("teamType") == "Group":
                return str(found["id"])
            LOG.warning("%s owns data, and the catalog has it as a team of type %s", team, found.get("teamType"))
            return None
        if known is None:
            LOG.warning("%s owns data, and neither the catalog nor oncall.yml has a team of that name", team)
            return None
        about = " ".join(x for x in (known.description, known.route) if x)
        return await self.made("teams", fqn(name), bodies.Team(name=name, description=about))

    async def domain(self, name: str) -> bodies.Reference:
        """A domain, by its name."""
        safe = clean(name)
        body = bodies.Domain(name=safe, description=f"The business's part {name}.")
        return bodies.Reference(id=await self.made("domains", fqn(safe), body), type="domain", name=fqn(safe))

    async def tag(self, tag: str) -> str:
        """A tag that can be put on: `Classification.Name`, or a name of our own."""
        first, *rest = split(tag) or ["_"]
        classification, name = (clean(first), clean(".".join(rest))) if rest else (OWN, clean(first))
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
        known: dict[str, list[str]] = await self._once(f"spelled/{schema_fqn}", lambda: self._spelling(schema_fqn))
        found = known.get(table_fqn.casefold(), [])
        return table_fqn if table_fqn in found or not found else found[0]

    async def _spelling(self, schema_fqn: str) -> dict[str, list[str]]:
        """The tables of a schema by their folded names; those that were taken away come last."""
        found: dict[str, list[str]] = {}
        there = await self.list("tables", databaseSchema=schema_fqn, include="all")
        for table in sorted(there, key=lambda t: bool(t.get("deleted"))):
            found.setdefault(table["fullyQualifiedName"].casefold(), []).append(table["fullyQualifiedName"])
        return found

    def look_again(self) -> None:
        """Let the spelling be asked for anew: another connector may have made tables since."""
        self._made = {k: t for k, t in self._made.items() if not k.startswith(("spelled/", "owner/"))}

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
