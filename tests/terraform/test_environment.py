"""The AWS side of dev, whole: applied to moto, planned again, changed, looked at by boto3, destroyed."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests import s3_support
from tests.terraform.apps_support import Applied
from tests.terraform.environment_support import Environment

pytestmark = pytest.mark.terraform
OUTPUTS = {
    "vpc_id", "landing_bucket", "archive_bucket", "cluster_name", "database_endpoint", "secret_arns", "role_arns",
}  # fmt: skip


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """Applied once; the last test destroys it."""
    with pytest.MonkeyPatch.context() as patch, s3_support.moto() as url:
        patch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
        environment = Environment(tmp_path_factory.mktemp("dev"), url)
        environment.apply()
        yield environment


@pytest.fixture(scope="module")
def aws(dev: Environment) -> Applied:
    """What asks moto."""
    return dev.applied()


def test_outputs_are_those_of_the_contract(aws: Applied) -> None:
    assert set(aws.outputs) >= OUTPUTS
    assert {"ingest_crm", "ingest_drops", "transform", "deliver", "watch", "ci"} <= set(aws.outputs["role_arns"])


def test_a_second_plan_changes_nothing(dev: Environment) -> None:
    assert dev.changes() == {}


def test_nobody_comes_in_from_everywhere(aws: Applied) -> None:
    groups = aws.client("ec2").describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [aws.outputs["vpc_id"]]}])
    found = {group["GroupName"]: group for group in groups["SecurityGroups"]}
    assert len(found) > 6
    ranges = {n: [r["CidrIp"] for p in g["IpPermissions"] for r in p.get("IpRanges", [])] for n, g in found.items()}
    assert {name: r for name, r in ranges.items() if r} == {
        "hallmark-dev-balancer": ["10.0.0.0/16"],
        "hallmark-dev-cluster": ["10.0.0.0/16"],
    }
    assert not found["default"]["IpPermissions"] and not found["default"]["IpPermissionsEgress"]


def test_each_bucket_is_private_encrypted_versioned_and_asks_for_tls(aws: Applied) -> None:
    s3 = aws.client("s3")
    buckets = [b["Name"] for b in s3.list_buckets()["Buckets"]]
    assert len(buckets) == 4
    for bucket in buckets:
        assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
        rule = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
        algorithm = rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]
        assert algorithm == ("AES256" if "-logs-" in bucket else "aws:kms")
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
        statements = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
        denied = {s["Sid"]: s["Condition"] for s in statements if s["Effect"] == "Deny"}
        assert denied["TlsOnly"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_database_is_encrypted_and_private(aws: Applied) -> None:
    (database,) = aws.client("rds").describe_db_instances()["DBInstances"]
    assert database["StorageEncrypted"] and not database["PubliclyAccessible"]
    assert database["IAMDatabaseAuthenticationEnabled"] and database["BackupRetentionPeriod"] == 7


def test_the_api_server_is_private_and_its_secrets_encrypted(aws: Applied) -> None:
    cluster = aws.client("eks").describe_cluster(name=aws.outputs["cluster_name"])["cluster"]
    assert cluster["resourcesVpcConfig"]["endpointPrivateAccess"]
    assert not cluster["resourcesVpcConfig"]["endpointPublicAccess"]
    assert cluster["encryptionConfig"][0]["resources"] == ["secrets"]


def test_the_vpc_has_flow_logs_and_every_log_group_a_key_and_an_end(aws: Applied) -> None:
    flows = aws.client("ec2").describe_flow_logs()["FlowLogs"]
    assert [f["ResourceId"] for f in flows] == [aws.outputs["vpc_id"]]
    groups = aws.client("logs").describe_log_groups()["logGroups"]
    assert groups and not [g["logGroupName"] for g in groups if not g.get("kmsKeyId") or not g.get("retentionInDays")]


def test_every_alarm_is_wired(aws: Applied) -> None:
    alarms = aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert len(alarms) >= 8 and not [a["AlarmName"] for a in alarms if not a["AlarmActions"]]


def test_a_change_takes_what_it_names_and_no_more(dev: Environment) -> None:
    changes = dev.changes("-var=log_retention_days=30")
    assert changes and {tuple(actions) for actions in changes.values()} == {("update",)}
    assert {address.split(".")[2] for address in changes} == {"aws_cloudwatch_log_group"}


def test_it_is_destroyed_whole(dev: Environment) -> None:
    dev.destroy()
    assert dev.managed() == []
