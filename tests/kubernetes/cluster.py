"""The cluster under test, asked by kubectl as an engineer would ask it."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from typing import Any

NAMESPACE = "-".join(filter(None, ("hallmark", os.environ.get("PYTEST_XDIST_WORKER"))))
"""Of the cases that share servers and a worker: those of one process of pytest."""
Object = dict[str, Any]


def kubectl(*arguments: str, given: str | None = None, check: bool = True, namespace: str = NAMESPACE) -> str:
    """What kubectl prints."""
    done = subprocess.run(
        ["kubectl", "--namespace", namespace, *arguments], input=given, capture_output=True, text=True, check=False,
        timeout=240,
    )  # fmt: skip
    assert done.returncode == 0 or not check, f"kubectl {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def apply(*objects: Object, namespace: str = NAMESPACE) -> None:
    """Make the objects, or change them."""
    given = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
    kubectl("apply", "--filename", "-", given=given, namespace=namespace)


def of_run(kind: str, run_id: str, namespace: str = NAMESPACE) -> list[Object]:
    """The pods or jobs of a flow run."""
    selected = ("get", kind, "--selector", f"prefect.io/flow-run-id={run_id}", "--output", "json")
    return list(json.loads(kubectl(*selected, namespace=namespace))["items"])


def pod(run_id: str) -> str:
    """The name of the one pod of a flow run that is not over."""
    found = [p for p in of_run("pods", run_id) if p["status"]["phase"] in ("Pending", "Running")]
    [alive] = [p for p in found if "deletionTimestamp" not in p["metadata"]]
    return str(alive["metadata"]["name"])


def next_pod(run_id: str, after: str, seconds: float = 150) -> str:
    """The pod of a run that follows on one that is over."""

    def ask() -> str:
        found = [p["metadata"] for p in of_run("pods", run_id) if p["metadata"]["name"] != after]
        return next((str(m["name"]) for m in found if "deletionTimestamp" not in m), "")

    return str(until(seconds, f"a pod after {after}", ask))


def until(seconds: float, what: str, ask: Callable[[], Any]) -> Any:
    """The first answer that is not empty; fails after so many seconds."""
    end = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.3)
    return answer


_ENGINES = """
import os, pathlib, signal
for one in pathlib.Path("/proc").glob("[0-9]*"):
    try:
        words = (one / "cmdline").read_bytes().split(b"\\0")
    except OSError:
        continue
    if int(one.name) != os.getpid() and any(word.startswith(b"prefect.") or b"engine" in word for word in words[1:]):
        os.kill(int(one.name), signal.SIGKILL)
        print(one.name)
"""


def kill_engine(name: str) -> None:
    """SIGKILL to the process of a pod that runs the flow, as the kernel does when memory is short."""
    assert kubectl("exec", name, "--", "python", "-c", _ENGINES).split(), "no such process"


def exit_codes(run_id: str) -> list[int]:
    """Of the containers of a run that ended."""
    found = [
        s["state"].get("terminated") for p in of_run("pods", run_id) for s in p["status"].get("containerStatuses", ())
    ]
    return [int(t["exitCode"]) for t in found if t]
