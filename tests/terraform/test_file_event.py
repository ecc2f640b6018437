"""A file in the bucket that Terraform made becomes a flow run: S3, EventBridge, SQS, function, trigger of Prefect.

moto runs no function: what the event source mapping does with a batch and its failures is done here.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.terraform.apps_support import NAME, ROOT, Applied

pytestmark = pytest.mark.terraform
BUCKET, FUNCTION = f"{NAME}-drops", f"{NAME}-file-event"
Runs = list[tuple[str, dict[str, Any]]]


class Queue:
    """The queue, its dead letters, and the function behind it."""

    def __init__(self, apps: Applied) -> None:
        self.sqs, self.s3 = apps.client("sqs"), apps.client("s3")
        self.url, self.dead = (
            self.sqs.get_queue_url(QueueName=f"{FUNCTION}-{name}")["QueueUrl"] for name in ("arrived", "dead")
        )
        functions = apps.client("lambda")
        # moto hands messages to a function that it does not run, and takes them for done.
        for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
            functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        self.environment = functions.get_function_configuration(FunctionName=FUNCTION)["Environment"]["Variables"]
        # moto hands every event to a rule without a pattern, and then fails at its function, unheard.
        daily = {"Rule": f"{NAME}-rotation-daily"}
        targets = apps.client("events").list_targets_by_rule(**daily)["Targets"]
        if targets:
            apps.client("events").remove_targets(**daily, Ids=[t["Id"] for t in targets])
        [self.mapping] = functions.list_event_source_mappings()["EventSourceMappings"]

    def drop(self, key: str) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=b"a,b\n1,2\n")

    def work(self) -> tuple[int, int]:
        """Hand one batch to the function; how many messages it had, and how many come again."""
        from file_event import handler

        found = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        messages = found.get("Messages", [])
        records = [{"messageId": m["MessageId"], "body": m["Body"]} for m in messages]
        failures = {f["itemIdentifier"] for f in handler.handle({"Records": records})["batchItemFailures"]}
        for m in messages:
            if m["MessageId"] not in failures:
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=m["ReceiptHandle"])
        return len(messages), len(failures)

    def empty(self, url: str) -> None:
        while messages := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for m in messages:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=m["ReceiptHandle"])

    def waiting(self, url: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(n) for n in found.values())


@pytest.fixture(scope="module")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with the deployments of files."""
    from flows.server import local_server

    with local_server(tmp_path_factory.mktemp("prefect")) as url:
        from blocks.register import register

        register()
        command = ["deploy", "--name", "ingest-drops", "--name", "ingest-mailroom"]
        done = subprocess.run(
            [sys.executable, "-m", "prefect", "--no-prompt", *command], cwd=ROOT, env=os.environ, capture_output=True,
            text=True, timeout=180, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        yield url


@pytest.fixture
def queue(apps: Applied, prefect: str, monkeypatch: pytest.MonkeyPatch) -> Queue:
    found = Queue(apps)
    for url in (found.url, found.dead):
        found.empty(url)
    monkeypatch.setenv("STREAMS", found.environment["STREAMS"])
    monkeypatch.setenv("PREFECT_API_URL", prefect)
    monkeypatch.delenv("PREFECT_SECRET", raising=False)
    return found


def runs(wait: float) -> Runs:
    """(deployment, parameters) of the runs that a trigger started, once there is one, or after `wait` seconds."""
    from prefect.client.orchestration import get_client

    until = time.monotonic() + wait
    with get_client(sync_client=True) as client:
        names = {d.id: d.name for d in client.read_deployments()}
        while True:
            found = [r for r in client.read_flow_runs() if r.deployment_id]
            if found or time.monotonic() > until:
                time.sleep(3)  # one too many would come now
                found = [r for r in client.read_flow_runs() if r.deployment_id]
                return sorted((names[r.deployment_id], dict(r.parameters)) for r in found if r.deployment_id)
            time.sleep(0.5)


def test_a_file_becomes_one_flow_run_however_often_it_is_told(queue: Queue) -> None:
    keys = ["drops/customers/a b+c%2B {{ 1 }}.csv", "drops/customers/ü.csv", "mailroom/2026/b.eml", "drops/customers/"]
    for key in (*keys, "elsewhere/x.csv"):
        queue.drop(key)
    assert queue.waiting(queue.url) == len(keys), "the rule lets the prefixes of sources through, and nothing else"
    body = queue.sqs.receive_message(QueueUrl=queue.url, VisibilityTimeout=0)["Messages"][0]["Body"]
    for copy in (body, body):  # SQS delivers at least once
        queue.sqs.send_message(QueueUrl=queue.url, MessageBody=copy)
    assert queue.work() == (6, 0)
    assert queue.waiting(queue.url) == 0
    assert runs(60) == [
        ("ingest-drops", {"source": "drops", "stream": "customers"}),
        ("ingest-mailroom", {"source": "mailroom", "stream": "mail"}),
    ]


def test_a_poisoned_message_is_a_dead_letter_and_stops_nobody(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    queue.sqs.send_message(QueueUrl=queue.url, MessageBody="poison")
    queue.drop("drops/customers/beside.csv")
    assert queue.work() == (2, 1)
    for _ in range(5):
        queue.work()
    assert (queue.waiting(queue.url), queue.waiting(queue.dead)) == (0, 1)
    [dead] = queue.sqs.receive_message(QueueUrl=queue.dead)["Messages"]
    assert dead["Body"] == "poison"
    queue.sqs.delete_message(QueueUrl=queue.dead, ReceiptHandle=dead["ReceiptHandle"])


def test_what_came_while_prefect_was_away_is_told_afterwards(
    queue: Queue, prefect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue.drop("drops/customers/late.csv")
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    assert queue.work() == (1, 1)
    monkeypatch.setenv("PREFECT_API_URL", prefect)
    assert queue.work() == (1, 0)
    assert queue.waiting(queue.dead) == 0


def test_what_terraform_made_is_bounded_and_told_of(queue: Queue, apps: Applied) -> None:
    assert queue.mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert queue.mapping["ScalingConfig"] == {"MaximumConcurrency": 2}
    functions = apps.client("lambda")
    assert functions.get_function_concurrency(FunctionName=FUNCTION)["ReservedConcurrentExecutions"] == 2
    seconds = functions.get_function_configuration(FunctionName=FUNCTION)["Timeout"]
    found = queue.sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["All"])["Attributes"]
    assert int(found["VisibilityTimeout"]) >= 6 * seconds
    assert found["SqsManagedSseEnabled"] == "true"
    topic = apps.client("sns").list_topics()["Topics"][0]["TopicArn"]
    alarms = apps.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert {a["AlarmName"] for a in alarms if a["AlarmActions"] == [topic]} == {
        f"{FUNCTION}-dead", f"{FUNCTION}-late", f"{FUNCTION}-errors", f"{NAME}-rotation-errors",
    }  # fmt: skip


def test_rotation_is_configured_for_what_can_be_rotated_and_for_nothing_else(apps: Applied) -> None:
    manager = apps.client("secretsmanager")
    found = {
        name: manager.describe_secret(SecretId=arn) for name, arn in apps.outputs["secret_arns"].items()
    }  # fmt: skip
    assert {name for name, secret in found.items() if secret.get("RotationEnabled")} == {"snowflake", "state"}
    for name in ("snowflake", "state"):
        assert found[name]["RotationRules"] == {"AutomaticallyAfterDays": 90}
        assert found[name]["RotationLambdaARN"].endswith(f":{NAME}-rotation")
    assert all(secret["KmsKeyId"].startswith("arn:aws:kms:") for secret in found.values())
