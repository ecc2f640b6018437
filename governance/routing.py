"""Who hears of what: (event, ownership) → destinations, a pure function.

No I/O and no state; how a destination is reached is its transport's business.
"""

from __future__ import annotations

from governance.model import Event, Frozen
from governance.oncall import Ownership
from governance.openmetadata.concerns import CONCERNS


class Destination(Frozen):
    """A transport, and an address within it."""

    transport: str
    """file, memory, …: the dispatcher's name of it."""
    address: str = ""
    """A channel or key; empty where the transport has only one."""

    @property
    def name(self) -> str:
        """As the outbox stores it: `file`, `slack:#data-platform`."""
        return f"{self.transport}:{self.address}" if self.address else self.transport


FILE = Destination(transport="file")
CATALOG = Destination(transport="openmetadata")


def route(event: Event, ownership: Ownership) -> list[Destination]:
    """At least one destination for every event: the file keeps all of them."""
    return [FILE, CATALOG] if event.type in CONCERNS else [FILE]
