"""The catalog beside what we own, and mended: what the newest events tell of each dataset that is still there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from dataclasses import asdict, replace
from typing import Any

from blocks.dbt import DbtProject
from blocks.settings import Settings
from blocks.state import state_database
from blocks.warehouses import is_made, open_warehouse
from blocks.warehouses.base import Warehouse
from flows.catalog_access import catalog_of
from flows.context import LAYERS
from governance.errors import ConfigurationError, HallmarkError, UnreachableError
from governance.manifest import EXPOSURES, datasets
from governance.model import Event
from governance.openmetadata.concerns import DATASET, LINEAGE
from governance.openmetadata.overrides import Overrides
from governance.openmetadata.push import dataset_of, made_of, origins_of
from governance.openmetadata.reconcile import reconcile
from governance.transports.base import PermanentError, TransientError

REMEDIES = {
    "auth": "give a token of a bot that may edit, by HALLMARK_OPENMETADATA_TOKEN or HALLMARK_OPENMETADATA_TOKEN_FILE",
    **dict.fromkeys(("connection", "timeout", "server"), "start it, or correct HALLMARK_OPENMETADATA_URL"),
}


def mend(settings: Settings) -> dict[str, Any]:
    """The answer of `hallmark reconcile`.

    Raises ConfigurationError where there is no catalog or no warehouse yet, UnreachableError for a catalog that does
    not answer, HallmarkError where it refuses something.
    """
    catalog = catalog_of(settings)
    if not is_made(settings):
        raise ConfigurationError("the catalog", "nothing was published here yet", "run a batch with `hallmark run`")
    with open_warehouse(settings) as warehouse:
        there = published(settings, warehouse)
        events = newest(warehouse, there)
        dashboards = ever_told(warehouse)
    told = [dataset_of(e) for e in events if e.type == DATASET]
    names = {one.dataset.name for one in told}
    made = [one for e in events if e.type == LINEAGE and e.subject in names for one in made_of(e)]
    told += [origin for e in events if e.type == LINEAGE for origin in origins_of(e)]
    told = [replace(one, profile=None) for one in told]  # numbers of a time are told once

    async def work() -> dict[str, Any]:
        async with catalog.client as client:
            await client.probe()
            return asdict(await reconcile(catalog, told, made, LAYERS, there, dashboards))

    try:
        found = asyncio.run(work())
    except TransientError as error:
        remedy = REMEDIES.get(error.reason, "give the command again; what could be brought is there")
        raise UnreachableError("the catalog", str(error), remedy) from None
    except PermanentError as error:
        raise HallmarkError("the catalog", str(error), "correct what it names, and give the command again") from None
    owners = sorted(found.pop("unknown_owners"))
    return {**found, "unknown_owners": owners, "overridden": Overrides(state_database(settings)).rows()}


def newest(warehouse: Warehouse, there: Collection[str]) -> list[Event]:
    """The newest event of each type and dataset that is there still, those of what is gone left out."""
    rows = warehouse.execute(
        'SELECT id, type, subject, "time", data FROM ops.events WHERE type IN (?, ?) '
        'QUALIFY row_number() OVER (PARTITION BY type, subject ORDER BY "time" DESC, id) = 1',
        (DATASET, LINEAGE),
    )
    found = [Event(id=i, type=t, subject=s, time=at, data=json.loads(d)) for i, t, s, at, d in rows if s in there]
    return sorted(found, key=lambda e: e.subject)


def ever_told(warehouse: Warehouse) -> set[str]:
    """The dashboards that are or were declared here; others of their service are Sigma's."""
    rows = warehouse.execute("SELECT DISTINCT subject FROM ops.events WHERE type = ?", (DATASET,))
    return {subject for (subject,) in rows if subject.startswith(f"{EXPOSURES}.")}


def published(settings: Settings, warehouse: Warehouse) -> set[str]:
    """What readers have: the tables of bronze, the models and dashboards that are declared still."""
    catalog = warehouse.catalog()
    declared = {d.name for d in datasets(DbtProject(settings).manifest())}
    tables = {f"{layer}.{table}" for layer in LAYERS for table in catalog.get(layer, ())}
    kept = {name for name in tables if name.startswith("bronze.") or name in declared}
    return kept | {name for name in declared if name.startswith(f"{EXPOSURES}.")}
