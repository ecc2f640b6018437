"""The pool, its worker and deployments on the cluster, and the home of one case: databases of its own, and its runs."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
from prefect.client.schemas.objects import FlowRun

from blocks.settings import Settings
from blocks.warehouses import open_warehouse
from flows.server import prefect_defaults
from tests.homes import HALLMARK, SLOT1, VOLATILE
from tests.kubernetes.cluster import NAMESPACE, apply, of_run, until
from tests.kubernetes.peers import BUCKET, Peers

POOL = "hallmark-kubernetes"
SOURCES, SHARDED = "/etc/hallmark/sources.yml", "/etc/hallmark/shards.yml"
DEPLOYMENTS = ("batch/batch", "ingest/ingest-crm", "ingest/ingest-drops", "shard/shard")
SMALL = {
    "cpu_request": "100m", "cpu_limit": "2", "memory_request": "256Mi", "memory_limit": "2Gi", "scratch_size": "2Gi",
}  # fmt: skip
TTL = 20
"""Seconds that a Job is kept; short, so that a test can wait for its end."""
INGESTED = "ingest/ingest-drops"
STREAM = {"source": "drops", "stream": "invoices"}
"""What the cases ingest, but for whole batches."""
BATCH = [
    sys.executable, "-c", f"import sys; from flows.batch import batch; batch('{SLOT1}', sys.argv[1])",
]  # fmt: skip


def ingesting(source: str, stream: str) -> list[str]:
    """The command that ingests a stream; the sources file follows."""
    code = f"import sys; from flows.ingest import ingest; ingest('{source}', '{stream}', sys.argv[1])"
    return [sys.executable, "-c", code]


Tables = dict[str, list[dict[str, Any]]]


@dataclass
class Worker:
    """A worker of the pool, as a process of this machine."""

    peers: Peers
    folder: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start it."""
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}, "DO_NOT_TRACK": "1",
            "PREFECT_HOME": str(self.folder), "PREFECT_API_URL": self.peers.prefect.url,
            "PREFECT_API_AUTH_STRING": self.peers.secrets["PREFECT_API_AUTH_STRING"],
            "PREFECT_INTEGRATIONS_KUBERNETES_WORKER_API_AUTH_STRING_SECRET_NAME": "hallmark-secrets",
            "PREFECT_INTEGRATIONS_KUBERNETES_WORKER_API_AUTH_STRING_SECRET_KEY": "PREFECT_API_AUTH_STRING",
            "PREFECT_INTEGRATIONS_KUBERNETES_OBSERVER_NAMESPACES": NAMESPACE, "PREFECT_WORKER_QUERY_SECONDS": "2",
            "PREFECT_WORKER_HEARTBEAT_SECONDS": "10",
        }  # fmt: skip
        with (self.folder / "worker.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL, "--name", "worker"],
                env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder,
            )  # fmt: skip

    def kill(self) -> None:
        """End it at once, as the loss of its node does."""
        if self._process:
            self._process.kill()
            self._process.wait()


