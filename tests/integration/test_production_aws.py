"""The shell commands of docs/production.md, executed by bash and the AWS CLI of this machine against an emulated AWS.

moto takes what has AWS's form. It is asked to hold the role of the flows to its policy, which it does for S3, without
the policy's condition. No machine is logged in to, and Snowflake is not asked.
"""

from __future__ import annotations

import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from blocks.landing import open_landing
from blocks.settings import Settings
from tests import s3_support
from tests.unit.blocks.landing_support import LOAD, landed
from tests.unit.test_production_docs import DOCS, SQL, block

pytestmark = pytest.mark.skipif(shutil.which("aws") is None, reason="needs the AWS CLI")
ARN, EXTERNAL = "arn:aws:iam::210987654321:user/snowflake", "ACME_SFCRole=2_x"
UBUNTU = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"
KNOWN_TO_MOTO = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
# A machine that is there already has no role yet.
EXISTING = 'MACHINE=$(aws ec2 run-instances --image-id "$IMAGE" --query "Instances[0].InstanceId" --output text)\n'


@dataclass
class Made:
    """What the page made."""

    folder: Path
    key: str
    """The private key, before its file went."""

    def client(self, service: str) -> Any:
        return boto3.Session().client(service, region_name="eu-central-1")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    home = tmp_path_factory.mktemp("administrator")
    with s3_support.moto() as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
        urllib.request.urlopen(urllib.request.Request(f"{url}/moto-api/reset", method="POST"), timeout=10).close()
        s3_support.use(patch, url)
        patch.setenv("HOME", str(home))
        steps = [
            block("names"), block("keys"), "cp hallmark.p8 ~/kept\n", block("sql"),
            block("aws"), block("shred"), block("role"),
                block("machine").replace(UBUNTU, KNOWN_TO_MOTO), EXISTING, block("attach"), block("stage"),
            block("trust"), block("settings"),
        ]  # fmt: skip
        shell("".join(steps), f"{ARN}\n{EXTERNAL}\n")
        yield Made(home / "hallmark-setup", (home / "kept").read_text())


def test_the_key_is_in_its_secret_alone(made: Made) -> None:
    secret = made.client("secretsmanager").get_secret_value(SecretId="hallmark/snowflake-private-key")
    assert secret["SecretString"] == made.key
    assert made.key.strip() not in "".join(p.read_text() for p in made.folder.iterdir())


def test_the_bucket_is_in_its_region_and_closed(made: Made) -> None:
    s3, where = made.client("s3"), {"Bucket": "acme-hallmark-landing"}
    assert s3.get_bucket_location(**where)["LocationConstraint"] == "eu-central-1"
    assert all(s3.get_public_access_block(**where)["PublicAccessBlockConfiguration"].values())
    assert s3.get_bucket_versioning(**where)["Status"] == "Enabled"


def test_a_bucket_is_made_in_the_one_region_that_refuses_its_name(made: Made) -> None:
    names = block("names").replace("eu-central-1", "us-east-1").replace("acme-hallmark", "acme-us-hallmark")
    shell(names + "".join(line + "\n" for line in block("aws").splitlines() if line.startswith("aws s3 mb ")))
    assert made.client("s3").get_bucket_location(Bucket="acme-us-hallmark-landing")["LocationConstraint"] is None


def test_the_machines_have_the_role(made: Made) -> None:
    found = made.client("ec2").describe_iam_instance_profile_associations()["IamInstanceProfileAssociations"]
    assert [x["IamInstanceProfile"]["Arn"].rpartition("/")[2] for x in found] == ["hallmark-flows"] * 2
    [profile] = made.client("iam").list_instance_profiles_for_role(RoleName="hallmark-flows")["InstanceProfiles"]
    assert profile["InstanceProfileName"] == "hallmark-flows"


