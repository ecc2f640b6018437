"""Where a run is when something befalls it: a statement of it has arrived, and gets no answer until it is let go."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.snowflake_faults import Fault, Proxy, Statement

LOADING = "^COPY INTO"
"""What a stream's load sends when it is landed, and nothing is published."""


@dataclass
class Hold:
    """A statement that waits."""

    reached: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)
    lost: bool = False

    def wait(self, seconds: float = 180) -> None:
        """Until the run is there."""
        assert self.reached.wait(seconds), f"the run came to no such statement within {seconds} s"

    def let_go(self, lost: bool = False) -> None:
        """Let it be executed; `lost`: whoever sent it is gone, so that it never arrives."""
        self.lost = lost
        self.go.set()


@contextmanager
def held(front: Proxy, pattern: str = LOADING) -> Iterator[Hold]:
    """The first statement that matches waits from now on."""
    hold = Hold()

    def act(statement: Statement) -> None:
        hold.reached.set()
        hold.go.wait(300)
        if hold.lost:
            statement.reset()
        else:
            statement.answer(*front.execute(statement))

    front.faults.append(Fault(pattern, act))
    try:
        yield hold
    finally:
        hold.go.set()
