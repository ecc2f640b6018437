"""The modules identity, secrets and events, applied to moto by Terraform in a copy of what they need."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

ROOT = Path(__file__).resolve().parents[2]
REGION = "eu-central-1"
NAME = "hallmark-test"
MIRROR = "HALLMARK_TERRAFORM_MIRROR"
"""A folder with registry.terraform.io/hashicorp/aws/…; without one Terraform asks the registry."""

# The provider waits for minutes until a database, a balancer or a queue is there, whatever answers: so for all at once.
ALL_AT_ONCE = ("-auto-approve", "-input=false", "-parallelism=30")


@dataclass
class Applied:
    """What Terraform made."""

    url: str
    """Where moto is."""
    folder: Path
    """The root that was applied."""
    outputs: dict[str, Any]

    def client(self, service: str, **login: str) -> Any:
        """As whoever applied, or by a login."""
        given = login or {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        return boto3.client(service, region_name=REGION, endpoint_url=self.url, **given)


def mirror() -> str | None:
    """A folder of providers, where one is set or lies in /opt."""
    found = [str(path.parent) for path in Path("/opt").glob("*/registry.terraform.io")]
    return os.environ.get(MIRROR) or (found[0] if found else None)


def dist(to: Path) -> Path:
    """The archives of the Lambdas, made by `make lambda` or anew."""
    made = ROOT / "terraform" / "lambda" / "dist"
    if not made.is_dir():
        return archives(to)
    return made


def archives(to: Path) -> Path:
    """The archives, in a folder."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("build", ROOT / "terraform" / "lambda" / "build.py")
    assert spec and spec.loader
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    build.main(to)
    return to


@contextlib.contextmanager
def applied(folder: Path, url: str) -> Iterator[Applied]:
    """The root tests/terraform/apps applied to a moto, with which it goes."""
    for part in ("terraform/modules", "tests/terraform/apps"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
    (folder / "flows").mkdir()
    shutil.copy(ROOT / "flows" / "sources.yml", folder / "flows")
    root = folder / "tests" / "terraform" / "apps"
    # Lambda's functions are not run by moto, which needs Docker for it.
    post(f"{url}/moto-api/config", {"lambda": {"use_docker": False}})
    terraform(root, "init", "-input=false", *([f"-plugin-dir={found}"] if (found := mirror()) else []))
    given = [f"-var=endpoint={url}", f"-var=lambda_dist={dist(folder / 'dist')}"]
    with first_values(url):
        terraform(root, "apply", *ALL_AT_ONCE, *given)
    outputs = json.loads(terraform(root, "output", "-json"))
    yield Applied(url, root, {name: found["value"] for name, found in outputs.items()})


def terraform(root: Path, *arguments: str) -> str:
    """What Terraform prints."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TF_"))}
    environment |= {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1", "AWS_EC2_METADATA_DISABLED": "true"}
    done = subprocess.run(
        ["terraform", f"-chdir={root}", *arguments, *(["-no-color"] if arguments[0] != "output" else [])],
        env=environment, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, f"terraform {arguments[0]}: {done.stderr[-3000:]}"
    return done.stdout


@contextlib.contextmanager
def first_values(url: str) -> Iterator[None]:
    """An empty object in each new secret: moto fails when rotation is configured of one without a value."""
    client = boto3.client(
        "secretsmanager", region_name=REGION, endpoint_url=url, aws_access_key_id="a", aws_secret_access_key="b"
    )
    over = threading.Event()

    def fill() -> None:
        while not over.wait(0.1):
            for secret in client.list_secrets()["SecretList"]:
                if not secret.get("SecretVersionsToStages"):
                    client.put_secret_value(SecretId=secret["ARN"], SecretString="{}")

    thread = threading.Thread(target=fill)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def post(url: str, body: object) -> None:
    """A request to moto's own API."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=10).close()
