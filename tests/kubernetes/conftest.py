"""One cluster; for each process of pytest a namespace, a set of servers beside it and a worker; for each case a home.

KUBECONFIG and HALLMARK_TEST_IMAGE name the cluster and an image that it has; HALLMARK_TEST_HOST is the address at
which its pods reach this machine.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from flows.context import SOURCES
from tests.kubernetes.cluster import NAMESPACE, apply, kubectl
from tests.kubernetes.deploy import deploy
from tests.kubernetes.peers import BUCKET, Peers, peers
from tests.kubernetes.world import STREAM, Home, Worker, ingesting

ACCOUNTS = Path(__file__).resolve().parents[2] / "deploy" / "kubernetes" / "base" / "accounts.yaml"
MEASURED = "in the middle of a run"
STREAMS = {"crm": ["teams", "people"], "drops": ["invoices"]}


@pytest.fixture(scope="session")
def image() -> str:
    """The image of the pods."""
    if not (os.environ.get("KUBECONFIG") and os.environ.get("HALLMARK_TEST_IMAGE")):
        pytest.skip("no KUBECONFIG and HALLMARK_TEST_IMAGE: `make kubernetes` starts a cluster where it can")
    return os.environ["HALLMARK_TEST_IMAGE"]


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two of the sample's sources, a table and files: the fewer models stand on them, the more cases there can be."""
    path = tmp_path_factory.mktemp("sources") / "sources.yml"
    declared = yaml.safe_load(SOURCES.read_text("utf-8"))
    whole = declared["sources"]
    declared["sources"] = {name: whole[name] for name in STREAMS}
    for name, streams in STREAMS.items():
        whole[name]["streams"] = {stream: whole[name]["streams"][stream] for stream in streams}
    path.write_text(yaml.safe_dump(declared, sort_keys=False))
    return path


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source of one stream with many files."""
    path = tmp_path_factory.mktemp("shards") / "shards.yml"
    stream = {
        "kind": "files",
        "root": f"s3://{BUCKET}/till",
        "owner": "finance",
        "streams": {"sales": {"path": "*.csv", "settle": "0s"}},
    }
    path.write_text(yaml.safe_dump({"sources": {"till": stream}}, sort_keys=False))
    return path


@pytest.fixture(scope="session")
def outside(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peers]:
    """The servers, and the namespace that tells pods of them."""
    apply({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": NAMESPACE}})
    host = os.environ.get("HALLMARK_TEST_HOST", "10.85.0.1")
    with peers(host, tmp_path_factory.mktemp("peers")) as found:
        settings = {
            PREFECT_API_URL: found.prefect.url,
            PREFECT_API_AUTH_STRING: found.secrets["PREFECT_API_AUTH_STRING"],
        }
        with temporary_settings(settings):
            yield found


@pytest.fixture(scope="session")
def clean(outside: Peers, sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """An ingest of the stream that the cases share, that nothing befalls, on this machine; it goes on."""
    home = Home("clean", outside).make()
    home.process = home.locally(ingesting(**STREAM), sources, tmp_path_factory.mktemp("clean"))
    return home


@pytest.fixture(scope="session")
def worker(
    outside: Peers, clean: Home, image: str, sources: Path, shards: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Worker]:
    """The pool and the deployments, and a worker at work; meanwhile the clean ingest comes to its end."""
    apply(
        *[o for o in yaml.safe_load_all(ACCOUNTS.read_text()) if o["kind"] == "ServiceAccount"],
        {
            "kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "hallmark-sources"},
            "data": {file.name: file.read_text() for file in (sources, shards)},
        },
    )  # fmt: skip
    deploy(image, outside)
    made = Worker(outside, tmp_path_factory.mktemp("worker"))
    made.start()
    assert clean.process and clean.process.wait(300) == 0
    yield made
    made.kill()
    kubectl("delete", "jobs,pods", "--all", "--grace-period=1", "--wait=false", check=False)


@pytest.fixture
def home(
    request: pytest.FixtureRequest,
    clean: Home,
    outside: Peers,
    worker: Worker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Home]:
    """The home of this test, beside which `hallmark deliver --follow` is at work."""
    outside.snowflake.clear()
    name = re.sub(r"\W+", "_", request.node.name.removeprefix("test_")).strip("_")[:40]
    made = Home(name, outside).make()
    with made.delivering(tmp_path_factory.mktemp("deliver")):
        yield made
    outside.snowflake.clear()
    for run_id in made.started:
        kubectl("delete", "jobs", "--selector", f"prefect.io/flow-run-id={run_id}", "--wait=false", check=False)


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Keeps what was measured; it is printed at the end as the table of docs/kubernetes.md."""
    return lambda *line: request.node.user_properties.append((MEASURED, f"| {' | '.join(line)} |"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table, of the cases that passed."""
    passed = [r for r in terminalreporter.stats.get("passed", []) if r.when == "call"]
    lines = [line for report in passed for name, line in report.user_properties if name == MEASURED]
    if lines:
        terminalreporter.write_line(
            "\n".join(["", "| in the middle of a run | result |", "| --- | --- |", *sorted(lines)])
        )
