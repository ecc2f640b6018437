"""A catalog of 2,000 tables of 20 columns: the first push, one where nothing changed, and one where one table did.

Beside ours the SDK of OpenMetadata, one request for each table as its connectors make them. Both talk to the tests'
stand-in, which answers each request 20 ms late; its processor time is nobody's. What counts is the time.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measure import ROOT
from benchmarks.report import Goal, Section
from governance.dispatcher import Dispatcher
from governance.model import Column, Dataset, Event
from governance.outbox import Outbox
from governance.transports.openmetadata import OpenMetadataTransport

TABLES, COLUMNS, LATENCY, MOST = 2000, 20, 0.02, 60.0
_SERVER = f"""
import json, sys
from tests.openmetadata.server import Server
with Server() as server:
    server.latency = {LATENCY}
    print(json.dumps([server.url, server.token]), flush=True)
    for line in sys.stdin:
        print(len(server.writes), flush=True)
"""
_SDK = """
import sys, time
from metadata.generated.schema.api.data.createDatabase import CreateDatabaseRequest
from metadata.generated.schema.api.data.createDatabaseSchema import CreateDatabaseSchemaRequest
from metadata.generated.schema.api.data.createTable import CreateTableRequest
from metadata.generated.schema.api.services.createDatabaseService import CreateDatabaseServiceRequest
from metadata.generated.schema.entity.data.table import Column, DataType
from metadata.generated.schema.entity.services.connections.metadata.openMetadataConnection import (
    AuthProvider, OpenMetadataConnection)
from metadata.generated.schema.entity.services.databaseService import DatabaseServiceType
from metadata.generated.schema.security.client.openMetadataJWTClientConfig import OpenMetadataJWTClientConfig
from metadata.ingestion.ometa.ometa_api import OpenMetadata
url, token, tables, columns = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
client = OpenMetadata(OpenMetadataConnection(hostPort=url, authProvider=AuthProvider.openmetadata,
                                             securityConfig=OpenMetadataJWTClientConfig(jwtToken=token)))
client.create_or_update(CreateDatabaseServiceRequest(name="sdk", serviceType=DatabaseServiceType.CustomDatabase))
client.create_or_update(CreateDatabaseRequest(name="db", service="sdk"))
client.create_or_update(CreateDatabaseSchemaRequest(name="gold", database="sdk.db"))
began = time.perf_counter()
for n in range(tables):
    client.create_or_update(CreateTableRequest(
        name=f"t{n}", databaseSchema="sdk.db.gold", description=f"Table {n}.",
        columns=[Column(name=f"c{i}", dataType=DataType.BIGINT, description=f"Column {i}.") for i in range(columns)]))
print(time.perf_counter() - began, flush=True)
"""


class Server:
    """The stand-in in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin and process.stdout
        self._ask, self._answer = process.stdin, process.stdout
        self.url, self.token = json.loads(self._answer.readline())

    def writes(self) -> int:
        """How many requests have changed something, or tried to."""
        self._ask.write("\n")
        self._ask.flush()
        return int(self._answer.readline())


@contextmanager
def serving() -> Iterator[Server]:
    """An empty catalog, which ends with this process."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        cwd=ROOT,
    )  # fmt: skip
    try:
        yield Server(process)
    finally:
        assert process.stdin
        process.stdin.close()
        process.wait()


def told(number: int, changed: int | None = None) -> list[Event]:
    """Every table as it is; of `changed` the description is another one."""
    columns = tuple(Column(name=f"c{i}", type="BIGINT", description=f"Column {i}.") for i in range(COLUMNS))
    found = []
    for n in range(TABLES):
        more = (Column(name="new", type="DATE"),) if n == changed else ()
        dataset = Dataset(name=f"gold.t{n}", layer="gold", description=f"Table {n}.", columns=columns + more)
        data = dataset.model_dump(mode="json", exclude={"name"})
        found.append(Event.of("hallmark.dataset.published.v1", dataset.name, str(number), datetime.now(UTC), **data))
    return found


def push(server: Server, folder: Path, events: Sequence[Event]) -> float:
    """Seconds from the events to all of them delivered, by outbox and dispatcher."""
    began = time.perf_counter()
    transport = OpenMetadataTransport.to(server.url, server.token)
    with Outbox(f"sqlite:///{folder / 'state.db'}") as outbox:
        outbox.put(events, ["openmetadata"])
        counts = Dispatcher(outbox, {"openmetadata": transport}).drain(deadline=600)
    transport.close(1)
    if counts["delivered"] != len(events):
        raise RuntimeError(f"not all was delivered: {counts}")
    return time.perf_counter() - began


def by_sdk(server: Server) -> float:
    """Seconds of the SDK for the same tables, its import not counted."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _SDK, server.url, server.token, str(TABLES), str(COLUMNS)],
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return float(done.stdout.split()[-1])


def measure(size: int, times: int, scratch: Path) -> Section:
    """Ours and the SDK, each with a catalog of its own; size and times do not matter."""
    title = f"Catalog: {TABLES:,} tables × {COLUMNS} columns, {LATENCY * 1000:.0f} ms latency"
    section = Section("catalog", title, ["", "seconds", "tables/s", "writes", "goal"])
    with tempfile.TemporaryDirectory(dir=scratch) as folder, serving() as server:
        before, first = 0, 0.0
        for number, (name, changed) in enumerate((("first push", None), ("nothing changed", None), ("one changed", 7))):
            took = push(server, Path(folder), told(number, changed))
            first = first or took
            writes, before = server.writes() - before, server.writes()
            goal = (f"≤ {MOST:.0f} s", "0 writes", "")[number]
            section.rows.append([f"**Hallmark**: {name}", f"{took:.1f}", f"{TABLES / took:.0f}", str(writes), goal])
            if number == 0:
                section.goals.append(Goal("Catalog: 2,000 tables pushed", goal, f"{took:.1f} s", took <= MOST))
            if number == 1:
                section.goals.append(Goal("Catalog: 2,000 unchanged tables", goal, f"{writes} writes", not writes))
    with serving() as server:
        took = by_sdk(server)
        section.rows.append(["SDK, a request a table", f"{took:.1f}", f"{TABLES / took:.0f}", str(server.writes()), ""])
    section.notes.append(f"The first push takes {took / first:.1f} times less than the SDK.")
    return section