@dataclass
class Home:
    """Databases and a landing zone of a case, the settings of its pods, and the runs that it started."""

    name: str
    peers: Peers
    started: list[str] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None
    """What works on it on this machine."""

    @property
    def settings(self) -> dict[str, str]:
        """What is no secret."""
        own = {"HALLMARK_SNOWFLAKE_DATABASE": self.name, "HALLMARK_LANDING": f"s3://{BUCKET}/landing/{self.name}"}
        return {**self.peers.settings, **own}

    @property
    def secrets(self) -> dict[str, str]:
        """What stands in no manifest."""
        state = self.peers.postgres.replace("postgresql://", "postgresql+psycopg://")
        return {**self.peers.secrets, "HALLMARK_STATE_URL": f"{state}/{self.name}"}

    def make_database(self) -> Home:
        """Make its database of the state."""
        with psycopg.connect(f"{self.peers.postgres}/postgres", autocommit=True) as server:
            server.execute(f'CREATE DATABASE "{self.name}"')
        return self

    def make(self) -> Home:
        """The same, and let the pods that start from now on be its own."""
        self.make_database()
        apply(
            {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "hallmark-settings"}, "data": self.settings},
            {
                "kind": "Secret",
                "apiVersion": "v1",
                "metadata": {"name": "hallmark-secrets"},
                "stringData": self.secrets,
            },
        )
        return self

    @contextmanager
    def environment(self) -> Iterator[None]:
        """This process as one of the home."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {**self.settings, **self.secrets}.items():
                if not name.startswith("PREFECT_"):
                    patch.setenv(name, value)
            yield

    def locally(self, command: list[str], sources: Path | None, folder: Path) -> subprocess.Popen[bytes]:
        """A process of the home on this machine."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("HALLMARK_", "PREFECT_", "AWS_"))}
        own = {"HALLMARK_HOME": str(folder), "PREFECT_HOME": str(folder), "PREFECT_API_URL": self.peers.prefect.url}
        environment = {**kept, **prefect_defaults(), **self.settings, **self.secrets, **own}
        words = [*command, str(sources)] if sources else command
        with (folder / "run.log").open("wb") as log:
            return subprocess.Popen(words, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    @contextmanager
    def delivering(self, folder: Path) -> Iterator[None]:
        """`hallmark deliver --follow` beside the runs."""
        process = self.locally([*HALLMARK, "deliver", "--follow"], None, folder)
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)

    def start(self, deployment: str, variables: Mapping[str, Any] | None = None, **parameters: Any) -> str:
        """Start a flow run; its id."""
        with get_client(sync_client=True) as client:
            found = client.read_deployment_by_name(deployment)
            run = client.create_flow_run_from_deployment(
                found.id, parameters={"sources": SOURCES, **parameters}, job_variables=dict(variables or {})
            )
        self.started.append(str(run.id))
        return str(run.id)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Of its warehouse."""
        with self.environment(), open_warehouse(Settings.load()) as warehouse:
            return list(warehouse.execute(sql))

    def published(self, schema: str, *only: str) -> Tables:
        """table → its rows in an order of their own, without ids and times of loads."""
        found: Tables = {}
        with self.environment(), open_warehouse(Settings.load()) as warehouse:
            for table in (*warehouse.tables(schema), *warehouse.tables(schema, views=True)):
                if only and table not in only:
                    continue
                columns = [c for c in warehouse.columns(schema, table) if c not in VOLATILE]
                cells = ", ".join(f'CAST("{c}" AS VARCHAR) AS "{c}"' for c in columns)
                found[table] = sorted(warehouse.query(f'SELECT {cells} FROM {schema}."{table}"'), key=repr)
        return found

    def accounts(self) -> list[tuple[Any, ...]]:
        """stream, what became of its rows; each account balances."""
        found = self.rows(
            "SELECT source, stream, status, sum(rows_read), sum(rows_published), sum(rows_unchanged), "
            "sum(rows_quarantined) FROM ops.loads GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
        )
        assert all(read == a + b + c for *_, read, a, b, c in found if read is not None), found
        return found

    def incidents(self) -> list[dict[str, Any]]:
        """All that were opened."""
        from flows.incidents import listed, shown

        with self.environment():
            return [json.loads(json.dumps(shown(i), default=str)) for i in listed(Settings.load(), None, 100, True)]


def failed_hooks(run_ids: list[str]) -> list[str]:
    """What Prefect logged of hooks of these runs that failed: they tell what nobody else does."""
    wanted = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[UUID(run_id) for run_id in run_ids]))
    with get_client(sync_client=True) as client:
        return [log.message for log in client.read_logs(wanted) if log.level >= logging.ERROR and "hook" in log.message]


def flow_run(run_id: str) -> FlowRun:
    """As the Prefect server knows it."""
    with get_client(sync_client=True) as client:
        return client.read_flow_run(UUID(run_id))


def state(run_id: str) -> str:
    """The name of its state."""
    found = flow_run(run_id).state
    return found.name if found else ""


def ended(run_id: str, seconds: float = 240) -> FlowRun:
    """The run, when it is over and stays so."""

    def ask() -> FlowRun | None:
        run = flow_run(run_id)
        return run if run.state and run.state.is_final() and _settled(run) else None

    found: FlowRun = until(seconds, f"the end of {run_id}, {state(run_id)}", ask)
    return found


def _settled(run: FlowRun) -> bool:
    """Crashed is no end while the Job may make another pod."""
    if not run.state or not run.state.is_crashed():
        return True
    ends = [{c["type"] for c in job["status"].get("conditions", ())} for job in of_run("jobs", str(run.id))]
    return all(types & {"Complete", "Failed"} for types in ends)


class Clock:
    """Seconds since it was made, as the table of what happens when shows them."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self) -> float:
        return round(time.monotonic() - self._began, 1)
