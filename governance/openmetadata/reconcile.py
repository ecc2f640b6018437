"""The catalog beside what we own: what is missing is made, what differs is mended, what is gone is taken away.

Taken away is softly: it can be restored with its history. Only what stands in our own services is looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from governance.openmetadata.catalog import Catalog, Tally
from governance.openmetadata.datasets import COLLECTIONS, Told, place_of, push_datasets
from governance.openmetadata.edges import Made, push_edges
from governance.openmetadata.names import fqn, in_path


async def reconcile(catalog: Catalog, told: Sequence[Told], made: Sequence[Made], layers: Sequence[str]) -> Tally:
    """Let the catalog be as told: these datasets, and of their edges these; tables of `layers` that are not told of go.

    Raises TransientError or PermanentError for the first thing that could not be brought.
    """
    await asyncio.gather(*(catalog.owner(team) for team in catalog.teams))
    failed = await push_datasets(catalog, {one.dataset.name: one for one in told})
    for error in failed.values():
        raise error
    for one in made:
        await push_edges(catalog, one)
    await _remove(catalog, told, layers)
    return catalog.tally


async def _remove(catalog: Catalog, told: Sequence[Told], layers: Sequence[str]) -> None:
    """Take away what is in our schemas and our dashboard service and is not told of."""
    known = {(await place_of(catalog, one.dataset.name)).fqn for one in told}
    wanted = [("table", {"databaseSchema": catalog.places.schema_fqn(layer)}) for layer in layers]
    wanted.append(("dashboard", {"service": fqn(catalog.places.dashboards)}))
    for kind, below in wanted:
        collection = COLLECTIONS[kind]
        parent = "databaseSchemas" if kind == "table" else "services/dashboardServices"
        if await catalog.client.get(f"{parent}/name/{in_path(next(iter(below.values())))}") is None:
            continue
        for entity in await catalog.list(collection, **below):
            if entity["fullyQualifiedName"] not in known:
                await catalog.client.delete(f"{collection}/{entity['id']}", hardDelete="false", recursive="true")
                catalog.tally.deleted += 1
