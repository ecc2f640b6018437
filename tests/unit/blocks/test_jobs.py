"""The Job of a run that is stuck, by a server that answers as Kubernetes' API does, or fails."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from blocks.kubernetes import jobs
from governance.errors import ConfigurationError, HallmarkError, UnreachableError


@dataclass
class Api:
    """What it answers, and what it was asked."""

    answers: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    known = Api()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            path = self.path.partition("?")[0]
            known.asked.append((self.command, path, body))
            status, said = known.answers[self.command + " pods" * path.endswith("/pods")]
            words = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(words)))
            self.end_headers()
            self.wfile.write(words)

        do_GET = do_DELETE = do_POST = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    kubeconfig(tmp_path, f"http://127.0.0.1:{server.server_port}")
    yield known
    server.shutdown()
    server.server_close()


def kubeconfig(folder: Path, url: str) -> None:
    document = {
        "apiVersion": "v1", "kind": "Config", "current-context": "it",
        "clusters": [{"name": "it", "cluster": {"server": url}}], "users": [{"name": "it", "user": {}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
    }  # fmt: skip
    (folder / "kubeconfig").write_text(yaml.safe_dump(document))


def job(**status: Any) -> tuple[int, dict[str, Any]]:
    return 200, {"kind": "Job", "apiVersion": "batch/v1", "metadata": {"name": "a", "uid": "u-1"}, "status": status}


def over(condition: str, status: str = "True") -> dict[str, str]:
    return {"type": condition, "status": status}


@pytest.mark.parametrize(
    "status", [{"active": 1}, {"failed": 1}, {"terminating": 1}, {"conditions": [over("Failed", "False")]}, {}]
)
def test_a_job_that_may_make_another_pod_is_deleted(api: Api, status: dict[str, Any]) -> None:
    api.answers = {"GET": job(**status), "DELETE": (200, {"kind": "Status", "status": "Success"})}
    assert jobs.withdraw("hallmark:a")
    path = "/apis/batch/v1/namespaces/hallmark/jobs/a"
    assert [(verb, at) for verb, at, _ in api.asked] == [("GET", path), ("DELETE", path)]
    assert api.asked[1][2] == {"propagationPolicy": "Background", "preconditions": {"uid": "u-1"}}


@pytest.mark.parametrize(
    "answer", [job(conditions=[over("Failed")]), job(conditions=[over("Complete")]), (404, {"kind": "Status"})]
)
def test_a_job_that_is_over_keeps_its_logs(api: Api, answer: tuple[int, dict[str, Any]]) -> None:
    api.answers = {"GET": answer}
    assert not jobs.withdraw("hallmark:a")
    assert [verb for verb, *_ in api.asked] == ["GET"]


def pods(*statuses: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    return 200, {
        "kind": "PodList",
        "apiVersion": "v1",
        "metadata": {},
        "items": [{"metadata": {}, "status": s} for s in statuses],
    }


def held(reason: str, message: str | None = None) -> dict[str, Any]:
    container = {"name": "c", "image": "i", "imageID": "", "ready": False, "restartCount": 0}
    return {**container, "state": {"waiting": {"reason": reason, "message": message}}}


NOON = datetime(2026, 11, 22, 12, 0, 0, 500_000, tzinfo=UTC)
UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}


@pytest.mark.parametrize(
    ("status", "why", "hopeless"),
    [
        ({"containerStatuses": [held("ErrImagePull", "not there")]}, "ErrImagePull: not there", True),
        ({"containerStatuses": [held("CreateContainerConfigError")]}, "CreateContainerConfigError", True),
        ({"conditions": [UNSCHEDULABLE]}, "Unschedulable: 0/3 nodes", False),
        ({"containerStatuses": [held("ContainerCreating")]}, "its image is pulled, or", False),
    ],
)
def test_a_pod_that_waits_says_why(api: Api, status: dict[str, Any], why: str, hopeless: bool) -> None:
    api.answers = {"GET pods": pods({"phase": "Failed"}, {"phase": "Pending", **status})}
    found = jobs.waiting("hallmark:a", NOON)
    assert found and found.why.startswith(why) and found.hopeless is hopeless
    assert api.asked[0][:2] == ("GET", "/api/v1/namespaces/hallmark/pods")


@pytest.mark.parametrize(
    ("ready", "started", "begins"),
    [("True", "12:00:00", True), ("True", "11:59:59", False), ("False", "12:00:10", False)],
)
def test_a_pod_that_runs_may_still_begin(api: Api, ready: str, started: str, begins: bool) -> None:
    """One that ran before is not the next one, and of a lost node none is ready."""
    status = {"phase": "Running", "startTime": f"2026-11-22T{started}Z", "conditions": [over("Ready", ready)]}
    api.answers = {"GET pods": pods({"phase": "Failed"}, status)}
    found = jobs.waiting("hallmark:a", NOON)
    assert (found is not None and not found.hopeless) is begins


def test_who_may_not_is_told_what_gives_the_right(api: Api) -> None:
    api.answers = {"GET": (403, {"kind": "Status", "reason": "Forbidden"})}
    with pytest.raises(HallmarkError, match=r"Job a.*403.*hallmark-deliver"):
        jobs.withdraw("hallmark:a")


def test_the_rights_that_are_missing_are_named(api: Api) -> None:
    api.answers = {"POST": (201, {"kind": "SelfSubjectAccessReview", "spec": {}, "status": {"allowed": False}})}
    assert jobs.missing_rights("hallmark") == ["get jobs", "delete jobs", "list pods"]
    api.answers = {"POST": (201, {"kind": "SelfSubjectAccessReview", "spec": {}, "status": {"allowed": True}})}
    assert jobs.missing_rights("hallmark") == []


def test_a_cluster_that_does_not_answer(api: Api, tmp_path: Path) -> None:
    kubeconfig(tmp_path, "http://127.0.0.1:1")
    with pytest.raises(UnreachableError, match="the cluster"):
        jobs.withdraw("hallmark:a")


def test_a_kubeconfig_that_is_none(api: Api, tmp_path: Path) -> None:
    (tmp_path / "kubeconfig").write_text("{}")
    with pytest.raises(ConfigurationError, match="KUBECONFIG"):
        jobs.withdraw("hallmark:a")


def test_without_a_cluster_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    assert not jobs.reachable()
