"""Every role: its applied policies read back, and requests that IAM allows and refuses by them."""

from __future__ import annotations

import copy
import json
import re
import shutil
from typing import Any

import pytest
import yaml

from tests.terraform.apps_support import NAME, REGION, ROOT, Applied
from tests.terraform.iam_support import ACCOUNT, Role, Try, decide, install, read_role, simulation

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.skipif(shutil.which("npm") is None, reason="needs node and npm"),
]
LANDING, DROPS = f"arn:aws:s3:::{NAME}-landing", f"arn:aws:s3:::{NAME}-drops"
LOAD = "ab012345-0000-5000-8000-000000000000"
IMAGES = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/hallmark"
SOURCES = tuple(yaml.safe_load((ROOT / "flows" / "sources.yml").read_text())["sources"])


def key(source: str, name: str = "part-0") -> str:
    return f"{LANDING}/prod/ab/{source}/t/{LOAD}/{name}"


def listing(prefix: str, **more: str) -> dict[str, str]:
    return {"s3:prefix": prefix, **more}


# secret:NAME and kms:NAME stand for ARNs that are known once they are applied.
ALLOWED = [
    *[Try(f"ingest_{s}", f"s3:{a}Object", key(s)) for s in SOURCES for a in ("Get", "Put", "Delete")],
    *[Try(f"ingest_{s}", "s3:ListBucket", LANDING, listing(f"prod/ab/{s}/t/{LOAD}/")) for s in SOURCES],
    Try("ingest_crm", "s3:AbortMultipartUpload", key("crm")),
    Try("ingest_crm", "s3:PutObject", f"{LANDING}/prod/staged/u/0/f.parquet"),
    Try("ingest_crm", "kms:GenerateDataKey", "kms:landing", {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}),
    Try("ingest_crm", "secretsmanager:GetSecretValue", "secret:crm"),
    Try("ingest_crm", "secretsmanager:GetSecretValue", "secret:snowflake"),
    Try("ingest_drops", "s3:GetObject", f"{DROPS}/drops/customers/a.csv"),
    Try("ingest_drops", "s3:ListBucket", DROPS, listing("drops/customers/")),
    Try("batch", "s3:GetObject", key("crm")),
    Try("batch", "s3:ListBucket", LANDING, listing("prod/", **{"s3:max-keys": "1"})),
    Try("batch", "s3:ListBucketMultipartUploads", LANDING),
    Try("batch", "s3:DeleteObject", f"{LANDING}/prod/staged/u/0/f.parquet"),
    Try("transform", "s3:ListBucket", LANDING, listing("prod/", **{"s3:max-keys": "1"})),
    Try("transform", "secretsmanager:GetSecretValue", "secret:snowflake"),
    Try("watch", "s3:GetObject", key("crm", "manifest.json")),
    Try("catalog", "s3:GetObject", key("crm", "manifest.json")),
    Try("watch", "s3:ListBucket", LANDING, listing(f"prod/ab/crm/t/{LOAD}/")),
    Try("deliver", "secretsmanager:GetSecretValue", "secret:slack"),
    Try("ci", "ecr:PutImage", IMAGES),
    Try("ci", "ecr:GetAuthorizationToken", "*"),
    Try("ci", "eks:DescribeCluster", f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/{NAME}"),
    Try("snowflake", "s3:GetObject", f"{LANDING}/prod/staged/u/0/f.parquet"),
    Try("snowflake", "s3:DeleteObject", f"{LANDING}/prod/staged/u/0/f.parquet"),
    Try("rotation", "secretsmanager:PutSecretValue", "secret:state"),
    Try("rotation", "secretsmanager:ListSecretVersionIds", "secret:slack"),
    Try("rotation", "secretsmanager:GetSecretValue", "secret:snowflake"),
    Try("rotation", "sns:Publish", f"arn:aws:sns:{REGION}:{ACCOUNT}:{NAME}-alerts"),
    Try("file_event", "sqs:ReceiveMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:{NAME}-file-event-arrived"),
    Try("file_event", "secretsmanager:GetSecretValue", "secret:prefect"),
]
OTHERS = [(s, o) for s in SOURCES for o in SOURCES if s != o]
FORBIDDEN = [
    *[Try(f"ingest_{s}", f"s3:{a}Object", key(o)) for s, o in OTHERS for a in ("Get", "Put", "Delete")],
    *[Try(f"ingest_{s}", "s3:ListBucket", LANDING, listing(f"prod/ab/{o}/")) for s, o in OTHERS],
    # A stream, or a load's file, that is named as another source.
    Try("ingest_crm", "s3:GetObject", f"{LANDING}/prod/ab/ads/crm/{LOAD}/part-0"),
    Try("ingest_crm", "s3:GetObject", f"{LANDING}/prod/abc/crm/t/{LOAD}/part-0"),
    Try("ingest_crm", "s3:GetObject", f"{LANDING}/other/ab/crm/t/{LOAD}/part-0"),
    Try("ingest_crm", "s3:ListBucket", LANDING, listing("prod/")),
    Try("ingest_crm", "s3:ListBucket", LANDING),
    Try("ingest_crm", "s3:GetObject", f"{LANDING}/prod/staged/u/0/f.parquet"),
    Try("ingest_crm", "s3:GetObjectVersion", key("crm")),
    Try("ingest_crm", "s3:DeleteObjectVersion", key("crm")),
    Try("ingest_crm", "s3:GetObject", f"{DROPS}/drops/customers/a.csv"),
    Try("ingest_drops", "s3:GetObject", f"{DROPS}/mailroom/a.eml"),
    Try("ingest_drops", "s3:PutObject", f"{DROPS}/drops/customers/a.csv"),
    Try("ingest_crm", "kms:Decrypt", "kms:landing"),  # by hand, not by S3
    Try("ingest_crm", "secretsmanager:GetSecretValue", "secret:slack"),
    Try("ingest_ads", "secretsmanager:GetSecretValue", "secret:crm"),
    Try("batch", "s3:DeleteObjectVersion", key("crm")),
    Try("batch", "s3:PutObject", f"arn:aws:s3:::{NAME}-archive/x"),
    Try("batch", "s3:GetObject", f"{LANDING}/prod/staged/u/0/f.parquet"),
    Try("transform", "s3:GetObject", key("crm")),
    Try("transform", "s3:ListBucket", LANDING, listing("prod/", **{"s3:max-keys": "1000"})),
    Try("watch", "s3:GetObject", key("crm")),
    Try("catalog", "s3:GetObject", key("crm")),
    Try("watch", "s3:PutObject", key("crm", "manifest.json")),
    *[Try("deliver", f"s3:{a}Object", key(s)) for s in SOURCES for a in ("Get", "Put", "Delete")],
    Try("deliver", "s3:ListBucket", LANDING, listing("prod/")),
    Try("deliver", "secretsmanager:GetSecretValue", "secret:snowflake"),
    Try("ci", "ecr:PutImage", IMAGES + "-other"),
    Try("ci", "s3:GetObject", key("crm")),
    Try("ci", "secretsmanager:GetSecretValue", "secret:snowflake"),
    Try("snowflake", "s3:GetObject", key("crm")),
    Try("snowflake", "s3:PutObject", f"{LANDING}/prod/staged/u/0/f.parquet"),
    Try("rotation", "secretsmanager:GetSecretValue", "secret:slack"),
    Try("rotation", "secretsmanager:DeleteSecret", "secret:state"),
    Try("rotation", "s3:GetObject", key("crm")),
    Try("file_event", "s3:GetObject", f"{DROPS}/drops/customers/a.csv"),
    Try("file_event", "secretsmanager:GetSecretValue", "secret:crm"),
    Try("file_event", "sqs:PurgeQueue", f"arn:aws:sqs:{REGION}:{ACCOUNT}:{NAME}-file-event-arrived"),
    *[Try(r, "iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/{NAME}-{r}") for r in ("batch", "ci", "rotation")],
    *[Try(r, "sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/{NAME}-batch") for r in ("deliver", "ci", "file_event")],
]


class World:
    """The roles, and the ARNs that were not known before."""

    def __init__(self, apps: Applied) -> None:
        install()
        self.apps, prefix = apps, f"arn:aws:iam::{ACCOUNT}:role/{NAME}-"
        extra = apps.outputs["other_role_arns"] | {"snowflake": f"{prefix}snowflake"}
        lambdas = {"rotation": f"{prefix}rotation", "file_event": f"{prefix}file-event"}
        every = apps.outputs["role_arns"] | extra | lambdas
        self.roles = {name: read_role(apps, arn) for name, arn in every.items()}
        keys = apps.client("kms")
        self.keys = {k["KeyArn"]: keys.describe_key(KeyId=k["KeyArn"])["KeyMetadata"] for k in keys.list_keys()["Keys"]}

    def simulated(self, one: Try, role: Role | None = None) -> dict[str, Any]:
        kind, _, name = one.resource.partition(":")
        resource, policy = one.resource, None
        if kind == "secret":
            resource = self.apps.outputs["secret_arns"][name]
            found = self.apps.client("secretsmanager").get_resource_policy(SecretId=resource)
            policy = json.loads(found["ResourcePolicy"])
        elif kind == "kms":
            [resource] = [arn for arn, key in self.keys.items() if "landing" in key["Description"]]
            found = self.apps.client("kms").get_key_policy(KeyId=resource, PolicyName="default")
            policy = json.loads(found["Policy"])
        known = Try(one.role, one.action, resource, one.context)
        return simulation(role or self.roles[one.role], known, policy)


@pytest.fixture(scope="module")
def world(apps: Applied) -> World:
    return World(apps)


def test_every_role_may_do_what_its_pods_do(world: World) -> None:
    decisions = decide([world.simulated(one) for one in ALLOWED])
    assert [(one, d) for one, d in zip(ALLOWED, decisions, strict=True) if d != "Allowed"] == []
    assert {one.role for one in ALLOWED} == set(world.roles), "a role without an allowed request"


def test_no_role_may_do_more(world: World) -> None:
    decisions = decide([world.simulated(one) for one in FORBIDDEN])
    assert [(one, d) for one, d in zip(FORBIDDEN, decisions, strict=True) if d == "Allowed"] == []
    assert {one.role for one in FORBIDDEN} == set(world.roles), "a role without a refused request"


def test_a_star_in_the_place_of_the_hex_digits_would_be_found(world: World) -> None:
    """The evaluation can fail: with a looser policy the refused request is allowed."""
    one = Try("ingest_crm", "s3:GetObject", f"{LANDING}/prod/ab/ads/crm/{LOAD}/part-0")
    role = copy.deepcopy(world.roles["ingest_crm"])
    loose = json.loads(json.dumps(role.policies).replace("/??/", "/*/"))
    assert decide([world.simulated(one), world.simulated(one, Role(role.arn, loose, role.boundary, role.trust))]) == [
        "ImplicitlyDenied", "Allowed",
    ]  # fmt: skip


def test_a_boundary_holds_whatever_is_attached(world: World) -> None:
    every = {"all": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}}
    tries = [
        Try("batch", "iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/x"),
        Try("batch", "secretsmanager:PutSecretValue", "secret:state"),
        Try("batch", "s3:DeleteObject", f"arn:aws:s3:::{NAME}-archive/x"),
        Try("batch", "s3:DeleteObjectVersion", key("crm")),
        Try("batch", "s3:GetObject", "arn:aws:s3:::another-bucket/x"),
        Try("rotation", "iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/x"),
        Try("rotation", "s3:GetObject", key("crm")),
        Try("rotation", "secretsmanager:DeleteSecret", "secret:state"),
    ]
    wide = {name: Role(r.arn, every, r.boundary, r.trust) for name, r in world.roles.items()}
    assert "Allowed" not in decide([world.simulated(one, wide[one.role]) for one in tries])
    assert decide([world.simulated(Try("batch", "s3:GetObject", key("crm")), wide["batch"])]) == ["Allowed"]


