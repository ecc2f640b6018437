"""Files below a prefix of an S3 bucket, by boto3 with AWS's standard chain of credentials and AWS_ENDPOINT_URL."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from blocks.s3 import Named, code_of, make_client, told
from blocks.sources.drops import CHANGED, VANISHED, Dropped, is_hidden, is_pattern, matcher
from governance.errors import SourceError


class Bucket:
    """`s3://bucket/prefix`."""

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/")
        self.name, _, prefix = self.root.removeprefix("s3://").partition("/")
        self.prefix = f"{prefix}/" if prefix else ""
        self._made: Any = None

    def __str__(self) -> str:
        return self.root

    @property
    def _client(self) -> Any:
        if self._made is None:
            self._made = make_client()
        return self._made

    def matching(self, pattern: str, where: str) -> Iterator[Dropped]:
        """Keys below the prefix, in order, but what S3 shows as a folder, and what is hidden and not named."""
        fixed = re.split(r"[*?]", pattern)[0]
        matches, found, named = matcher(pattern), False, not is_pattern(pattern)
        with self._explained(where):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=self.prefix + fixed)
            for page in pages:
                for entry in page.get("Contents", ()):
                    relative = entry["Key"].removeprefix(self.prefix)
                    file = not relative.endswith("/") and (named or not is_hidden(relative))
                    if file and matches.match(relative):
                        found = True
                        yield Dropped(relative, entry["Size"], _stamp(entry), entry["ETag"])
        if named and not found:
            raise SourceError(where, f"file {self.root}/{pattern} does not exist", "correct `path` in sources.yml")

    @contextmanager
    def open(self, dropped: Dropped, where: str) -> Iterator[Any]:
        """The object, if it still is the version that was found."""
        with self._explained(where):
            answer = self._client.get_object(Bucket=self.name, Key=self.prefix + dropped.path, IfMatch=dropped.version)
        yield _Reading(answer["Body"], lambda: self._explained(where))

    @contextmanager
    def _explained(self, where: str) -> Iterator[None]:
        """What AWS says as an error that names the remedy; what it says of one object, as of a file."""
        from botocore.exceptions import ClientError

        named = Named(self.name, "`root` in sources.yml", "s3:ListBucket and s3:GetObject", SourceError)
        with told(where, named):
            try:
                yield
            except ClientError as error:
                if code_of(error) in ("PreconditionFailed", "412"):
                    raise SourceError(where, *CHANGED) from None
                if code_of(error) in ("NoSuchKey", "404"):
                    raise SourceError(where, *VANISHED) from None
                raise


class _Reading:
    """The bytes of an object; only what S3 says while they are read is told as S3's."""

    def __init__(self, body: Any, explained: Callable[[], AbstractContextManager[None]]) -> None:
        self.body, self.explained = body, explained

    def read(self, size: int | None = None) -> bytes:
        """Up to `size` bytes."""
        with self.explained():
            found: bytes = self.body.read(size)
            return found


def _stamp(entry: Any) -> int:
    """When a key was written, in ns. S3 tells whole seconds: its ETag stands in for the rest."""
    rest = int.from_bytes(hashlib.sha256(entry["ETag"].encode()).digest()[:4], "big") % 10**9
    return (int(entry["LastModified"].timestamp()) - 1) * 10**9 + rest
