"""A full disk, told as one error wherever it is met."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from governance.errors import HallmarkError

FULL = os.strerror(errno.ENOSPC)


@contextmanager
def room(place: str | Path) -> Iterator[None]:
    """What is written within may need more room than there is: a HallmarkError then, whoever says so."""
    try:
        yield
    except Exception as error:
        if FULL not in str(error):
            raise
        remedy = "free space, then run again: what is landed is not read again"
        raise HallmarkError(str(place), "its disk is full", remedy) from None
