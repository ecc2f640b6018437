"""Incidents in the state database, beside the outbox: what becomes of one and who must hear is one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from sqlalchemy import Connection, and_, delete, select, text
from sqlalchemy.dialects import postgresql, sqlite

from governance.errors import ConfigurationError
from governance.incidents.model import UNRESOLVED, Entry, Incident
from governance.model import Event, Frozen
from governance.outbox import enqueue
from governance.outbox_tables import entries, heard, incidents, known_datasets, make_engine, references
from governance.routing import Destination
from governance.state_database import answering, migrate_state, read_rows

KEPT = timedelta(days=400)
HEARD = timedelta(days=30)
_i = incidents.c


class Known(Frozen):
    """A dataset as far as grouping needs it."""

    name: str
    kind: str = "table"
    owner: str = ""
    inputs: tuple[str, ...] = ()


class IncidentStore:
    """The incidents of one state database; a `Desk`. Several processes and threads may use it at once."""

    def __init__(self, url: str) -> None:
        self._engine = make_engine(url)
        self._ready = False

    def __enter__(self) -> Self:
        """Use as a context manager closes it."""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """What is done within is done, or none of it. Raises UnreachableError, or HallmarkError for a full disk."""
        if not self._ready:
            migrate_state(self._engine)
            self._ready = True
        with answering(), self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":  # one at a time, as SQLite has it: each reads, and then writes
                connection.execute(text("SELECT pg_advisory_xact_lock(7203412)"))
            yield Writing(connection)

    def incident(self, id: str) -> Incident | None:
        """As it stands now."""
        return next(iter(self._incidents(_i.id == id)), None)

    def attached(self, one: Incident) -> list[Incident]:
        """Those that follow from it."""
        return [found for i in one.attached if (found := self.incident(i))]

    def newest(self, fingerprint: str) -> Incident | None:
        """The newest episode of a fingerprint."""
        return next(iter(self._incidents(_i.fingerprint == fingerprint, limit=1)), None)

    def find(self, id: str) -> Incident:
        """By the beginning of its id. Raises ConfigurationError for none, or several."""
        wanted = id.strip().lower()
        found = self._incidents(_i.id.startswith(wanted, autoescape=True)) if wanted else []
        if len(found) == 1:
            return found[0]
        cause = f"{len(found)} incidents have an id that begins so" if found else "no incident has this id"
        raise ConfigurationError(f"incident {id}", cause, "take an id of `hallmark incident list`")

    def rows(self, states: Sequence[str] = (), owner: str | None = None, limit: int | None = 1000) -> list[Incident]:
        """Newest first; `limit` None: all of them."""
        which: list[Any] = [_i.state.in_(states)] if states else []
        which += [_i.owner == owner] if owner else []
        return self._incidents(*which, limit=limit)

    def counts(self) -> dict[tuple[str, str], int]:
        """{(state, severity): n} of those that are not resolved."""
        found: dict[tuple[str, str], int] = {}
        for one in self.rows(UNRESOLVED, limit=None):
            found[one.state, one.severity] = found.get((one.state, one.severity), 0) + 1
        return found

    def timeline(self, id: str, after: int = 0) -> Sequence[Entry]:
        """Its entries after this one, oldest first."""
        query = select(entries).where(entries.c.incident == id, entries.c.seq > after).order_by(entries.c.seq)
        return [
            Entry(
                seq=r["seq"], at=datetime.fromtimestamp(r["at"], UTC), actor=r["actor"], verb=r["verb"], what=r["what"]
            )
            for r in self._read(query)
        ]

    def reference(self, id: str, destination: str) -> dict[str, Any]:
        """What a channel remembers of it."""
        mine = and_(references.c.incident == id, references.c.destination == destination)
        found = self._read(select(references.c.body).where(mine))
        return dict(json.loads(found[0]["body"])) if found else {}

    def remember(self, id: str, destination: str, reference: dict[str, Any]) -> None:
        """Keep this in its place."""
        row = {"incident": id, "destination": destination, "body": json.dumps(reference)}
        with self.writing() as writing:
            writing.upsert(references, row, ("incident", "destination"))

    def references(self, destination: str, key: str, since: datetime) -> Sequence[dict[str, Any]]:
        """Those whose `key` is a time not before `since`."""
        rows = self._read(select(references.c.body).where(references.c.destination == destination))
        found = [dict(json.loads(r["body"])) for r in rows]
        return [r for r in found if r.get(key) and datetime.fromisoformat(r[key]) >= since]

    def known(self) -> dict[str, Known]:
        """The datasets, by name."""
        return {r["name"]: _known(r) for r in self._read(select(known_datasets))}

    def _incidents(self, *which: Any, limit: int | None = 1000) -> list[Incident]:
        rows = self._read(select(_i.body).where(*which).order_by(_i.opened_at.desc(), _i.id).limit(limit))
        return [Incident.model_validate_json(r["body"]) for r in rows]

    def _read(self, query: Any) -> Sequence[Mapping[str, Any]]:
        return read_rows(self._engine, incidents.name, query)


class Writing:
    """One transaction on the incidents."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def apart(self) -> AbstractContextManager[Any]:
        """What is done within is done, or none of it, whatever else the transaction does (a savepoint)."""
        return self._connection.begin_nested()

    def unheard(self, ids: Iterable[str]) -> set[str]:
        """Those of these events that were not applied yet."""
        asked = list(ids)
        there = self._connection.scalars(select(heard.c.event_id).where(heard.c.event_id.in_(asked)))
        return set(asked) - set(there)

    def hear(self, ids: Iterable[str], at: datetime) -> None:
        """They are applied; what was applied long ago is forgotten."""
        rows = [{"event_id": i, "at": at.timestamp()} for i in ids]
        if rows:
            self._connection.execute(self._insert(heard).values(rows).on_conflict_do_nothing())
            self._connection.execute(delete(heard).where(heard.c.at < (at - HEARD).timestamp()))

    def newest(self, fingerprints: Iterable[str]) -> dict[str, Incident]:
        """The newest episode of each."""
        query = select(_i.body).where(_i.fingerprint.in_(list(fingerprints))).order_by(_i.opened_at)
        found = (Incident.model_validate_json(body) for body in self._connection.scalars(query))
        return {one.fingerprint: one for one in found}

    def unresolved(self) -> list[Incident]:
        """All that are not over, oldest first."""
        query = select(_i.body).where(_i.state != "resolved").order_by(_i.opened_at, _i.id)
        return [Incident.model_validate_json(body) for body in self._connection.scalars(query)]

    def incident(self, id: str) -> Incident | None:
        """As it stands, nobody else changing it meanwhile."""
        query = select(_i.body).where(_i.id == id).with_for_update()
        body = self._connection.scalar(query)
        return Incident.model_validate_json(body) if body else None

    def put(self, incident: Incident) -> Incident:
        """Keep it as it is now; with its new revision."""
        last = self._connection.scalar(select(_i.body).where(_i.id == incident.id))
        revision = Incident.model_validate_json(last).revision + 1 if last else 1
        kept = incident.model_copy(update={"revision": revision})
        row = {
            "id": kept.id, "fingerprint": kept.fingerprint, "state": kept.state, "owner": kept.owner,
            "dataset": kept.dataset, "opened_at": kept.opened_at.timestamp(), "last_seen": kept.last_seen.timestamp(),
            "body": kept.model_dump_json(),
        }  # fmt: skip
        self.upsert(incidents, row, ("id",))
        return kept

    def note(self, id: str, at: datetime, actor: str, verb: str, what: str) -> None:
        """A line of its timeline."""
        row = {"incident": id, "at": at.timestamp(), "actor": actor, "verb": verb, "what": what}
        self._connection.execute(self._insert(entries).values(row))

    def tell(self, event: Event, destinations: Iterable[Destination]) -> None:
        """Put an event into the outbox, due at once, or where a destination waits, then."""
        at_once = min(event.time, datetime.now(UTC))
        for to in destinations:
            enqueue(self._connection, [event], [to.name], to.not_before or at_once)

    def know(self, dataset: Known) -> None:
        """Keep what is known of a dataset; what is empty takes nothing away."""
        found = self._connection.execute(select(known_datasets).where(known_datasets.c.name == dataset.name))
        row = found.mappings().first()
        old = _known(row) if row else Known(name=dataset.name)
        new = {
            "name": dataset.name, "kind": dataset.kind if dataset.kind != "table" else old.kind,
            "owner": dataset.owner or old.owner, "inputs": json.dumps(dataset.inputs or old.inputs),
        }  # fmt: skip
        self.upsert(known_datasets, new, ("name",))

    def known(self) -> dict[str, Known]:
        """The datasets, by name."""
        return {r["name"]: _known(r) for r in self._connection.execute(select(known_datasets)).mappings()}

    def prune(self, now: datetime) -> None:
        """Forget what was resolved long ago."""
        old = and_(_i.state == "resolved", _i.last_seen < (now - KEPT).timestamp())
        for table in (entries, references):
            self._connection.execute(delete(table).where(table.c.incident.in_(select(_i.id).where(old))))
        self._connection.execute(delete(incidents).where(old))

    def upsert(self, table: Any, row: dict[str, Any], key: Sequence[str]) -> None:
        """A row in the place of the one of its key."""
        rest = {k: v for k, v in row.items() if k not in key}
        self._connection.execute(
            self._insert(table).values(row).on_conflict_do_update(index_elements=list(key), set_=rest)
        )

    def _insert(self, table: Any) -> Any:
        return (postgresql.insert if self._connection.dialect.name == "postgresql" else sqlite.insert)(table)


def _known(row: Any) -> Known:
    return Known(name=row["name"], kind=row["kind"], owner=row["owner"], inputs=tuple(json.loads(row["inputs"])))
