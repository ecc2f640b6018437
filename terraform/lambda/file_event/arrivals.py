"""From a message of the queue to the streams that it is about.

A key is text of a stranger: it chooses a stream of the table, and goes no further, neither into an event nor a log.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import unquote_plus


class MalformedError(ValueError):
    """A message that is no notification of S3."""


@dataclass(frozen=True)
class Stream:
    """A row of the table: where the files of a stream are."""

    name: str
    """SOURCE.STREAM."""
    bucket: str
    prefix: str
    path: str

    @cached_property
    def _matches(self) -> re.Pattern[str]:
        """The pattern as blocks/sources/drops.py reads it."""
        pieces = re.split(r"(\*\*/|\*\*|\*|\?)", self.path)
        special = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
        return re.compile("".join(special.get(p) or re.escape(p) for p in pieces) + r"\Z", re.DOTALL)

    def takes(self, bucket: str, key: str) -> bool:
        """Whether an object is a file of it, by the rules of blocks/sources/bucket.py."""
        if bucket != self.bucket or not key.startswith(self.prefix) or key.endswith("/"):
            return False
        relative = key.removeprefix(self.prefix)
        named = not re.search(r"[*?]", self.path)
        hidden = any(part.startswith(".") and part not in (".", "..") for part in relative.split("/"))
        return (named or not hidden) and self._matches.match(relative) is not None


@dataclass(frozen=True)
class Arrival:
    """One object that was made."""

    bucket: str
    key: str
    identity: str
    """The same for each notification of the same object: its version, or its place in the order of its key."""
    at: str


def table(text: str) -> tuple[Stream, ...]:
    """The streams of the environment's variable STREAMS."""
    return tuple(Stream(**row) for row in json.loads(text))


def arrivals(body: str) -> list[Arrival]:
    """The objects that a message tells of: an event of EventBridge, or a notification of S3 itself.

    None in S3's test of a queue. Raises MalformedError.
    """
    try:
        found = json.loads(body)
        if found.get("Event") == "s3:TestEvent":
            return []
        if "detail" in found:
            return [_of_eventbridge(found)]
        return [_of_s3(record) for record in found["Records"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MalformedError(f"no notification of S3 ({type(error).__name__})") from None


def streams_of(found: Iterable[Arrival], streams: Sequence[Stream]) -> set[str]:
    """The streams that these objects are files of."""
    return {stream.name for one in found for stream in streams if stream.takes(one.bucket, one.key)}


def _of_eventbridge(event: Mapping[str, Any]) -> Arrival:
    """EventBridge has the key as it is: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html."""
    detail = event["detail"]
    return _arrival(detail["bucket"]["name"], detail["object"]["key"], detail["object"], event["time"])


def _of_s3(record: Mapping[str, Any]) -> Arrival:
    """S3 itself has it encoded, as in a form."""
    found = record["s3"]
    key = unquote_plus(found["object"]["key"], errors="strict")
    return _arrival(found["bucket"]["name"], key, found["object"], record["eventTime"])


def _arrival(bucket: str, key: str, found: Mapping[str, Any], at: str) -> Arrival:
    for text in (bucket, key, at):
        if not isinstance(text, str) or not text:
            raise TypeError("no text")
    version = found.get("version-id") or found.get("versionId") or found.get("sequencer") or at
    return Arrival(bucket, key, str(version), at)
