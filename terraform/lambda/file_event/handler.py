"""What Lambda calls with a batch of the queue's messages. It answers which of them are to come again."""

from __future__ import annotations

import json
import logging
import os
from typing import Any

from file_event.arrivals import Arrival, MalformedError, arrivals, streams_of, table
from file_event.prefect import Prefect, RefusedError, event

LOG = logging.getLogger("file_event")
LOG.setLevel(logging.INFO)


def handle(batch: dict[str, Any], _context: object = None) -> dict[str, list[dict[str, str]]]:
    """Tell Prefect of every stream with new files; the messages that failed, as ReportBatchItemFailures has them.

    A message that is no notification fails by itself, until it is a dead letter. Where Prefect takes no events,
    all messages with files of a stream fail. Files of no stream are left.
    """
    streams = table(os.environ["STREAMS"])
    failed: list[str] = []
    told: list[str] = []
    found: dict[str, list[Arrival]] = {}
    left = 0
    for record in batch["Records"]:
        message = record["messageId"]
        try:
            made = arrivals(record["body"])
        except MalformedError as error:
            LOG.warning(json.dumps({"message": message, "failed": str(error)}))
            failed.append(message)
            continue
        for one in made:
            names = streams_of([one], streams)
            left += not names
            told += [message] if names else []
            for name in names:
                found.setdefault(name, []).append(one)
    if found:
        try:
            _prefect().send([event(name, files) for name, files in sorted(found.items())])
        except RefusedError as error:
            LOG.warning(json.dumps({"failed": str(error), "messages": len(set(told))}))
            failed += told
    files = {name: len(arrived) for name, arrived in sorted(found.items())}
    LOG.info(json.dumps({"files": files, "of_no_stream": left, "failed": len(set(failed))}))
    return {"batchItemFailures": [{"itemIdentifier": message} for message in dict.fromkeys(failed)]}


def _prefect() -> Prefect:
    """The login is read for each batch, so that a rotated one is found."""
    if not (secret := os.environ.get("PREFECT_SECRET")):
        return Prefect(os.environ["PREFECT_API_URL"])
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        text = boto3.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
    except (BotoCoreError, ClientError) as error:
        raise RefusedError(f"the secret cannot be read ({type(error).__name__})") from None
    return Prefect(os.environ["PREFECT_API_URL"], _login(text))


def _login(text: str) -> str:
    """The text itself, or the value of a JSON object's only or so named field."""
    try:
        found = json.loads(text)
    except ValueError:
        return text
    if isinstance(found, dict):
        return str(found.get("prefect_api_auth_string") or found.get("value") or "")
    return text
