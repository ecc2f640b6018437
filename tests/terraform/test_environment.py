"""The AWS side of dev, whole: applied to moto, planned again, changed, looked at by boto3, destroyed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests import s3_support
from tests.terraform.apps_support import Applied
from tests.terraform.environment_support import Environment
from tests.terraform.iam_support import Try, decide, install, read_role, simulation

pytestmark = pytest.mark.terraform
TCP, UDP = "6", "17"
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


def of_vpc(aws: Applied) -> list[dict[str, Any]]:
    """The filter of what is in the VPC."""
    return [{"Name": "vpc-id", "Values": [aws.outputs["vpc_id"]]}]


def groups_of(aws: Applied) -> list[dict[str, Any]]:
    """The VPC's security groups."""
    found: list[dict[str, Any]] = aws.client("ec2").describe_security_groups(Filters=of_vpc(aws))["SecurityGroups"]
    return found


def named(thing: dict[str, Any]) -> str:
    """What EC2's console calls it."""
    return str({tag["Key"]: tag["Value"] for tag in thing["Tags"]}["Name"])


def from_ranges(aws: Applied) -> dict[str, set[str]]:
    """Security group → the ranges of addresses that it lets in, of groups that let in any."""
    found = {
        group["GroupName"]: {r.get("CidrIp") or r["CidrIpv6"] for p in group["IpPermissions"] for r in ranges_of(p)}
        for group in groups_of(aws)
    }
    return {name: ranges for name, ranges in found.items() if ranges}


def ranges_of(permission: dict[str, Any]) -> list[dict[str, Any]]:
    """The ranges of both versions of a rule."""
    return [*permission.get("IpRanges", []), *permission.get("Ipv6Ranges", [])]


def test_nobody_comes_in_from_everywhere(aws: Applied) -> None:
    groups = {group["GroupName"]: group for group in groups_of(aws)}
    assert len(groups) == 8
    assert from_ranges(aws) == {"hallmark-dev-balancer": {"10.0.0.0/16"}, "hallmark-dev-cluster": {"10.0.0.0/16"}}
    assert not groups["default"]["IpPermissions"] and not groups["default"]["IpPermissionsEgress"]


def test_to_everywhere_there_is_https_alone(aws: Applied) -> None:
    found = {
        (group["GroupName"], permission["FromPort"], permission["ToPort"])
        for group in groups_of(aws)
        for permission in group["IpPermissionsEgress"]
        if ranges_of(permission)
    }
    assert found == {(f"hallmark-dev-{name}", 443, 443) for name in ("balancer", "functions", "nodes")}


def test_network_acls_are_those_of_the_table(aws: Applied) -> None:
    vpc, company, world = "10.20.0.0/16", "10.0.0.0/16", "0.0.0.0/0"
    private = [f"10.20.{third}.0/19" for third in (0, 32, 64)]
    isolated = [f"10.20.{third}.0/24" for third in (144, 145, 146)]
    replies, every = (1024, 65535), (0, 65535)
    declared = {
        "public": {
            "in": {(vpc, TCP, 443, 443), (world, TCP, 1024, 65535)},
            "out": {(world, TCP, 443, 443), (vpc, TCP, *replies)},
        },
        "private": {
            "in": {
                (vpc, TCP, *every), (vpc, UDP, *every), (world, TCP, *replies), (company, TCP, 443, 443),
            },
            "out": {
                (vpc, TCP, *every), (vpc, UDP, *every), (world, TCP, 443, 443), (company, TCP, 1024, 65535),
            },
        },
        "isolated": {
            "in": {(c, TCP, p, p) for c in private for p in (443, 5432)} | {(c, TCP, *every) for c in isolated},
            "out": {(c, TCP, *replies) for c in private} | {(c, TCP, *every) for c in isolated},
        },
    }  # fmt: skip
    found: dict[str, dict[str, set[tuple[str, str, int, int]]]] = {}
    for acl in aws.client("ec2").describe_network_acls(Filters=of_vpc(aws))["NetworkAcls"]:
        if acl["IsDefault"]:
            assert acl["Associations"] == [], "a subnet without an ACL of ours"
            continue
        assert len(acl["Associations"]) == 3
        ways = found[named(acl).removeprefix("hallmark-dev-")] = {"in": set(), "out": set()}
        for entry in acl["Entries"]:
            if entry["RuleAction"] == "allow":
                ports = entry["PortRange"]
                rule = (entry["CidrBlock"], entry["Protocol"], ports["From"], ports["To"])
                ways["out" if entry["Egress"] else "in"].add(rule)
    assert found == declared


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
        allowed = [s["Principal"] for s in statements if s["Effect"] == "Allow"]
        assert not [who for who in allowed if "*" in (who, who.get("AWS"))], f"{bucket} is public"