def test_a_secret_refuses_who_is_not_one_of_its_readers(world: World) -> None:
    """Whatever IAM grants, to an administrator too."""
    every = {"all": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}}
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    admin = Role(f"arn:aws:iam::{ACCOUNT}:role/Administrator", every, allow, {})
    reader = Role(world.roles["ingest_ads"].arn, every, allow, {})
    one = Try("", "secretsmanager:GetSecretValue", "secret:snowflake")
    assert decide([world.simulated(one, admin), world.simulated(one, reader)]) == ["ExplicitlyDenied", "Allowed"]


@pytest.mark.parametrize(
    "role", [*(f"ingest_{s}" for s in SOURCES), "transform", "deliver", "watch", "catalog", "batch"]
)
def test_a_role_is_for_one_service_account(world: World, role: str) -> None:
    [statement] = world.roles[role].trust["Statement"]
    account = world.apps.outputs["service_accounts"][role]
    issuer = "oidc.eks.eu-central-1.amazonaws.com/id/ABC"
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Principal"] == {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}"}
    assert statement["Condition"] == {
        "StringEquals": {
            f"{issuer}:sub": f"system:serviceaccount:hallmark:{account}", f"{issuer}:aud": "sts.amazonaws.com",
        }
    }  # fmt: skip


def test_only_main_of_the_repository_is_ci(world: World) -> None:
    [statement] = world.roles["ci"].trust["Statement"]
    claims = statement["Condition"]["StringEquals"]
    assert set(statement["Condition"]) == {"StringEquals"}
    assert claims["token.actions.githubusercontent.com:sub"] == "repo:acme/hallmark:ref:refs/heads/main"


