"""What people do to incidents elsewhere comes back, and what the time does to them: asked for every half a minute."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from blocks.settings import Settings
from flows.state import incident_desk
from governance.incidents.model import UNRESOLVED, Incident, Reported

LOG = logging.getLogger("hallmark")
Ask = Callable[[Settings, Sequence[Incident]], list[Reported]]


def heed(settings: Settings) -> int:
    """Do here what was done elsewhere; escalate, unmute. Returns how many incidents were looked at anew."""
    changed = 0
    with incident_desk(settings) as desk:
        unresolved = desk.store.rows(UNRESOLVED)
        for ask in ASKED if unresolved else ():
            try:
                told = ask(settings, unresolved)
            except Exception as error:  # noqa: BLE001 - who does not answer is asked again in half a minute
                LOG.warning("what was done elsewhere is not known: %s", " ".join(str(error).split())[:300])
                continue
            changed += sum(desk.heed(one) is not None for one in told)
        return changed + desk.tick()


def _catalog(settings: Settings, unresolved: Sequence[Incident]) -> list[Reported]:
    """What stewards did in the catalog."""
    if not settings.openmetadata_url:
        return []
    from flows.catalog_access import catalog_of
    from governance.openmetadata.incidents import reported

    catalog = catalog_of(settings)

    async def ask() -> list[Reported]:
        async with catalog.client:
            await catalog.client.probe()
            return await reported(catalog, unresolved)

    return asyncio.run(ask())


ASKED: Sequence[Ask] = (_catalog,)
