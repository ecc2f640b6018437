"""A home whose events were brought into a stand-in of OpenMetadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from blocks.settings import Settings
from flows.catalog_access import open_catalog
from flows.catalog_access import places as places_of
from governance.dispatcher import Dispatcher
from governance.model import Event
from governance.oncall import load_ownership
from governance.openmetadata.places import Places
from governance.outbox import Outbox
from governance.routing import route
from tests.homes import Home
from tests.openmetadata.server import Server


@dataclass(frozen=True)
class Pushed:
    """A home, a server, and what was told of the one to the other."""

    home: Home
    server: Server
    events: list[Event]
    folder: Path

    @property
    def variables(self) -> dict[str, str]:
        return {"HALLMARK_OPENMETADATA_URL": self.server.url, "HALLMARK_OPENMETADATA_TOKEN": self.server.token}

    @property
    def places(self) -> Places:
        with self.home.environment():
            return places_of(Settings.load())

    def of(self, *types: str) -> list[Event]:
        return [e for e in self.events if e.type in types]

    def deliver(self, name: str) -> Mapping[str, int]:
        """All events once more, by an outbox of their own."""
        ownership = load_ownership()
        with self.home.environment(**self.variables), Outbox(f"sqlite:///{self.folder / name}") as box:
            transport = open_catalog(Settings.load())
            for event in self.events:
                to = [d.name for d in route(event, ownership) if d.transport == "openmetadata"]
                box.put([event], to)
            found = Dispatcher(box, {"openmetadata": transport}).drain(120.0)
            transport.close(1.0)
        return found
