"""Events on their way, durably: put, claim, ack, retry, bury over SQL. SQLite by default, Postgres in production.

A delivery is one event to one destination: pending → claimed → delivered | retry | buried. Within an entity (the
event's subject) and destination the order is kept: what is not settled holds back what came after it; a buried event
does not. A claim that its process did not live to settle expires. When to try again is decided in `dispatcher.py`.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError
from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, inspect, select, update
from sqlalchemy.dialects import postgresql, sqlite

from governance.model import Event
from governance.outbox_tables import ACTIVE, READ_ONLY, WAITING, deliveries, events, make_engine
from governance.state_database import answering, migrate_state

log = logging.getLogger(__name__)
ERROR_LIMIT = 2000
BODY_LIMIT = 4 << 20
"""Characters of an event's body. A longer one is kept without its data, and buried."""
_TOO_LONG = "its body has"
LEASE = timedelta(minutes=2)
_d = deliveries.c


@dataclass(frozen=True)
class Claim:
    """A delivery that this process holds until its lease ends."""

    event: Event
    destination: str
    attempts: int
    """Tries before this one."""
    token: str


class Outbox:
    """The outbox of one state database. Several processes and threads may use it at once."""

    def __init__(self, url: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._engine = make_engine(url)
        self._clock = clock
        self._ready = False

    def __enter__(self) -> Self:
        """Use as a context manager closes it."""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    # --- writing ---------------------------------------------------------------------------------

    def put(self, new: Iterable[Event], destinations: Sequence[str]) -> int:
        """Add each event for each destination; what is there already stays as it is. Returns how many were added.

        All of them are added, or none. Raises HallmarkError for a disk that is full.
        """
        batch = list(new)
        if not batch or not destinations:
            return 0
        with self._writing() as connection:
            return enqueue(connection, batch, destinations, self._clock())

    def claim(self, destination: str, limit: int = 100, lease: timedelta = LEASE) -> list[Claim]:
        """Take up to `limit` due deliveries, the first of each entity only, for as long as the lease lasts.

        One whose event cannot be read, such as one of another release, is buried.
        """
        token, now = str(uuid.uuid4()), self._now()
        heads = select(_d.seq).where(_d.destination == destination, _head(), _d.next_at <= now)
        heads = heads.order_by(_d.seq).limit(limit).with_for_update(skip_locked=True)
        with self._writing() as connection:
            taken = list(connection.scalars(heads))
            if not taken:
                return []
            mark = {"state": "claimed", "token": token, "next_at": now + lease.total_seconds()}
            connection.execute(update(deliveries).where(_d.seq.in_(taken)).values(mark))
            rows = connection.execute(
                select(_d.seq, events.c.body, _d.attempts).join_from(deliveries, events, _d.event_id == events.c.id)
                .where(_d.seq.in_(taken)).order_by(_d.seq)
            )  # fmt: skip
            found = []
            for seq, body, attempts in rows.all():
                try:
                    found.append(Claim(Event.model_validate_json(body), destination, attempts, token))
                except ValidationError as error:
                    why = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5])
                    mark = {"state": "buried", "token": None, "last_error": _text(f"it cannot be read: {why}")}
                    connection.execute(update(deliveries).where(_d.seq == seq).values(mark))
            return found

    def renew(self, claims: Sequence[Claim], lease: timedelta = LEASE) -> None:
        """They are still being delivered: the lease of those that are not settled begins anew."""
        with self._writing() as connection:
            for destination, token in {(c.destination, c.token) for c in claims}:
                held = and_(_d.destination == destination, _d.state == "claimed", _d.token == token)
                mark = {"next_at": self._now() + lease.total_seconds()}
                connection.execute(update(deliveries).where(held).values(mark))

    def ack(self, claims: Iterable[Claim]) -> None:
        """They were delivered; true even if the lease ended meanwhile."""
        with self._writing() as connection:
            for claim in claims:
                mark = {"state": "delivered", "delivered_at": self._now(), "token": None, "last_error": None}
                open_ = and_(_of(claim), _d.state != "delivered")
                connection.execute(update(deliveries).where(open_).values({**mark, "attempts": _d.attempts + 1}))

    def retry(self, claim: Claim, at: datetime, error: str) -> None:
        """It failed and is due again at `at`, unless somebody else claimed it after the lease ended."""
        self._settle(claim, state="retry", next_at=at.timestamp(), error=error)

    def release(self, claims: Sequence[Claim], error: str) -> None:
        """They were not tried: they are due again at once, with the tries that they had."""
        mark = {"state": "retry", "next_at": self._now(), "token": None, "last_error": _text(error)}
        with self._writing() as connection:
            for claim in claims:
                held = and_(_of(claim), _d.state == "claimed", _d.token == claim.token)
                connection.execute(update(deliveries).where(held).values(mark))

    def bury(self, claim: Claim, error: str) -> None:
        """It failed for good: visible, holds nothing back, and can be put back by `retry_buried`."""
        self._settle(claim, state="buried", next_at=self._now(), error=error)

    def retry_buried(self, destination: str | None = None, event_ids: Sequence[str] = ()) -> int:
        """Put buried deliveries back, with all their tries; of one destination or of some events. Returns how many.

        One that was too long stays: its data are not kept, and without them it would tell another thing.
        """
        which = [_d.state == "buried", ~func.coalesce(_d.last_error, "").startswith(_TOO_LONG)]
        which += [_d.destination == destination] if destination else []
        which += [_d.event_id.in_(event_ids)] if event_ids else []
        with self._writing() as connection:
            mark = {"state": "pending", "attempts": 0, "next_at": self._now()}
            return connection.execute(update(deliveries).where(*which).values(mark)).rowcount

    def prune(self, older: timedelta = timedelta(days=30)) -> int:
        """Delete what was delivered longer ago than `older`. Returns how many deliveries."""
        with self._writing() as connection:
            old = and_(_d.state == "delivered", _d.delivered_at < self._now() - older.total_seconds())
            gone = connection.execute(delete(deliveries).where(old)).rowcount
            connection.execute(delete(events).where(~exists().where(_d.event_id == events.c.id)))
        return gone

    # --- reading: works while others write, and creates nothing ------------------------------------

    def destinations(self) -> list[str]:
        """Those with anything left to deliver."""
        query = select(_d.destination).where(_d.state.in_(ACTIVE)).distinct().order_by(_d.destination)
        return [row["destination"] for row in self._read(query)]

    def counts(self) -> dict[str, dict[str, int]]:
        """{destination: {state: n}}."""
        found: dict[str, dict[str, int]] = {}
        query = select(_d.destination, _d.state, func.count().label("n")).group_by(_d.destination, _d.state)
        for row in self._read(query.order_by(_d.destination, _d.state)):
            found.setdefault(row["destination"], {})[row["state"]] = row["n"]
        return found

    def oldest(self) -> dict[str, datetime]:
        """{destination: time of the event that has waited for longest}, of those with anything left to deliver."""
        first = select(func.min(_d.seq)).where(_d.state.in_(ACTIVE)).group_by(_d.destination)
        query = select(_d.destination, events.c.body).join_from(deliveries, events, _d.event_id == events.c.id)
        rows = self._read(query.where(_d.seq.in_(first)))
        return {row["destination"]: datetime.fromisoformat(json.loads(row["body"])["time"]) for row in rows}

    def rows(self, state: str | None = None, destination: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
        """What is not delivered first, newest first, as `hallmark outbox list` prints them.

        `next_at` is None for what is settled; of the state `waiting` is all that is not.
        """
        query = select(_d.event_id, _d.destination, events.c.type, _d.entity, _d.state, _d.attempts, _d.next_at,
                       _d.last_error).join_from(deliveries, events, _d.event_id == events.c.id)  # fmt: skip
        states = ACTIVE if state == WAITING else (state,)
        query = query.where(*([_d.state.in_(states)] if state else []))
        query = query.where(*([_d.destination == destination] if destination else []))
        return [
            {**row, "next_at": _utc(row["next_at"]) if row["state"] in ACTIVE else None}
            for row in self._read(query.order_by(_d.state == "delivered", _d.seq.desc()).limit(limit))
        ]

    def next_due(self, destination: str) -> datetime | None:
        """When the next delivery may be claimed, or None if nothing waits."""
        query = select(func.min(_d.next_at).label("at")).where(_d.destination == destination, _head())
        at = [row["at"] for row in self._read(query)]
        return datetime.fromtimestamp(at[0], UTC) if at and at[0] is not None else None

    def others_wait(self, claim: Claim) -> bool:
        """Whether anything else may be delivered first that `claim` could refer to: what waits for it not itself."""
        query = select(_d.seq).where(
            _d.destination == claim.destination, _head(), _d.event_id != claim.event.id,
            ~func.coalesce(_d.last_error, "").startswith("absent:"),
        )  # fmt: skip
        return bool(self._read(query.limit(1)))

    # --- the database ----------------------------------------------------------------------------

    def _now(self) -> float:
        return self._clock().timestamp()

    def _settle(self, claim: Claim, state: str, next_at: float, error: str) -> None:
        mark = {"state": state, "next_at": next_at, "token": None, "last_error": _text(error)}
        held = and_(_of(claim), _d.state == "claimed", _d.token == claim.token)
        with self._writing() as connection:
            connection.execute(update(deliveries).where(held).values({**mark, "attempts": _d.attempts + 1}))

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        if not self._ready:
            self._migrate()
        with answering(), self._engine.begin() as connection:
            yield connection

    def _migrate(self) -> None:
        migrate_state(self._engine)
        self._ready = True

    def _read(self, query: Any) -> list[Mapping[str, Any]]:
        path = self._engine.url.database
        if self._engine.dialect.name == "sqlite" and path and not Path(path).is_file():
            return []
        if not self._ready:
            with answering(), self._engine.connect().execution_options(**{READ_ONLY: True}) as connection:
                if not inspect(connection).has_table(deliveries.name):
                    return []
            self._migrate()
        with answering(), self._engine.connect().execution_options(**{READ_ONLY: True}) as connection:
            return [dict(row) for row in connection.execute(query).mappings()]


def enqueue(connection: Connection, new: Sequence[Event], destinations: Sequence[str], due: datetime) -> int:
    """What `Outbox.put` does, within a transaction of the caller's; not to be delivered before `due`."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    bodies = [{"id": e.id, "type": e.type, "subject": e.subject, "body": e.model_dump_json()} for e in new]
    too_long = {}
    for event, row in zip(new, bodies, strict=True):
        if (size := len(row["body"])) > BODY_LIMIT:
            too_long[event.id] = f"{_TOO_LONG} {size} characters, and {BODY_LIMIT} are the limit"
            log.error("event %s of %s is buried: %s", event.id, event.subject, too_long[event.id])
            row["body"] = event.model_copy(update={"data": {"omitted": size}}).model_dump_json()
    wanted = [
        {"event_id": e.id, "destination": d, "entity": e.subject, "attempts": 0, "next_at": due.timestamp(),
         "state": "buried" if e.id in too_long else "pending", "last_error": too_long.get(e.id)}
        for e in new for d in destinations
    ]  # fmt: skip
    added = 0
    for part in _parts(bodies):
        connection.execute(insert(events).values(part).on_conflict_do_nothing())
    for part in _parts(wanted):
        new_rows = insert(deliveries).values(part).on_conflict_do_nothing().returning(_d.seq)
        added += len(connection.execute(new_rows).all())
    return added


def _parts(rows: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Pieces within the databases' limits of bound values."""
    for start in range(0, len(rows), 1000):
        yield list(rows[start : start + 1000])


def _of(claim: Claim) -> ColumnElement[bool]:
    return and_(_d.event_id == claim.event.id, _d.destination == claim.destination)


def _head() -> ColumnElement[bool]:
    """Not settled, and nothing of the same entity and destination before it is."""
    earlier = deliveries.alias("earlier")
    held_back = exists().where(
        earlier.c.destination == _d.destination, earlier.c.entity == _d.entity, earlier.c.seq < _d.seq,
        earlier.c.state.in_(ACTIVE),
    )  # fmt: skip
    return and_(_d.state.in_(ACTIVE), ~held_back)


def _text(error: str) -> str:
    """The other side's words as every database can keep them: no NUL, no half of a character."""
    return error[:ERROR_LIMIT].replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
