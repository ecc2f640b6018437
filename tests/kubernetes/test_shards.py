"""A stream of many files by one, two and four pods, and one of these lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName
from prefect.client.schemas.objects import FlowRun

from tests.kubernetes.cluster import kill_engine, pod, until
from tests.kubernetes.midway import held
from tests.kubernetes.peers import BUCKET, Peers
from tests.kubernetes.world import INGESTED, SHARDED, Clock, Home, ended, flow_run, ingesting, state

pytestmark = [pytest.mark.kubernetes]
Tell = Callable[[str, str], None]
STREAM = {"source": "till", "stream": "sales", "sources": SHARDED}
TABLE = "till__sales"
FILES, ROWS = 8, 5_000


@pytest.fixture(scope="module")
def whole(outside: Peers, shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The stream by one process of this machine."""
    home = Home("whole", outside).make_database()
    with home.environment():
        s3 = boto3.client("s3")
        for n in range(FILES):
            lines = "".join(f"{n * ROWS + i},{i % 97}.50,piece {i}\n" for i in range(ROWS))
            s3.put_object(Bucket=BUCKET, Key=f"till/{n}.csv", Body=f"id,amount,piece\n{lines}".encode())
    assert home.locally(ingesting("till", "sales"), shards, tmp_path_factory.mktemp("whole")).wait() == 0
    return home


def parts(count: int) -> dict[str, Any]:
    """Job variables of a run that splits every stream."""
    settings = {"HALLMARK_SHARDS": str(count), "HALLMARK_SHARD_BYTES": "1000", "HALLMARK_SHARD_EXECUTOR": "deployment"}
    return {"env": settings}


def shards_since(seen: set[str]) -> list[FlowRun]:
    """The runs of the deployment `shard` that are new."""
    wanted = DeploymentFilter(name=DeploymentFilterName(any_=["shard"]))
    with get_client(sync_client=True) as client:
        return [run for run in client.read_flow_runs(deployment_filter=wanted) if str(run.id) not in seen]


def equal(home: Home, whole: Home) -> None:
    assert home.published("bronze", TABLE) == whole.published("bronze", TABLE) != {}
    assert home.accounts() == whole.accounts()


@pytest.mark.parametrize("count", [1, 2, 4])
def test_scale(home: Home, whole: Home, tell: Tell, count: int) -> None:
    """The same rows; on a machine of two cores the point is what a pod costs beside its work."""
    seen = {str(run.id) for run in shards_since(set())}
    clock = Clock()
    run = ended(home.start(INGESTED, parts(count), **STREAM))
    total = clock()
    assert run.state.name == "Completed", run.state
    equal(home, whole)
    mine = shards_since(seen)
    assert [r.state and r.state.name for r in mine] == ["Completed"] * (count if count > 1 else 0)
    beside = [(r.start_time - r.created).total_seconds() for r in mine if r.start_time and r.created]
    told = f"Completed after {total} s"
    if mine:
        told += f"; a part's pod was at work {max(beside):.1f} s after it was asked for, at the latest"
    tell(f"a stream in {count} part{'s' if count > 1 else ''}", told)


def test_a_part_lost(home: Home, whole: Home, tell: Tell) -> None:
    """It alone is done again, by the run that planned it and not also by `deliver`; the others are not."""
    seen = {str(run.id) for run in shards_since(set())}
    with held(home.peers.snowflake) as hold:
        run_id = home.start(INGESTED, parts(2), **STREAM)
        hold.wait()
        until(120, "the other part is over", lambda: "Completed" in [state(str(r.id)) for r in shards_since(seen)])
        [lost] = [str(r.id) for r in shards_since(seen) if state(str(r.id)) == "Running"]
        clock = Clock()
        kill_engine(pod(lost))
        hold.let_go(lost=True)
    run = ended(run_id)
    tell("a part of a stream lost", f"{run.state.name} after {clock()} s, that part alone was done again")
    assert run.state.name == "Completed" and run.run_count == 1, run.state
    equal(home, whole)
    number = flow_run(lost).parameters["number"]
    tries = Counter(r.parameters["number"] for r in shards_since(seen))
    assert tries == {number: 2, 1 - number: 1}
