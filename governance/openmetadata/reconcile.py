"""The catalog beside what we own: what is missing is made, what differs is mended, what is gone is taken away.

Taken away is softly: it can be restored with its history. Only what stands in our own services is looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Any

from governance.openmetadata.catalog import Catalog, Tally
from governance.openmetadata.datasets import COLLECTIONS, Told, place_of, push_datasets
from governance.openmetadata.edges import Made, push_edges
from governance.openmetadata.entities import Failure, attempt
from governance.openmetadata.names import fqn, in_path


async def reconcile(
    catalog: Catalog, told: Sequence[Told], made: Sequence[Made], layers: Sequence[str], there: Collection[str],
    dashboards: Collection[str] | None = None,
) -> Tally:  # fmt: skip
    """Let the catalog be as told: these datasets, and of their edges these.

    What stands in `layers` or among our dashboards and is neither told of nor in `there` goes. Our dashboards are those
    that were ever told of, `dashboards`; None: all of our service, where nobody else brings any. All that can be
    brought is; then the first thing that could not be is raised as TransientError or PermanentError.
    """
    kept = {*there, *(one.dataset.name for one in told)}
    tried: list[Any] = list(await asyncio.gather(*(attempt(catalog.owner(team), team) for team in catalog.teams)))
    tried += (await push_datasets(catalog, {one.dataset.name: one for one in told})).values()
    for one in made:
        tried.append(await attempt(push_edges(catalog, one), one.dataset))
    tried.append(await attempt(_remove(catalog, kept, layers, dashboards), "what is gone"))
    for error in tried:
        if isinstance(error, Failure):
            raise error
    return catalog.tally


async def _remove(
    catalog: Catalog, names: Collection[str], layers: Sequence[str], dashboards: Collection[str] | None
) -> None:
    """Take away what is in our schemas, or is a dashboard of ours, and has none of these names.

    A schema in which nothing of ours stands is left alone: who has built nothing yet, such as a second home beside the
    one that fills the catalog, does not know what belongs there.
    """
    layers = [layer for layer in layers if any(name.startswith(f"{layer}.") for name in names)]
    known = {(await place_of(catalog, name)).fqn for name in names}
    ours = None if dashboards is None else {(await place_of(catalog, name)).fqn for name in dashboards}
    wanted = [("table", {"databaseSchema": catalog.places.schema_fqn(layer)}) for layer in layers]
    wanted.append(("dashboard", {"service": fqn(catalog.places.dashboards)}))
    for kind, below in wanted:
        collection = COLLECTIONS[kind]
        parent = "databaseSchemas" if kind == "table" else "services/dashboardServices"
        if await catalog.client.get(f"{parent}/name/{in_path(next(iter(below.values())))}") is None:
            continue
        for entity in await catalog.list(collection, **below):
            name = entity["fullyQualifiedName"]
            if name not in known and (kind == "table" or ours is None or name in ours):
                gone = await catalog.client.delete(f"{collection}/{entity['id']}", hardDelete="false", recursive="true")
                catalog.tally.deleted += gone
