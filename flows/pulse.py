"""What those outside see when a run of a deployment ends: its metrics, and a sign of life where it went well.

A dead man's switch calls when the signs stop. It is for what no run can tell: that no run begins any more. So only a
run that came to its good end gives one, and a failed one says nothing here: its events have told who must act.
"""

from __future__ import annotations

import logging

from blocks import heartbeat, otlp
from blocks.settings import Settings
from flows import metrics
from governance.errors import HallmarkError

LOG = logging.getLogger("hallmark")


def ended(settings: Settings, well: bool) -> None:
    """A batch or watch run ended. Nothing here stops it, or keeps it for longer than some seconds."""
    metrics.push(settings)
    if well:
        beat(settings)


def delivered(settings: Settings) -> None:
    """A delivery ended: the outbox is what changed."""
    metrics.push(settings, ledger=False)


def beat(settings: Settings) -> None:
    """Give the sign of life; only where an address is configured. Never raises: a line says what failed."""
    from blocks.register import secret

    try:
        if url := secret("heartbeat_url", settings):
            heartbeat.send(url)
    except HallmarkError as error:
        LOG.warning("no heartbeat was sent: %s: %s", error.what, error.cause)
    except Exception as error:  # noqa: BLE001 - the data are published; the text may hold the address
        LOG.warning("no heartbeat was sent: %s", type(error).__name__)


def check_metrics() -> str:
    """Whether the collector takes metrics, in words. Raises what `blocks/otlp.py` raises."""
    if not otlp.configured():
        return "none are pushed: OTEL_EXPORTER_OTLP_ENDPOINT is not set"
    otlp.export([])
    return "the collector takes them"


def check_heartbeat(settings: Settings) -> str:
    """Whether the switch can be reached, in words; it gets no sign of life. Raises what `heartbeat.reach` raises."""
    from blocks.register import secret

    url = secret("heartbeat_url", settings)
    if url is None:
        return "none is sent: HALLMARK_HEARTBEAT_URL is not set"
    heartbeat.reach(url)
    return "its address can be reached; nothing was sent"
