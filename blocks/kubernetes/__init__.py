"""How a flow run becomes a Job of Kubernetes: the base job template of the work pool.

A pod that was killed (SIGKILL, out of memory, SIGTERM) is made again by the Job, up to `backoff_limit` times; one whose
node was lost or drained does not count; a program that cannot be started ends the Job. The flow run goes on in the new
pod where the ledger says that it stopped. An exception in a flow ends its pod with 0: Prefect knows of it. Prefect ends
with 1 after SIGTERM, so that the Job tries again. Where the process that runs the flow was killed it ends with 0, and
the run is Crashed: flows/stuck.py starts that one again. The containers share a process namespace, whose first process
(`pause`) reaps orphans: Prefect, as the first, does not, and after SIGTERM waits 30 s for a group of dead processes.
See https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-failure-policy
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).parent / "base-job-template.json"
CODE = "/opt/hallmark"
"""Where the code is in the image."""
HOME = "/scratch"
"""HALLMARK_HOME in a pod: it goes with the pod."""


def base_job_template(image: str | None = None, namespace: str | None = None) -> dict[str, Any]:
    """The template, with these as the defaults of its variables."""
    found: dict[str, Any] = json.loads(TEMPLATE.read_text("utf-8"))
    for name, value in (("image", image), ("namespace", namespace)):
        if value:
            found["variables"]["properties"][name]["default"] = value
    return found


def kept_defaults(wanted: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """The template `wanted`, with the defaults that a person set in the one that is there.

    What is given at registration is another default than the release's, and wins. A worker that started before the
    registration made the pool of Prefect's own template: nobody set that one's defaults.
    """
    release = base_job_template()["variables"]["properties"]
    there = found.get("variables", {}).get("properties", {})
    if "scratch_size" not in there:
        return wanted
    merged = copy.deepcopy(wanted)
    for name, variable in merged["variables"]["properties"].items():
        if "default" in there.get(name, {}) and variable.get("default") == release[name].get("default"):
            variable["default"] = there[name]["default"]
    return merged