def test_every_volume_queue_and_topic_is_encrypted(aws: Applied) -> None:
    ec2, sqs, sns = aws.client("ec2"), aws.client("sqs"), aws.client("sns")
    templates = [t["LaunchTemplateId"] for t in ec2.describe_launch_templates()["LaunchTemplates"]]
    assert len(templates) == 2
    for template in templates:
        (version,) = ec2.describe_launch_template_versions(LaunchTemplateId=template)["LaunchTemplateVersions"]
        for disk in version["LaunchTemplateData"]["BlockDeviceMappings"]:
            assert disk["Ebs"]["Encrypted"] and disk["Ebs"]["KmsKeyId"].startswith("arn:aws:kms:")
    queues = sqs.list_queues()["QueueUrls"]
    found = [sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"] for url in queues]
    assert len(found) == 2 and {queue["SqsManagedSseEnabled"] for queue in found} == {"true"}
    (topic,) = sns.list_topics()["Topics"]
    assert sns.get_topic_attributes(TopicArn=topic["TopicArn"])["Attributes"]["KmsMasterKeyId"]


def test_each_secret_that_can_be_rotated_is_every_90_days(aws: Applied) -> None:
    secrets = aws.client("secretsmanager")
    found = {name: secrets.describe_secret(SecretId=arn) for name, arn in aws.outputs["secret_arns"].items()}
    rotated = {name for name, secret in found.items() if secret.get("RotationEnabled")}
    assert rotated == {"state", *(f"snowflake_{user}" for user in ("ingest", "batch", "deliver", "watch", "catalog"))}
    for name in rotated:
        assert found[name]["RotationRules"]["AutomaticallyAfterDays"] == 90
        assert found[name]["RotationLambdaARN"].endswith(":function:hallmark-dev-rotation")
    assert all(secret["KmsKeyId"].startswith("arn:aws:kms:") for secret in found.values())


@pytest.mark.skipif(shutil.which("npm") is None, reason="needs node and npm")
def test_a_role_reaches_its_own_prefix_and_no_other(aws: Applied) -> None:
    """The roles as they were applied with the rest; each role's every right: test_roles.py."""
    install()
    bucket = f"arn:aws:s3:::{aws.outputs['landing_bucket']}"
    arns = {role: arn for role, arn in aws.outputs["role_arns"].items() if role.startswith(("ingest_", "deliver"))}
    roles = {role: read_role(aws, arn) for role, arn in arns.items()}
    sources = [role.removeprefix("ingest_") for role in roles if role != "deliver"]
    assert len(sources) > 2
    key = {s: f"{bucket}/dev/ab/{s}/t/ab012345-0000-5000-8000-000000000000/part-0" for s in sources}
    tries = [
        Try(role, action, key[source])
        for role in roles
        for source in sources
        for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject")
    ]
    tries.append(Try("deliver", "s3:ListBucket", bucket, {"s3:prefix": "dev/"}))
    decisions = decide([simulation(roles[one.role], one, None) for one in tries])
    allowed = {(t.role, t.resource) for t, decision in zip(tries, decisions, strict=True) if decision == "Allowed"}
    assert allowed == {(f"ingest_{source}", key[source]) for source in sources}


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


def test_a_change_takes_what_it_names_and_no_more(dev: Environment, aws: Applied) -> None:
    """One network more of the company: it reaches user interfaces and the API server."""
    network = "module.network"
    assert dev.changes('-var=company_cidrs=["10.0.0.0/16", "10.1.0.0/16"]') == {
        f'{network}.aws_vpc_security_group_ingress_rule.range["ui_10.1.0.0/16"]': ["create"],
        f'{network}.aws_vpc_security_group_ingress_rule.range["api_10.1.0.0/16"]': ["create"],
        f'{network}.aws_network_acl_rule.this["private_in_3"]': ["create"],
        f'{network}.aws_network_acl_rule.this["private_out_3"]': ["create"],
    }
    dev.take()
    assert from_ranges(aws) == {
        "hallmark-dev-balancer": {"10.0.0.0/16", "10.1.0.0/16"},
        "hallmark-dev-cluster": {"10.0.0.0/16", "10.1.0.0/16"},
    }


def test_it_is_destroyed_whole(dev: Environment, aws: Applied) -> None:
    dev.destroy()
    assert dev.managed() == []
    assert aws.client("s3").list_buckets()["Buckets"] == []
    assert not aws.client("ec2").describe_vpcs(Filters=[{"Name": "cidr", "Values": ["10.20.0.0/16"]}])["Vpcs"]
    assert aws.client("iam").list_roles()["Roles"] == []
