"""Ctrl-C and SIGTERM as they came, whatever a library made of them: who works looks between two steps.

Snowflake's connector and Prefect put handlers of their own in the place of Python's, and an error of dbt-snowflake's
cancelling (`system$cancel_all_queries`) hides the KeyboardInterrupt. The interpreter writes a signal to its wakeup
descriptor all the same.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass
class _Watch:
    """Where signals are told, and the first of ours that came."""

    reader: int | None = None
    came: signal.Signals | None = None


_watch = _Watch()


@contextmanager
def watched() -> Iterator[None]:
    """Remember what comes meanwhile; SIGTERM raises KeyboardInterrupt, as SIGINT does. Only in the main thread."""
    terminated = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with heard():
            yield
    finally:
        signal.signal(signal.SIGTERM, terminated)


@contextmanager
def heard() -> Iterator[None]:
    """Remember what comes meanwhile, and leave what is done about it to whoever has a handler: Prefect, in a pod.

    Within `watched`, and in another thread than the main one, there is nothing to be done.
    """
    if _watch.reader is not None or threading.current_thread() is not threading.main_thread():
        yield
        return
    _watch.reader, writer = os.pipe()
    _watch.came = None
    for end in (_watch.reader, writer):
        os.set_blocking(end, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(writer)
        os.close(_watch.reader)
        _watch.reader = _watch.came = None


def came() -> signal.Signals | None:
    """The signal that came, if one did; from any thread."""
    if _watch.reader is not None and _watch.came is None:
        with suppress(BlockingIOError):
            told = os.read(_watch.reader, 256)
            _watch.came = next((signal.Signals(n) for n in told if n in SIGNALS), None)
    return _watch.came


def look() -> None:
    """Raises KeyboardInterrupt where a signal came; outside of `watched` and `heard` it does nothing."""
    if came():
        raise KeyboardInterrupt
