"""A flow that finds another one at work as long as the file of its environment is there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.patience import patient
from governance.errors import LockedError


@flow
@patient
def ingest(streams: Sequence[str] = ("a",), told: bool = False) -> State[str]:
    """The type is one that only this module imports."""
    if Path(os.environ["BUSY"]).exists():
        error = LockedError("the batch", "it is held by host a, process 1", "wait for it to end")
        error.told = told  # type: ignore[attr-defined]
        raise error
    return Completed(data=",".join(streams))
