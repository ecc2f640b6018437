"""How fast one key may be used: so many calls within so many seconds, and none while the other side asks for a pause.

Nothing waits here: who comes too early is told when to come again, and the dispatcher keeps the event until then.
"""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from governance.transports.base import TransientError


class Pace:
    """A window that looks back from now. Shared by all who use the same key; threads may."""

    def __init__(
        self, calls: int | None, seconds: float = 60.0, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """`calls` None: as many as the other side takes."""
        self._calls, self._window, self._clock = calls, timedelta(seconds=seconds), clock
        self._made: deque[datetime] = deque()
        self._until = datetime.min.replace(tzinfo=UTC)
        self._lock = threading.Lock()

    def take(self) -> None:
        """Count a call. Raises TransientError (throttled) with the seconds until there is room again."""
        with self._lock:
            now = self._clock()
            while self._made and self._made[0] <= now - self._window:
                self._made.popleft()
            free = self._until
            if self._calls is not None and len(self._made) >= self._calls:
                free = max(free, self._made[0] + self._window)
            if free > now:
                wait = (free - now).total_seconds()
                raise TransientError("throttled", f"not sent: the key may be used again in {wait:.0f} s", wait)
            self._made.append(now)

    def hold(self, seconds: float) -> None:
        """Make no call for so long: the other side asked for it."""
        with self._lock:
            self._until = max(self._until, self._clock() + timedelta(seconds=seconds))


_SHARED: dict[str, Pace] = {}
_LOCK = threading.Lock()


def shared(key: str, calls: int | None) -> Pace:
    """The pace of a key in this process, whoever uses it: a transport is made anew for each delivery of a batch."""
    digest = hashlib.sha256(key.encode()).hexdigest()
    with _LOCK:
        return _SHARED.setdefault(digest, Pace(calls))
