"""The manifests of deploy/kubernetes, as kubectl renders them: who may do what, what is kept where, no secret."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.settings import Settings as PrefectSettings

from blocks.kubernetes import base_job_template
from blocks.settings import Settings

ROOT = Path(__file__).resolve().parents[2] / "deploy" / "kubernetes"
pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl")
Objects = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(scope="module", params=["base", "production"])
def objects(request: pytest.FixtureRequest) -> Objects:
    return rendered(request.param)


def rendered(folder: str) -> Objects:
    """The objects of a kustomization, by kind and name."""
    done = subprocess.run(["kubectl", "kustomize", ROOT / folder], capture_output=True, text=True, check=True)
    return {(o["kind"], o["metadata"]["name"]): o for o in yaml.safe_load_all(done.stdout)}


def pods(objects: Objects) -> dict[str, dict[str, Any]]:
    found = {name: o["spec"]["template"]["spec"] for (kind, name), o in objects.items() if kind == "Deployment"}
    doctor = objects["CronJob", "hallmark-doctor"]["spec"]
    assert doctor["suspend"]
    return {**found, "hallmark-doctor": doctor["jobTemplate"]["spec"]["template"]["spec"]}


def settings_of(objects: Objects, account: str | None = None) -> dict[str, str]:
    """The variables of all pods; those of the account's own come after them."""
    own = objects["ConfigMap", account]["data"] if account else {}
    return {**objects["ConfigMap", "hallmark-settings"]["data"], **own}


def test_every_pod_is_as_little_trusted_as_it_can_be(objects: Objects) -> None:
    assert pods(objects)
    for name, pod in pods(objects).items():
        assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] == 10001, name
        for container in (*pod.get("initContainers", ()), *pod["containers"]):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
            }, name  # fmt: skip
            assert container["resources"]["limits"]["memory"] and container["resources"]["requests"]["cpu"], name


def test_every_pod_says_how_it_is(objects: Objects) -> None:
    for name, pod in pods(objects).items():
        if pod.get("restartPolicy") != "Never":
            assert {"livenessProbe", "startupProbe"} <= set(pod["containers"][0]), name


def test_the_worker_and_who_ends_stuck_runs_may_ask_the_api_server_and_only_for_jobs(objects: Objects) -> None:
    accounts = {
        name: o.get("automountServiceAccountToken") for (k, name), o in objects.items() if k == "ServiceAccount"
    }
    may = {"hallmark-worker": {"create", "delete"}, "hallmark-deliver": {"delete"}}
    assert {name for name, mounted in accounts.items() if mounted is not False} == set(may)
    for name, verbs in may.items():
        rules = objects["Role", name]["rules"]
        written = [(r, v) for rule in rules for r in rule["resources"] for v in rule["verbs"]]
        assert {(r, v) for r, v in written if v not in ("get", "list", "watch")} == {("jobs", v) for v in verbs}
        assert not [r for rule in rules for r in (*rule["verbs"], *rule["resources"]) if r == "*"]


def test_a_release_may_change_what_there_is_and_reads_no_secret(objects: Objects) -> None:
    rules = objects["Role", "hallmark-release"]["rules"]
    kinds = {"deployments": "Deployment", "cronjobs": "CronJob"}
    named = {(kinds[r], name) for rule in rules for r in rule["resources"] for name in rule.get("resourceNames", ())}
    assert named == {key for key in objects if key[0] in kinds.values()}
    assert {r for rule in rules for r in rule["resources"] if "resourceNames" not in rule} == {"jobs"}


def test_no_manifest_holds_a_secret(objects: Objects) -> None:
    assert not [key for key in objects if key[0] == "Secret"]
    secret = {f"HALLMARK_{n.upper()}" for n, f in Settings.model_fields.items() if "SecretStr" in str(f.annotation)}
    maps = [o["data"] for (kind, _), o in objects.items() if kind == "ConfigMap"]
    assert maps and not [name for found in maps for name in found if name in secret]
    for name, pod in pods(objects).items():
        for container in (*pod.get("initContainers", ()), *pod["containers"]):
            plain = {e["name"] for e in container.get("env", ()) if "value" in e}
            assert not [n for n in plain if n in secret or n.endswith(("AUTH_STRING", "API_KEY", "PASSWORD"))], name


