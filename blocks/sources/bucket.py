"""Files below a prefix of an S3 bucket, by boto3 with AWS's standard chain of credentials and AWS_ENDPOINT_URL."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from blocks.sources.drops import CHANGED, VANISHED, Dropped, is_hidden, is_pattern, matcher, unreachable
from governance.errors import ConfigurationError, HallmarkError, SourceError


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
            import boto3
            from botocore.config import Config

            self._made = boto3.client("s3", config=Config(retries={"mode": "standard", "max_attempts": 4}))
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
        """What AWS says as an error that names the remedy."""
        from botocore import exceptions as aws

        chain = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role is attached"
        try:
            yield
        except HallmarkError:
            raise
        except (aws.NoCredentialsError, aws.PartialCredentialsError, aws.ProfileNotFound, aws.NoRegionError) as error:
            raise ConfigurationError(where, f"AWS: {error}", chain) from None
        except aws.ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            if code in ("PreconditionFailed", "412"):
                raise SourceError(where, *CHANGED) from None
            if code in ("NoSuchKey", "404"):
                raise SourceError(where, *VANISHED) from None
            if code == "NoSuchBucket":
                raise SourceError(
                    where, f"bucket {self.name} does not exist", "correct `root` in sources.yml"
                ) from None
            if status in (401, 403):
                raise SourceError(
                    where, f"S3 refused ({code})", f"grant s3:ListBucket and s3:GetObject, or {chain}"
                ) from None
            if status >= 500 or code in ("SlowDown", "Throttling", "RequestTimeout"):
                raise unreachable(where, f"S3 answered {code or status}") from None
            raise SourceError(where, f"S3 answered {code}", "see AWS's documentation of the code") from None
        except (aws.HTTPClientError, aws.ConnectionError) as error:
            raise unreachable(where, f"S3 cannot be reached ({type(error).__name__})") from None
        except (aws.ResponseStreamingError, aws.IncompleteReadError, OSError) as error:
            raise unreachable(where, f"S3 broke off ({type(error).__name__})") from None
        except aws.BotoCoreError as error:  # such as an expired login, or a name that no bucket can have
            raise ConfigurationError(where, f"AWS: {error}", f"correct `root`, or {chain}") from None


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
