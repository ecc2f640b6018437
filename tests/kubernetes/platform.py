"""deploy/kubernetes as docs/kubernetes.md applies it: Prefect's server, the worker and `deliver` as pods.

The flows' peers stay outside. Pods find the server by its pod's address and the API server by that of KUBECONFIG: a
cluster of tests may have neither names nor services.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import yaml
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from tests.kubernetes.cluster import apply, kubectl, until
from tests.kubernetes.world import Home
from tests.prefect_api import answers

ROOT = Path(__file__).resolve().parents[2]
MANIFESTS = ROOT / "deploy" / "kubernetes"
NAMESPACE = "hallmark"
AT_WORK = ("hallmark-worker", "hallmark-deliver")


@dataclass
class Platform:
    """What is applied, for the databases of a home."""

    home: Home
    image: str
    folder: Path

    def apply(self, server: str, at_work: int) -> None:
        """The manifests with settings of this place; `at_work` of the worker and of `deliver` each."""
        name, _, tag = self.image.rpartition(":")
        host = urlsplit(kubectl("config", "view", "--minify", "--output", "jsonpath={.clusters[0].cluster.server}"))
        api = {"KUBERNETES_SERVICE_HOST": host.hostname, "KUBERNETES_SERVICE_PORT": str(host.port)}
        added = [{"name": k, "value": v} for k, v in api.items()]
        settings = {"name": "hallmark-settings", "behavior": "merge"}
        literals = [f"{k}={v}" for k, v in {**self.home.settings, "PREFECT_API_URL": server}.items()]
        deployment = {"apiVersion": "apps/v1", "kind": "Deployment"}
        data = [{"name": "data", "emptyDir": {}, "persistentVolumeClaim": None}]  # no storage class is asked for
        specs: dict[str, Any] = {
            name: {"template": {"spec": {"containers": [{"name": name.partition("-")[2], "env": added}]}}}
            for name in AT_WORK
        } | {"prefect-server": {"template": {"spec": {"volumes": data}}}}
        claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "prefect-server"}}
        kustomization: dict[str, Any] = {
            "namespace": NAMESPACE,
            "resources": [os.path.relpath(MANIFESTS / "base", self.folder)],
            "images": [{"name": "hallmark", "newName": name, "newTag": tag}],
            "replicas": [{"name": name, "count": at_work} for name in AT_WORK],
            "configMapGenerator": [{**settings, "literals": literals}],
            "patches": [
                {"patch": json.dumps({**deployment, "metadata": {"name": name}, "spec": spec})}
                for name, spec in specs.items()
            ]
            + [{"patch": json.dumps({"$patch": "delete", **claim})}],
        }  # fmt: skip
        (self.folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization, sort_keys=False))
        kubectl("apply", "--kustomize", str(self.folder), namespace=NAMESPACE)

    def rolled_out(self, *names: str) -> None:
        """Wait until these are as they are to be."""
        for name in names:
            kubectl("rollout", "status", f"deployment/{name}", "--timeout=200s", namespace=NAMESPACE)

    def start(self) -> None:
        """Secrets, server, then the rest, as the steps 1 and 2 say."""
        kubectl("apply", "--filename", str(MANIFESTS / "base" / "namespace.yaml"))
        with psycopg.connect(f"{self.home.peers.postgres}/postgres", autocommit=True) as server:
            server.execute("CREATE DATABASE prefect")
        database = re.sub(r"^\w+:", "postgresql+asyncpg:", f"{self.home.peers.postgres}/prefect")
        auth = self.home.secrets["PREFECT_API_AUTH_STRING"]
        for name, values in {
            "hallmark-server": {"database-url": database, "auth-string": auth},
            "hallmark-secrets": self.home.secrets,
        }.items():
            secret = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": name}, "stringData": values}
            apply(secret, namespace=NAMESPACE)
        self.apply("http://not-yet:4200/api", at_work=0)
        self.rolled_out("prefect-server")
        of_server = ("--selector", "app.kubernetes.io/name=prefect-server")
        address = kubectl(
            "get", "pods", *of_server, "--output", "jsonpath={.items[0].status.podIP}", namespace=NAMESPACE
        )
        self.apply(f"http://{address}:4200/api", at_work=1)
        self.rolled_out("hallmark-worker")  # which makes a pool of Prefect's own template

    @contextmanager
    def reached(self) -> Iterator[dict[str, str]]:
        """Prefect's API from this machine, for this process and as variables for others."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        words = ["kubectl", "--namespace", NAMESPACE, "port-forward", "service/prefect-server", f"{port}:4200"]
        url, auth = f"http://127.0.0.1:{port}/api", self.home.secrets["PREFECT_API_AUTH_STRING"]
        with subprocess.Popen(words, stdout=subprocess.DEVNULL) as forward:
            try:
                until(60, f"{url} answers", lambda: answers(url))
                with temporary_settings({PREFECT_API_URL: url, PREFECT_API_AUTH_STRING: auth}):
                    yield {"PREFECT_API_URL": url, "PREFECT_API_AUTH_STRING": auth}
            finally:
                forward.terminate()

    def register(self, environment: dict[str, str]) -> None:
        """Step 3."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("HALLMARK_", "PREFECT_"))}
        hallmark = Path(sys.executable).with_name("hallmark")
        for words in (
            [str(hallmark), "register", "--server", "--kubernetes", "--image", self.image],
            [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"],
        ):
            done = subprocess.run(
                words, cwd=ROOT, env={**kept, **environment, "DO_NOT_TRACK": "1", "HALLMARK_HOME": str(self.folder)},
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr
