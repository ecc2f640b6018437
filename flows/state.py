"""The state database as flows and commands use it: the outbox with its transports, and the picture for `status`."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from blocks.lock import holder
from blocks.settings import Settings
from blocks.state import load_snapshot, save_snapshot, state_database
from blocks.warehouses.base import Warehouse
from blocks.warehouses.ledger import STREAMS
from flows import slots
from flows.channels import channels, configured_channels
from governance.errors import HallmarkError
from governance.incidents.desk import IncidentDesk
from governance.incidents.engine import IncidentTransport, Route
from governance.incidents.store import IncidentStore
from governance.model import Event, LineageEdge
from governance.oncall import Ownership, load_ownership
from governance.outbox import Outbox
from governance.routing import route
from governance.transports.base import Transport
from governance.transports.file import FileTransport

LOG = logging.getLogger("hallmark")
PICTURE = "status"


def open_outbox(settings: Settings) -> Outbox:
    """The outbox of the settings; a context manager."""
    return Outbox(state_database(settings))


def transports(settings: Settings) -> dict[str, Transport]:
    """Every transport that the settings configure, by the name that routing uses."""
    found: dict[str, Transport] = {"file": FileTransport(settings.home / "events")}
    ownership = load_ownership()
    store = IncidentStore(state_database(settings))
    found["incidents"] = IncidentTransport(store, ownership, reachable(settings, ownership), clock=settings.clock)
    found |= channels(settings, ownership, store)
    if settings.openmetadata_url:
        from flows.catalog_access import open_catalog

        found["openmetadata"] = open_catalog(settings)
    return found


def configured(settings: Settings) -> set[str]:
    """The names of the transports that the settings configure."""
    catalog = ("openmetadata",) if settings.openmetadata_url else ()
    return {"file", "incidents", *catalog, *configured_channels(settings)}


def reachable(settings: Settings, ownership: Ownership) -> Route:
    """Who hears of an event, of those whom the settings configure."""
    names = configured(settings)
    return lambda event: [d for d in route(event, ownership) if d.transport in names]


def announce(settings: Settings, event: Event) -> None:
    """Put what no run of the ledger tells straight into the outbox; it is none of the catalog's business."""
    to = [d.name for d in reachable(settings, load_ownership())(event) if d.transport != "openmetadata"]
    with open_outbox(settings) as outbox:
        outbox.put([event], to)


def open_incidents(settings: Settings) -> IncidentStore:
    """The incidents of the settings; a context manager."""
    return IncidentStore(state_database(settings))


@contextmanager
def incident_desk(settings: Settings) -> Iterator[IncidentDesk]:
    """What a person does with them."""
    ownership = load_ownership()
    with open_incidents(settings) as store:
        yield IncidentDesk(store, ownership, reachable(settings, ownership), clock=settings.clock)


def save_picture(settings: Settings, warehouse: Warehouse) -> None:
    """Keep what `status` shows of the warehouse. A state database that does not answer stops no data."""
    streams = warehouse.query(
        # A connector's state is no watermark: the time of its last reading is.
        "SELECT s.source, s.stream, s.status, max(l.finished_at) AS last_success, "
        "CASE WHEN left(min(c.value), 1) = '[' THEN max(l.upper) ELSE min(c.value) END AS watermark "
        f"FROM {STREAMS} s LEFT JOIN ops.cursors c ON c.source = s.source AND c.stream = s.stream "
        "LEFT JOIN ops.loads l ON l.source = s.source AND l.stream = s.stream "
        "AND l.status IN ('published', 'duplicate') "
        "GROUP BY s.source, s.stream, s.status ORDER BY s.source, s.stream"
    )
    known = [{"slot": slots.show(slot), "state": state} for slot, state in warehouse.ledger.slots()]
    try:
        save_snapshot(settings, PICTURE, {"slots": known, "streams": streams})
    except (SQLAlchemyError, HallmarkError) as error:
        LOG.warning("`hallmark status` goes on showing an older picture: %s", error)


def status(settings: Settings) -> dict[str, Any]:
    """The answer of `hallmark status`, from the state database and the lock alone."""
    picture = load_snapshot(settings, PICTURE)
    now = settings.clock()
    streams = []
    for stream in picture.get("streams", []):
        last = stream["last_success"] and datetime.fromisoformat(stream["last_success"])
        lag = round((now - last).total_seconds()) if last else None
        streams.append({**stream, "last_success": last, "lag_s": lag})
    with open_outbox(settings) as outbox:
        counts = outbox.counts()
    with open_incidents(settings) as store:
        unresolved = sum(store.counts().values())
    return {
        "home": str(settings.home), "slots": picture.get("slots", []), "streams": streams, "outbox": counts,
        "incidents": unresolved, "lock": holder(settings.home / "batch.lock"),
    }  # fmt: skip


def known_edges(warehouse: Warehouse) -> list[LineageEdge]:
    """The newest column edges of each dataset, as they were told when it was published."""
    rows = warehouse.execute(
        "SELECT data FROM ops.events WHERE type = 'hallmark.lineage.published.v1' "
        "QUALIFY row_number() OVER (PARTITION BY subject ORDER BY time DESC, id) = 1"
    )
    return [LineageEdge.model_validate(edge) for (data,) in rows for edge in json.loads(data)["edges"]]
