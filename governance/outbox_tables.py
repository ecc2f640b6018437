"""The outbox's tables, and how a connection to them is opened safely. What is done with them is in `outbox.py`.

They are made by the steps in `migrations`; `metadata` is what they are afterwards, and a test holds the two together.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.engine import Connection

BUSY_SECONDS = 30
READ_ONLY = "hallmark_read_only"
ACTIVE = ("pending", "claimed", "retry")
STATES = (*ACTIVE, "delivered", "buried")
WAITING = "waiting"
"""Any of the active ones, as people ask for them."""
metadata = MetaData()

events = Table(
    "outbox_events",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("type", String(200), nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),  # JSON of governance.model.Event
)

deliveries = Table(
    "outbox_deliveries",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("event_id", String(64), ForeignKey("outbox_events.id"), nullable=False),
    Column("destination", String(200), nullable=False),
    Column("entity", Text, nullable=False),
    Column("state", String(10), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Float, nullable=False),  # seconds since 1970, UTC; of a claim: when it expires
    Column("token", String(36)),  # of the claim that holds it
    Column("last_error", Text),
    Column("delivered_at", Float),
    UniqueConstraint("event_id", "destination"),
    sqlite_autoincrement=True,  # a pruned row's number is never given again: the order stays
)

overrides = Table(
    "catalog_overrides",
    metadata,
    Column("entity", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("was", Text, nullable=False),
    Column("now", Text, nullable=False),
    Column("editor", Text, nullable=False),
    Column("at", Float, nullable=False),  # seconds since 1970, UTC
)

incidents = Table(
    "incidents",
    metadata,
    Column("id", String(10), primary_key=True),
    Column("fingerprint", String(32), nullable=False),
    Column("state", String(12), nullable=False),
    Column("owner", String(200), nullable=False),
    Column("dataset", Text, nullable=False),
    Column("opened_at", Float, nullable=False),  # seconds since 1970, UTC
    Column("last_seen", Float, nullable=False),
    Column("body", Text, nullable=False),  # JSON of governance.incidents.model.Incident
)
Index("incidents_by_fingerprint", incidents.c.fingerprint, incidents.c.opened_at)

entries = Table(
    "incident_entries",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("incident", String(10), ForeignKey("incidents.id"), nullable=False, index=True),
    Column("at", Float, nullable=False),
    Column("actor", Text, nullable=False),
    Column("verb", String(12), nullable=False),
    Column("what", Text, nullable=False),
    sqlite_autoincrement=True,
)

references = Table(
    "incident_references",
    metadata,
    Column("incident", String(64), primary_key=True),
    Column("destination", String(200), primary_key=True),
    Column("body", Text, nullable=False),  # JSON: what a channel remembers of it
)

heard = Table(
    "incident_events",
    metadata,
    Column("event_id", String(64), primary_key=True),
    Column("at", Float, nullable=False),
)

known_datasets = Table(
    "incident_datasets",
    metadata,
    Column("name", String(1000), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("owner", String(200), nullable=False),
    Column("inputs", Text, nullable=False),  # JSON [name]: what it is made of
)

# Only what is not settled, so that claiming costs the same however much was delivered.
Index(
    "outbox_waiting",
    deliveries.c.destination,
    deliveries.c.entity,
    deliveries.c.seq,
    sqlite_where=deliveries.c.state.in_(ACTIVE),
    postgresql_where=deliveries.c.state.in_(ACTIVE),
)


def make_engine(url: str) -> Engine:
    """An engine for SQLite (several processes at once) or Postgres; nothing is opened yet."""
    place = make_url(url)
    if place.get_backend_name() != "sqlite":
        driver = "postgresql+psycopg" if place.drivername == "postgresql" else place.drivername
        return create_engine(place.set(drivername=driver), pool_pre_ping=True)
    engine = create_engine(place, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def _connect(connection: object, _record: object) -> None:
        # The driver would begin transactions late and deferred; two writers could then fail midway.
        connection.isolation_level = None  # type: ignore[attr-defined]
        cursor = connection.cursor()  # type: ignore[attr-defined]
        for pragma in (f"busy_timeout={BUSY_SECONDS * 1000}", "journal_mode=WAL", "synchronous=FULL"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        read_only = connection.get_execution_options().get(READ_ONLY)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def lock_schema(connection: Connection) -> None:
    """Let one process at a time create the tables (SQLite's BEGIN IMMEDIATE does already)."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(7203411)"))