def test_snowflake_is_trusted_by_its_external_id(made: Made) -> None:
    role = made.client("iam").get_role(RoleName="hallmark-snowflake")["Role"]
    [statement] = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"AWS": ARN}
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": EXTERNAL}}
    sql = (made.folder / "production-stage.sql").read_text().partition("USE ROLE")[2]
    assert f"'{role['Arn']}'" in sql
    assert sql.count("'s3://acme-hallmark-landing/prod/'") == 2
    line = (made.folder / "hallmark.pub.line").read_text()
    assert (made.folder / "production.sql").read_text() == SQL.replace("'PUBLIC_KEY'", f"'{line}'")


def test_the_settings_are_those_of_a_process(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in sourced(made).items():
        monkeypatch.setenv(name, value)
    settings = Settings.load()
    assert settings.snowflake_private_key is not None
    assert settings.snowflake_private_key.get_secret_value() == made.key.rstrip("\n")
    assert settings.landing == "s3://acme-hallmark-landing/prod"
    described = made.client("kms").describe_key(KeyId="alias/hallmark-landing")["KeyMetadata"]
    assert settings.landing_kms_key == described["Arn"]
    assert (settings.profile, settings.snowflake_account) == ("snowflake", "ACME-PROD")


def test_the_role_may_do_in_the_bucket_what_the_flows_do_and_no_more(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = made.client("iam").get_role(RoleName="hallmark-flows")["Role"]["Arn"]
    kms = made.client("kms").describe_key(KeyId="alias/hallmark-landing")["KeyMetadata"]["Arn"]
    login = made.client("sts").assume_role(RoleArn=arn, RoleSessionName="flows")["Credentials"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", login["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", login["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", login["SessionToken"])
    monkeypatch.setattr("moto.settings.INITIAL_NO_AUTH_ACTION_COUNT", 0)  # from here on it holds who asks to a policy
    found = open_landing(Settings(home=tmp_path, landing="s3://acme-hallmark-landing/prod", landing_kms_key=kms))
    landed(found)
    [load] = found.loads()
    found.tidy(load.at, dry_run=False)
    s3 = made.client("s3")
    for name in load.names:  # one by one: of many at once moto asks for a right on the bucket, where AWS does for each
        s3.delete_object(Bucket="acme-hallmark-landing", Key=f"prod/{LOAD[:2]}/crm/t/{LOAD}/{name}")
    assert not list(found.loads())
    for refused in (
        lambda: s3.put_object(Bucket="acme-hallmark-landing", Key="elsewhere/x", Body=b""),
        lambda: s3.get_object(Bucket="acme-hallmark-landing", Key="elsewhere/x"),
        lambda: s3.delete_bucket(Bucket="acme-hallmark-landing"),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            refused()


def test_the_role_reads_the_one_secret_and_uses_the_one_key(made: Made) -> None:
    """Held against the policy's text: moto does not hold anybody to it in these services."""
    found = made.client("iam").get_role_policy(RoleName="hallmark-flows", PolicyName="landing-and-secret")
    resources = {s["Resource"] for s in found["PolicyDocument"]["Statement"]}
    key = made.client("kms").describe_key(KeyId="alias/hallmark-landing")["KeyMetadata"]["Arn"]
    secret = made.client("secretsmanager").describe_secret(SecretId="hallmark/snowflake-private-key")["ARN"]
    assert key in resources
    [pattern] = [r for r in resources if ":secretsmanager:" in r]
    assert fnmatchcase(secret, pattern)


def shell(script: str, answers: str = "") -> None:
    """What an administrator enters in a clone."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=DOCS.parent, input=answers, capture_output=True, text=True,
        check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]


def sourced(made: Made) -> dict[str, str]:
    """The HALLMARK_ variables of a shell that read the file of the settings."""
    done = subprocess.run(
        ["bash", "-euc", ". ./hallmark.env; env -0"], cwd=made.folder, capture_output=True, text=True, check=True
    )
    pairs = (line.partition("=") for line in done.stdout.split("\0"))
    return {name: value for name, _, value in pairs if name.startswith("HALLMARK_")}