def test_snowflake_is_trusted_by_its_external_id(world: World) -> None:
    [statement] = world.roles["snowflake"].trust["Statement"]
    assert statement["Principal"] == {"AWS": "arn:aws:iam::210987654321:user/snowflake"}
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": "ACME_SFCRole=2_x"}}


def test_no_action_is_a_wildcard_and_a_resource_only_where_the_module_says_why(world: World) -> None:
    found = set()
    for name, role in world.roles.items():
        for policy in (*role.policies.values(), role.boundary):
            for statement in policy["Statement"]:
                actions, resources = (
                    x if isinstance(x, list) else [x] for x in (statement["Action"], statement["Resource"])
                )
                assert not [a for a in actions if "*" in a or "?" in a], (name, statement)
                if "*" in resources:
                    found |= set(actions)
    assert found == {
        "ecr:GetAuthorizationToken", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
    }  # fmt: skip


def test_the_roles_are_those_of_the_contract(world: World) -> None:
    assert set(world.apps.outputs["role_arns"]) == {
        *(f"ingest_{s}" for s in SOURCES), "transform", "deliver", "watch", "ci",
    }  # fmt: skip
    assert all(
        re.fullmatch(rf"arn:aws:iam::{ACCOUNT}:role/[\w-]+", a) for a in world.apps.outputs["role_arns"].values()
    )
