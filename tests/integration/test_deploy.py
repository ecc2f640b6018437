"""What `hallmark register` and `prefect deploy --all` leave on a server, read back and held against a snapshot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from blocks.settings import Settings
from blocks.sources.spec import load_sources
from flows.context import SOURCES
from flows.server import local_server
from governance.errors import ConfigurationError
from tests.integration.deploy_support import DEPLOYMENTS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[dict[str, str]]]:
    """A server that `register` was called on; its rows."""
    with local_server(tmp_path_factory.mktemp("home")):
        from blocks.register import register

        yield register()


@pytest.fixture(scope="module")
def all_deployed(registered: list[dict[str, str]]) -> None:
    """The server after `prefect deploy --all`."""
    done = prefect("--no-prompt", "deploy", "--all")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.usefixtures("all_deployed")
def test_deploy_all_makes_what_the_snapshot_says() -> None:
    assert {name: without_text(found) for name, found in deployed().items()} == DEPLOYMENTS
    for name, found in deployed().items():
        assert found["description"], f"{name} has no description"


@pytest.mark.drift
def test_every_source_has_its_deployment_and_the_other_way_round() -> None:
    sources = load_sources(SOURCES, fill=False)
    ingests = {d["name"]: d for d in in_prefect_yaml() if d["name"].startswith("ingest-")}
    assert {f"ingest-{source}" for source in sources} == set(ingests)
    for source, spec in sources.items():
        deployment = ingests[f"ingest-{source}"]
        assert deployment["parameters"] == {"source": source}
        assert {"ingest", source} <= set(deployment["tags"])
        events = [t["match"]["prefect.resource.id"] for t in deployment.get("triggers", ())]
        assert events == ([f"hallmark.stream.{source}.*"] if spec.kind in ("files", "documents") else [])


@pytest.mark.usefixtures("all_deployed")
def test_a_file_that_arrives_starts_the_ingest_of_its_stream() -> None:
    from prefect.client.orchestration import get_client

    # As prefect.yaml says it is done by hand; and one of a source of tables, which has no trigger.
    emitted = prefect(
        "event", "emit", "hallmark.file.arrived",
        "--resource-id", "hallmark.stream.drops.customers", "--payload", '{"stream": "customers"}',
    )  # fmt: skip
    assert emitted.returncode == 0, emitted.stdout + emitted.stderr
    body = {
        "event": "hallmark.file.arrived", "resource": {"prefect.resource.id": "hallmark.stream.crm.people"},
        "payload": {"stream": "people"}, "id": str(uuid.uuid4()), "occurred": datetime.now(UTC).isoformat(),
    }  # fmt: skip
    with get_client(sync_client=True) as client:
        client.request("POST", "/events", json=[body]).raise_for_status()
    assert flow_runs(wait=60) == [("ingest-drops", {"source": "drops", "stream": "customers"})]


@pytest.mark.usefixtures("all_deployed")
def test_another_deploy_leaves_one_trigger_each() -> None:
    before = automations()
    arrivals = ["hallmark-file-arrived-drops", "hallmark-file-arrived-mailroom"]
    assert sorted(before) == sorted([*arrivals, "hallmark: a run without a sign of life"])
    done = prefect("--no-prompt", "deploy", "--name", "ingest-drops", "--name", "ingest-mailroom")
    assert done.returncode == 0, done.stdout + done.stderr
    assert automations() == before


def test_a_stream_has_a_table_of_its_own_on_the_server(registered: list[dict[str, str]]) -> None:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

    from flows.ingest import empty_result
    from flows.report import publish_stream_artifacts

    good = {**empty_result("crm", "time_entries"), "status": "published", "read": 3, "published": 3}
    error = {"what": "stream drops.customers", "cause": "it vanished", "remedy": "drop it again"}
    bad = {**empty_result("drops", "customers"), "status": "failed", "error": error}
    publish_stream_artifacts([good, bad], "slot 2026-11-22T00:00:00Z")
    with get_client(sync_client=True) as client:
        wanted = ArtifactFilter(key=ArtifactFilterKey(like_="stream-%"))
        found = {a.key: json.loads(str(a.data)) for a in client.read_artifacts(artifact_filter=wanted)}
    assert set(found) == {"stream-crm-time-entries", "stream-drops-customers"}
    assert found["stream-crm-time-entries"][0]["read"] == 3
    assert found["stream-drops-customers"][0]["error"] == "it vanished"


def test_register_makes_the_types_the_pool_and_its_variable_once(registered: list[dict[str, str]]) -> None:
    from prefect.client.orchestration import get_client

    from blocks.register import register

    assert [(row["kind"], row["name"], row["status"]) for row in registered] == [
        ("block type", "oltp-database", "created"),
        ("block type", "secret", "created"),
        ("block type", "aws-credentials", "created"),
        ("block type", "aws-secret", "created"),
        ("block type", "s3-bucket", "created"),
        ("block type", "snowflake-credentials", "created"),
        ("block type", "snowflake-connector", "created"),
        ("work pool", "hallmark-local", "created"),
        ("variable", "hallmark_work_pool", "created"),
        ("variable", "hallmark_code", "created"),
        ("automation", "hallmark: a run without a sign of life", "created"),
    ]
    assert {row["status"] for row in register()} == {"kept"}
    with get_client(sync_client=True) as client:
        pool = client.read_work_pool("hallmark-local")
    assert (pool.type, pool.concurrency_limit) == ("process", 1)


@pytest.mark.usefixtures("all_deployed")
def test_a_pool_of_kubernetes_takes_over_and_gives_back() -> None:
    """Run last of those that deploy: the variables decide where the deployments go."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
    from prefect_kubernetes import KubernetesWorker

    from blocks import pools
    from blocks.kubernetes import base_job_template
    from blocks.register import register

    with get_client(sync_client=True) as client:  # a worker was quicker than `register`
        theirs = KubernetesWorker.get_default_base_job_template()
        pool = WorkPoolCreate(name="hallmark-kubernetes", type="kubernetes", base_job_template=theirs)
        client.create_work_pool(pool)
    rows = register(pools.kubernetes("registry.example/hallmark:1", "data"))[-4:-1]
    assert [row["status"] for row in rows] == ["changed", "changed", "changed"]
    done = prefect("--no-prompt", "deploy", "--all")
    assert done.returncode == 0, done.stdout + done.stderr
    with get_client(sync_client=True) as client:
        template = client.read_work_pool("hallmark-kubernetes").base_job_template
        assert template == base_job_template("registry.example/hallmark:1", "data")
        properties = template["variables"]["properties"]
        assert properties["image"]["default"] == "registry.example/hallmark:1"
        for one in client.read_deployments():
            assert one.work_pool_name == "hallmark-kubernetes"
            assert set(one.job_variables) <= set(properties), one.name
            [step] = one.pull_steps or []
            assert list(step.values()) == [{"directory": "{{ prefect.variables.hallmark_code }}"}]
        template = client.read_work_pool("hallmark-kubernetes").base_job_template
        template["variables"]["properties"]["finished_job_ttl"]["default"] = 60
        ours = WorkPoolUpdate(base_job_template=template, concurrency_limit=7)
        client.update_work_pool("hallmark-kubernetes", ours)
        again = register(pools.kubernetes("registry.example/hallmark:2"))[-4:-1]
        assert [row["status"] for row in again] == ["changed", "kept", "kept"]
        pool = client.read_work_pool("hallmark-kubernetes")
        properties = pool.base_job_template["variables"]["properties"]
        defaults = [properties[name]["default"] for name in ("image", "namespace", "finished_job_ttl")]
        assert (pool.concurrency_limit, defaults) == (7, ["registry.example/hallmark:2", "data", 60])
    assert [row["status"] for row in register()[-4:-1]] == ["kept", "changed", "changed"]


