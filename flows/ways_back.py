"""What people do to incidents elsewhere comes back, and what the time does to them: asked for every half a minute."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING

from blocks.settings import Settings
from flows.channels import secret_of
from flows.state import incident_desk, open_incidents
from governance.errors import ConfigurationError
from governance.incidents.model import UNRESOLVED, Incident, Reported
from governance.oncall import load_ownership

if TYPE_CHECKING:
    from governance.inbound.heard import Heard, Pages

LOG = logging.getLogger("hallmark")
Ask = Callable[[Settings, Sequence[Incident]], list[Reported]]


def heed(settings: Settings) -> int:
    """Do here what was done elsewhere; escalate, unmute. Returns how many incidents were looked at anew."""
    changed = 0
    with incident_desk(settings) as desk:
        unresolved = desk.store.rows(UNRESOLVED, limit=None)
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


def _pagerduty(settings: Settings, _: Sequence[Incident]) -> list[Reported]:
    """What people did in PagerDuty, where a token of its REST API is known."""
    if not settings.pagerduty_token:
        return []
    from governance.inbound import pagerduty

    url = settings.pagerduty_api_url or pagerduty.URL
    reader = pagerduty.PagerDutyReader(secret_of(settings, "pagerduty_token"), url)
    with closing(reader):
        return reader.poll(_open_pages(settings, "pagerduty"))


def _jsm(settings: Settings, _: Sequence[Incident]) -> list[Reported]:
    """What people did in JSM Operations, where a user and token of its REST API are known."""
    if not (settings.jsm_api_url and settings.jsm_user):
        return []
    from governance.inbound.jsm import JsmReader

    reader = JsmReader(secret_of(settings, "jsm_token"), settings.jsm_user, settings.jsm_api_url)
    with closing(reader):
        return reader.poll(_open_pages(settings, "jsm"))


def _open_pages(settings: Settings, pager: str) -> Pages:
    from governance.inbound.heard import open_pages

    with open_incidents(settings) as store:
        return open_pages(store, [f"{pager}:{team}" for team in load_ownership().teams])


ASKED: Sequence[Ask] = (_catalog, _pagerduty, _jsm)


@contextmanager
def listening(settings: Settings, address: str) -> Iterator[str]:
    """Take webhooks of PagerDuty and OpenMetadata meanwhile; its URL.

    Raises ConfigurationError for an address that cannot be had, or without a secret to check their signatures by.
    """
    from governance.inbound.heard import reports
    from governance.inbound.receiver import Receiver

    host, _, port = address.rpartition(":")
    pagerduty, openmetadata = (
        [s for s in (secret_of(settings, f"{name}_webhook_secret")() or "").split(",") if s]
        for name in ("pagerduty", "openmetadata")
    )
    if not port.isdigit() or not (pagerduty or openmetadata):
        cause = "no secret is set that signs webhooks" if port.isdigit() else "it is not of the form HOST:PORT"
        remedy = "set HALLMARK_PAGERDUTY_WEBHOOK_SECRET or HALLMARK_OPENMETADATA_WEBHOOK_SECRET"
        raise ConfigurationError(f"--listen {address}", cause, remedy if port.isdigit() else "such as 127.0.0.1:8099")

    def heard(told: Heard) -> None:
        with incident_desk(settings) as desk:
            for one in reports(told, _open_pages(settings, "pagerduty")):
                desk.heed(one)

    def nudged() -> None:
        heed(settings)

    receiver = Receiver(
        host or "127.0.0.1", int(port), heard=heard, nudged=nudged, pagerduty=pagerduty, openmetadata=openmetadata
    )
    with ExitStack() as stack:
        try:
            stack.enter_context(receiver)
        except OSError as error:
            cause = error.strerror or str(error)
            raise ConfigurationError(f"--listen {address}", cause, "take another port, or end who has it") from None
        yield receiver.url
