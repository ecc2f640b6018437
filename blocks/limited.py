"""A limit to how long something outside may take, whatever it does: a name that is looked up, an answer that drips."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

Given = TypeVar("Given")


def within(seconds: float, work: Callable[[], Given]) -> Given:
    """What `work` gives. Raises what it raises, and TimeoutError when it takes longer; it is then left to itself.

    The limits of HTTP clients count from byte to byte, and none of them covers the resolver.
    """
    done: queue.Queue[tuple[Given | None, BaseException | None]] = queue.Queue()

    def run() -> None:
        try:
            done.put((work(), None))
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            done.put((None, error))

    threading.Thread(target=run, name="within limits", daemon=True).start()
    try:
        given, error = done.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"no end after {seconds:g} s") from None
    if error:
        raise error
    return given  # type: ignore[return-value]