@pytest.mark.usefixtures("registered")
def test_a_block_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.blocks.system import Secret

    from blocks.register import secret

    monkeypatch.setenv("HALLMARK_SLACK_TOKEN", "of-the-environment")
    settings = Settings.load()
    value = secret("slack_token", settings)
    assert value and value.get_secret_value() == "of-the-environment"
    Secret(value="of-the-block").save("hallmark-slack-token")
    value = secret("slack_token", settings)
    assert value and value.get_secret_value() == "of-the-block"
    assert "of-the-block" not in repr(value)
    assert secret("pagerduty_key", settings) is None
    with pytest.raises(ConfigurationError, match="slack_token"):
        secret("slack_tokn", settings)


@pytest.mark.usefixtures("registered")
def test_a_source_finds_its_url_in_a_block() -> None:
    from blocks.register import OltpDatabase, database_url

    OltpDatabase(url="postgresql://reader:hidden@127.0.0.1/crm").save("crm")
    assert database_url("oltp-database/crm").get_secret_value() == "postgresql://reader:hidden@127.0.0.1/crm"
    for missing in ("oltp-database/billing", "oltp-database", "secret/crm"):
        with pytest.raises(ConfigurationError, match="hallmark register"):
            database_url(missing)


def deployed() -> dict[str, dict[str, Any]]:
    """The deployments on the server, by `flow/deployment`."""
    from prefect.client.orchestration import get_client

    found = {}
    with get_client(sync_client=True) as client:
        flows = {flow.id: flow.name for flow in client.read_flows()}
        for d in client.read_deployments():
            limit, options = d.global_concurrency_limit, d.concurrency_options
            found[f"{flows[d.flow_id]}/{d.name}"] = {
                "entrypoint": d.entrypoint,
                "schedules": [
                    (s.slug, getattr(s.schedule, "cron", None), getattr(s.schedule, "timezone", None), s.active)
                    for s in d.schedules
                ],
                "tags": sorted(d.tags),
                "work_pool": d.work_pool_name,
                "limit": (limit and limit.limit, options and options.collision_strategy.value),
                "parameters": d.parameters,
                "description": d.description,
            }
    return found


