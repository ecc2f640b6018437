"""What the roots for AWS and for Snowflake say of each other: neither reads the state of the other."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from blocks.kubernetes import base_job_template
from tests.terraform.access_support import Access
from tests.terraform.trees import ROOT, TERRAFORM, tree

pytestmark = pytest.mark.terraform
BY_HAND = {"snowflake_dashboards"}
"""Keys that a partner takes from a person alone: reminders are sent of them, and nothing rotates them."""


def values(environment: str, side: str) -> dict[str, Any]:
    """The terraform.tfvars of a root."""

    def bare(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: bare(item) for name, item in value.items()}
        return [bare(item) for item in value] if isinstance(value, list) else str(value).strip('"')

    [parsed] = tree(TERRAFORM / "environments" / environment / side / "terraform.tfvars").values()
    found: dict[str, Any] = bare(parsed)
    return found


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_the_key_of_each_service_user_is_a_secret_that_rotates(access: Callable[..., Access], environment: str) -> None:
    secrets = values(environment, "aws")["secrets"]
    prefix = values(environment, "snowflake")["prefix"]
    users = access()["users"]
    asked = {
        f"snowflake_{user.lower()}": (f"{prefix}_{user}", f"{prefix}_{row['role']}") for user, row in users.items()
    }
    rotated = {
        key: (secret["user"], secret["role"])
        for key, secret in secrets.items()
        if secret["kind"] == "snowflake_key_pair"
    }
    assert rotated == {key: row for key, row in asked.items() if key not in BY_HAND}
    assert {key: secrets[key]["kind"] for key in BY_HAND} == dict.fromkeys(BY_HAND, "token")


@pytest.mark.parametrize("account", ["flow", "ingest-crm", "transform", "deliver", "watch", "catalog"])
def test_a_pod_is_the_user_whose_key_its_role_may_read(account: str, access: Callable[..., Access]) -> None:
    """Of production's overlay; its files are what the output `settings` of the module snowflake gives."""
    overlay = ROOT / "deploy" / "kubernetes" / "production"
    [file] = [
        made["envs"][0]
        for made in yaml.safe_load((overlay / "kustomization.yaml").read_text("utf-8"))["configMapGenerator"]
        if made["name"] == f"hallmark-{account}"
    ]
    settings = dict(line.split("=", 1) for line in (overlay / file).read_text("utf-8").splitlines())
    user, prefix = settings["HALLMARK_WORKLOAD"], values("prod", "snowflake")["prefix"]
    row = access()["users"][user.upper()]
    assert settings["HALLMARK_SNOWFLAKE_USER"] == f"{prefix}_{user.upper()}"
    assert settings["HALLMARK_SNOWFLAKE_ROLE"] == f"{prefix}_{row['role']}"
    assert settings["HALLMARK_SNOWFLAKE_WAREHOUSE"] == f"{prefix}_{row['warehouse']}"
    assert settings.get("HALLMARK_SNOWFLAKE_PII_ROLE") in (None, f"{prefix}_PII_READER")
    role = {"flow": "batch", "ingest-crm": "ingest"}.get(account, account)
    assert role in values("prod", "aws")["secrets"][f"snowflake_{user}"]["readers"]


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_a_key_has_the_readers_that_work_as_its_user(environment: str) -> None:
    secrets = values(environment, "aws")["secrets"]
    readers = {key: secret["readers"] for key, secret in secrets.items() if key.startswith("snowflake_")}
    assert readers == {
        "snowflake_ingest": ["ingest"],
        "snowflake_batch": ["batch", "transform"],
        "snowflake_deliver": ["deliver"],
        "snowflake_watch": ["watch"],
        "snowflake_catalog": ["catalog"],
        "snowflake_dashboards": [],
    }


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_both_sides_speak_of_the_same_account_and_landing_zone(environment: str) -> None:
    aws, snowflake = values(environment, "aws"), values(environment, "snowflake")
    assert aws["snowflake_account"] == f"{snowflake['organization']}-{snowflake['account']}"
    bucket = f"{aws['name']}-landing-{aws['account_id']}"  # names of the module landing
    assert snowflake["landing"]["url"] == f"s3://{bucket}/{aws['landing_prefix']}/"
    assert snowflake["landing"]["role_arn"] == f"arn:aws:iam::{aws['account_id']}:role/{aws['name']}-snowflake"


def test_the_login_that_is_rotated_names_authorities_that_pods_have() -> None:
    text = (TERRAFORM / "lambda" / "rotation" / "postgres.py").read_text("utf-8")
    [path] = re.findall(r'^READERS_AUTHORITIES = "(.+)"$', text, re.M)
    folder, name = path.rsplit("/", 1)
    template = base_job_template()["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    [mount] = [m for m in template["containers"][0]["volumeMounts"] if m["mountPath"] == folder]
    [volume] = [v["configMap"]["name"] for v in template["volumes"] if v["name"] == mount["name"]]
    made = (ROOT / "docs" / "aws.md").read_text("utf-8")
    assert f"create configmap {volume} --from-file={name}=" in made
