"""What a network or an overloaded server does to a request, on demand."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import Literal, get_args

Kind = Literal["503", "429", "401", "500", "stall", "reset", "accept-then-die"]


@dataclass
class Fault:
    """Befalls some of the requests that match."""

    method: str
    path: re.Pattern[str]
    nth: int
    """The first one that it befalls, counted from 1 from when it was set."""
    kind: Kind
    times: int = 1
    """How many in a row it befalls."""
    seen: int = 0
    """Requests that matched."""
    released: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"{self.kind!r} is none of {', '.join(get_args(Kind))}")

    def befalls(self, method: str, path: str) -> bool:
        """Counts a request that matches; whether it is one of those."""
        if self.method not in (method, "*") or not self.path.search(path):
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times


ANSWERS = {
    "503": (503, "Database lock wait timed out, retry the request", {"retry-after": "1"}),
    "429": (429, "Too many requests", {}),
    "401": (401, "Not Authorized! Invalid Token", {}),
    "500": (500, "Internal server error", {}),
}
