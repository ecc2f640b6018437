"""What search knows: every write, a while after it."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Hashable
from typing import Any


class Index:
    """Documents by kind and key. A write shows once its delay has passed."""

    def __init__(self) -> None:
        self._shown: dict[str, dict[Hashable, Any]] = defaultdict(dict)
        self._coming: deque[tuple[float, str, Hashable, Any]] = deque()

    def put(self, kind: str, key: Hashable, document: Any, delay: float) -> None:
        """A document as it is from now on; None: it is gone."""
        self._coming.append((time.monotonic() + delay, kind, key, document))
        if not delay:
            self._catch_up()

    def read(self, kind: str) -> dict[Hashable, Any]:
        """The documents of a kind that search knows of now."""
        self._catch_up()
        return self._shown[kind]

    def _catch_up(self) -> None:
        while self._coming and self._coming[0][0] <= time.monotonic():
            _, kind, key, document = self._coming.popleft()
            if document is None:
                self._shown[kind].pop(key, None)
            else:
                self._shown[kind][key] = document