def in_prefect_yaml() -> list[dict[str, Any]]:
    """The deployments as they are declared."""
    return list(yaml.safe_load((ROOT / "prefect.yaml").read_text("utf-8"))["deployments"])


def prefect(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command `prefect` in the root of the repository."""
    return subprocess.run(
        [sys.executable, "-m", "prefect", *arguments], cwd=ROOT, env=os.environ, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def flow_runs(wait: float) -> list[tuple[str, dict[str, Any]]]:
    """(deployment, parameters) of the flow runs that an automation made; the first within `wait` seconds."""
    from prefect.client.orchestration import get_client

    until = time.monotonic() + wait
    with get_client(sync_client=True) as client:
        names = {d.id: d.name for d in client.read_deployments()}
        while True:
            runs = [r for r in client.read_flow_runs() if r.deployment_id and not r.auto_scheduled]
            if runs or time.monotonic() > until:
                time.sleep(2 if runs else 0)  # another that should not come would come now
                runs = [r for r in client.read_flow_runs() if r.deployment_id and not r.auto_scheduled]
                return [(names[r.deployment_id], r.parameters) for r in runs if r.deployment_id]
            time.sleep(0.2)


def automations() -> list[str]:
    """Names of the server's automations."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        found = client.request("POST", "/automations/filter", json={}).json()
    return sorted(automation["name"] for automation in found)


def without_text(deployment: dict[str, Any]) -> dict[str, Any]:
    """A deployment without its description: wording may change."""
    return {key: value for key, value in deployment.items() if key != "description"}


@pytest.mark.usefixtures("all_deployed")
def test_doctor_says_what_a_server_lacks(tmp_path: Path) -> None:
    """After the tests above: all is deployed, and no worker was ever started."""
    from flows.doctor_prefect import checks
    from governance.errors import HallmarkError

    found = checks(Settings(home=tmp_path))
    for name in ("prefect", "pool", "blocks", "clock", "landing rights"):
        assert found[name](), name
    with pytest.raises(HallmarkError, match="no worker of it is online"):
        found["worker"]()