def test_the_settings_are_those_that_there_are(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings_of(objects).items():
        if name.startswith("HALLMARK_"):
            monkeypatch.setenv(name, value)
    assert Settings.load().shard_executor == "deployment"


def test_pods_of_flows_go_where_the_manifests_say(objects: Objects) -> None:
    variables = base_job_template()["variables"]["properties"]
    assert ("Namespace", variables["namespace"]["default"]) in objects
    assert ("ServiceAccount", variables["service_account_name"]["default"]) in objects
    assert ("PodDisruptionBudget", "hallmark-worker") in objects
    nothing = objects["NetworkPolicy", "nothing-by-default"]["spec"]
    assert nothing == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_each_deployment_has_an_account_that_is_there(objects: Objects) -> None:
    deployments = yaml.safe_load((ROOT.parents[1] / "prefect.yaml").read_text())["deployments"]
    accounts = {d["name"]: d["work_pool"]["job_variables"].get("service_account_name") for d in deployments}
    assert {("ServiceAccount", account) for account in accounts.values() if account} <= set(objects)
    ingests = {name: account for name, account in accounts.items() if name.startswith("ingest-")}
    assert ingests == {name: f"hallmark-{name.replace('_', '-')}" for name in ingests}, "one for each source"
    assert {name for name, account in accounts.items() if not account} == {"batch", "shard", "backfill"}


def test_production_has_every_setting_that_a_batch_needs() -> None:
    settings = settings_of(rendered("production"), "hallmark-flow")
    docs = ROOT.parents[1] / "docs"
    secrets = set(re.findall(r"--from-\w+=(\w+)=", (docs / "kubernetes.md").read_text()))
    sources = (ROOT.parents[1] / "flows" / "sources.yml").read_text()
    named = {name for line in sources.splitlines() if "#" not in line for name in re.findall(r"\$\{(\w+)\}", line)}
    assert named and named <= set(settings) | secrets
    [step] = re.findall(r"cat > hallmark.env <<EOF\n(.*?)\nEOF", (docs / "production.md").read_text(), re.S)
    wanted = dict(re.findall(r"(\w+)=(\S+)", step))
    assert set(wanted) <= set(settings) | secrets
    for name in ("HALLMARK_SNOWFLAKE_USER", "HALLMARK_SNOWFLAKE_ROLE", "HALLMARK_SNOWFLAKE_WAREHOUSE"):
        assert settings[name] == wanted[name], name


def test_in_production_every_pod_of_an_account_has_what_is_the_accounts_own() -> None:
    objects = rendered("production")
    accounts = {name for kind, name in objects if kind == "ServiceAccount"} - {"prefect-server", "hallmark-worker"}
    for account in accounts:
        settings = {
            name: value for name, value in settings_of(objects, account).items() if name.startswith("HALLMARK_")
        }
        assert set(settings) <= {f"HALLMARK_{name.upper()}" for name in Settings.model_fields}, account
        assert settings["HALLMARK_WORKLOAD"] == settings["HALLMARK_SNOWFLAKE_USER"].removeprefix("HALLMARK_").lower()
    for pod in pods(objects).values():
        account = pod["serviceAccountName"]
        if account in accounts:
            own = {"name": account, "optional": True}
            assert pod["containers"][0]["envFrom"][2:] == [{"configMapRef": own}, {"secretRef": own}]


def test_in_production_no_two_accounts_have_one_role() -> None:
    found = [o for (kind, _), o in rendered("production").items() if kind == "ServiceAccount"]
    roles = [r for o in found if (r := o["metadata"].get("annotations", {}).get("eks.amazonaws.com/role-arn"))]
    assert len(roles) == len(set(roles)) == len(found) - 2, "all but those of the server and the worker"


def test_the_server_forgets_old_runs(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    [found] = [o["data"] for (kind, name), o in objects.items() if kind == "ConfigMap" and name.startswith("prefect-")]
    for name, value in found.items():
        if name.startswith("PREFECT_"):
            monkeypatch.setenv(name, value)
    server = PrefectSettings().server
    assert server.services.db_vacuum.enabled == {"events", "flow_runs", "orphans"}
    kept = (server.services.db_vacuum.retention_period, server.events.retention_period)
    assert kept == (timedelta(days=90), timedelta(days=7))
