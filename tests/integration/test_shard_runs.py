"""Parts of a stream as runs of the deployment `shard`, with a real Prefect server and a real worker."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName
from prefect.client.schemas.objects import FlowRun
from prefect.states import Crashed, Failed

from blocks.register import register
from blocks.settings import Settings
from blocks.warehouses import open_warehouse
from flows.context import Context
from flows.ingest import load_stream
from flows.server import local_server
from tests.integration.test_shards import apart, begun, context_of, drop

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A server with this deployment alone: in a pool that others use too, their runs would hold its one place."""
    with local_server(tmp_path_factory.mktemp("home")):
        register()
        deploy = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--name", "shard"]
        done = subprocess.run(deploy, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        yield


@pytest.fixture
def split(deployed: None, tmp_path: Path) -> Iterator[Context]:
    """Files, and a run that splits every stream by the deployment; its worker is not at work yet."""
    drop(tmp_path / "drops")
    context = apart(context_of(Settings(home=tmp_path), tmp_path), tmp_path, shard_executor="deployment")
    yield begun(context)
    with get_client(sync_client=True) as client:
        for run in runs(client):
            client.delete_flow_run(run.id)


def runs(client: Any) -> list[FlowRun]:
    wanted = DeploymentFilter(name=DeploymentFilterName(any_=["shard"]))
    return list(client.read_flow_runs(deployment_filter=wanted))


def started(context: Context, ended: Callable[[FlowRun], bool]) -> list[dict[str, Any]]:
    """The stream `sales`: of one part its run ends before a worker comes."""
    results: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: results.extend(load_stream("drops", "sales", context)))
    thread.start()
    with get_client(sync_client=True) as client:
        until = time.monotonic() + 60
        while len(found := runs(client)) < 3 and time.monotonic() < until:
            time.sleep(0.2)
        assert len(found) == 3
        assert [ended(run) for run in found].count(True) == 1
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "hallmark-local"]
    environment = {**os.environ, "HALLMARK_HOME": str(context.settings.home), "PREFECT_WORKER_QUERY_SECONDS": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as worker:
        thread.join(300)
        worker.terminate()
    assert not thread.is_alive()
    return results


def end_second(state: Any) -> Callable[[FlowRun], bool]:
    def ended(run: FlowRun) -> bool:
        if run.parameters["number"] != 1:
            return False
        set_state(run.id, state)
        return True

    return ended


def set_state(run: UUID, state: Any) -> None:
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run, state, force=True)


def test_a_part_whose_pod_is_gone_is_done_again_alone(split: Context) -> None:
    [result] = started(split, end_second(Crashed(message="its pod is gone")))
    assert (result["status"], result["published"], result["quarantined"]) == ("published", 600, 0)
    with get_client(sync_client=True) as client:
        ends = sorted((r.parameters["number"], r.state.name) for r in runs(client) if r.state)
    assert ends == [(0, "Completed"), (1, "Completed"), (1, "Crashed"), (2, "Completed")]
    with open_warehouse(split.settings) as warehouse:
        assert warehouse.execute("SELECT status, count(*) FROM ops.shards GROUP BY ALL") == [("loaded", 3)]


def test_a_stream_of_which_a_part_fails_is_done_in_one_and_nothing_goes_on_beside_it(split: Context) -> None:
    [result] = started(split, end_second(Failed(message="a column is odd")))
    assert (result["status"], result["published"]) == ("published", 600)
    with get_client(sync_client=True) as client:
        ends = {r.parameters["number"]: r.state for r in runs(client)}
    assert ends[1] is not None and ends[1].is_failed()
    assert all(state is not None and state.is_final() for state in ends.values())
