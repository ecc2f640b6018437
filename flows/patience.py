"""A run of a deployment that finds another one at work comes again later: what a file's arrival asked for is not lost.

Prefect's worker starts a run that awaits a retry like one that is due, in a process or pod of its own; until then it
holds no place among the runs of its deployment.
"""

from __future__ import annotations

import functools
import inspect
import logging
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar, cast
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import Pause
from prefect.runtime import deployment, flow_run
from prefect.states import AwaitingRetry
from prefect.types._datetime import now

from governance.errors import LockedError

LOG = logging.getLogger("hallmark")
Work = TypeVar("Work", bound=Callable[..., Any])
PAUSE_SECONDS = (120, 300)
"""At random between these, so that two that met do not meet again."""


def patient(work: Work) -> Work:
    """Of the body of a flow: where it finds another one at work before it began its own, the run awaits a retry.

    Raises LockedError for a run of no deployment: whoever started it sees it.
    """

    @functools.wraps(work)
    def waiting(*args: Any, **kwargs: Any) -> Any:
        try:
            return work(*args, **kwargs)
        except LockedError as error:
            if not deployment.get_id() or getattr(error, "told", False):
                raise
            pause = timedelta(seconds=random.uniform(*PAUSE_SECONDS))
            LOG.warning("%s: %s; this run comes again in %d s", error.what, error.cause, pause.total_seconds())
            state: State[Any] = AwaitingRetry(scheduled_time=now("UTC") + pause, message=f"{error.what}: {error.cause}")
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(UUID(flow_run.get_id()), state)
        raise Pause(state=state)  # the engine's word for a run that ends here and is submitted again

    # Prefect resolves the names of types where a function is defined: here nothing knows those of the flow's module.
    waiting.__signature__ = inspect.signature(work, eval_str=True)  # type: ignore[attr-defined]
    return cast(Work, waiting)
