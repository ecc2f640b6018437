"""One S3 bucket for whoever uses it: its client, the transfer of files, and what AWS says as errors with a remedy.

What is stored in it, and where, is no matter of this module.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from governance.errors import ConfigurationError, HallmarkError, UnreachableError

T = TypeVar("T")
ATTEMPTS = 5
"""Of each request, with growing waits: some 8 s in all, 15 s at most."""
CHUNK = 8 << 20
"""Of a multipart transfer; S3 takes 10,000 parts, so a file of more than 80 GB gets larger ones."""
CONCURRENCY = 10
PAGE = 1000
"""Keys that one request deletes."""
# A HEAD has no body, so it tells an expired login from any other refusal by nothing but a status.
EXPIRED = ("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired", "400", "403")
PASSING = ("SlowDown", "Throttling", "RequestTimeout", "BadDigest", "IncompleteBody")
CHAIN = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role is attached"


@dataclass(frozen=True)
class Named:
    """What is said of a bucket when it fails."""

    bucket: str
    setting: str
    """What names the bucket."""
    grants: str
    """What whoever reads the error may have to grant."""
    refused: type[HallmarkError]


@dataclass(frozen=True)
class Entry:
    """One object."""

    key: str
    bytes: int
    at: datetime


class S3:
    """One bucket. Its client is made at the first use, and once more where its credentials expired meanwhile."""

    def __init__(self, named: Named, where: str = "", credentials: Callable[[], Any] = lambda: None) -> None:
        self.named, self.where, self.credentials = named, where, credentials
        self.bucket = named.bucket
        self._made: Any = None

    def do(self, work: Callable[[Any], T], where: str = "") -> T:
        """What `work` does with the client; it is called again, once, with newer credentials.

        Raises UnreachableError where a retry is sensible, ConfigurationError, or the error of a refusal.
        """
        from botocore.exceptions import ClientError

        with told(where or self.where, self.named):
            self._made = self._made or make_client(self.credentials())
            try:
                return work(self._made)
            except ClientError as error:
                if code_of(error) not in EXPIRED:
                    raise
                self._made = make_client(self.credentials())
                return work(self._made)

    def call(self, operation: str, **arguments: Any) -> Any:
        """One request about the bucket, such as `put_object`."""
        return self.do(lambda client: getattr(client, operation)(Bucket=self.bucket, **arguments))

    def entries(self, prefix: str) -> Iterator[Entry]:
        """Every object below a prefix, in order."""
        token: str | None = None
        while True:
            page = self.call("list_objects_v2", Prefix=prefix, **({"ContinuationToken": token} if token else {}))
            yield from (Entry(e["Key"], e["Size"], e["LastModified"]) for e in page.get("Contents", ()))
            token = page.get("NextContinuationToken")
            if not token:
                return

    def read(self, key: str) -> bytes:
        """A small object."""

        def work(client: Any) -> bytes:
            found: bytes = client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
            return found

        return self.do(work)

    def upload(self, files: Mapping[str, Path], extra: Mapping[str, Mapping[str, Any]]) -> None:
        """Each file under its key, the large ones in parts, several at once; `extra` are arguments by key."""
        waiting = dict(files)

        def work(client: Any) -> None:
            with _manager(client) as manager:
                begun = {
                    key: manager.upload(str(path), self.bucket, key, extra_args=dict(extra[key]))
                    for key, path in waiting.items()
                }
                for key, future in begun.items():
                    future.result()
                    del waiting[key]

        self.do(work)

    def download(self, files: Mapping[str, Path]) -> None:
        """Each key into its file."""

        def work(client: Any) -> None:
            with _manager(client) as manager:
                for future in [manager.download(self.bucket, key, str(path)) for key, path in files.items()]:
                    future.result()

        self.do(work)

    def delete(self, keys: Collection[str]) -> None:
        """Remove these keys; one that is not there is no error."""
        every = list(keys)
        for first in range(0, len(every), PAGE):
            self._delete(every[first : first + PAGE])

    def _delete(self, keys: Sequence[str]) -> None:
        """Remove a page of keys; what S3 leaves for want of time is asked for again."""
        for attempt in range(ATTEMPTS):
            body = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
            errors = self.call("delete_objects", Delete=body).get("Errors", ())
            for error in errors:
                if error["Code"] not in (*PASSING, "InternalError", "ServiceUnavailable"):
                    cause, remedy = f"S3 does not remove {error['Key']} ({error['Code']})", f"grant {self.named.grants}"
                    raise self.named.refused(self.where, cause, remedy)
            if not errors:
                return
            keys = [error["Key"] for error in errors]
            time.sleep(2**attempt / 10)
        raise _unreachable(self.where, f"S3 does not remove {keys[0]} ({errors[0]['Code']})")

    def unfinished(self, prefix: str, before: datetime) -> list[tuple[str, str]]:
        """(key, upload id) of the multipart uploads that nobody finished: they cost, and no listing shows them."""

        def work(client: Any) -> list[tuple[str, str]]:
            pages = client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket, Prefix=prefix)
            found = [u for page in pages for u in page.get("Uploads", ()) if u["Initiated"] < before]
            return [(u["Key"], u["UploadId"]) for u in found]

        return self.do(work)


def make_client(credentials: Any = None) -> Any:
    """A client with the credentials of a block of prefect-aws, else of AWS's standard chain, asked anew."""
    import boto3
    from botocore.config import Config

    ours = Config(
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS}, max_pool_connections=CONCURRENCY + 2
    )  # fmt: skip
    if credentials is None:
        return boto3.Session().client("s3", config=ours)
    options = credentials.aws_client_parameters.get_params_override()
    options["config"] = ours.merge(options["config"]) if "config" in options else ours
    return credentials.get_boto3_session().client("s3", **options)


def code_of(error: Any) -> str:
    """The code of a ClientError."""
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def told(where: str, named: Named) -> Iterator[None]:
    """What AWS says as an error that names the remedy."""
    from boto3.s3.transfer import S3TransferRetriesExceededError
    from botocore import exceptions as aws

    try:
        yield
    except HallmarkError:
        raise
    except (aws.NoCredentialsError, aws.PartialCredentialsError, aws.ProfileNotFound, aws.NoRegionError) as error:
        raise ConfigurationError(where, f"AWS: {error}", CHAIN) from None
    except aws.ClientError as error:
        raise _of_answer(where, named, error) from None
    except (aws.HTTPClientError, aws.ConnectionError) as error:
        raise _unreachable(where, f"S3 cannot be reached ({type(error).__name__})") from None
    except (
        S3TransferRetriesExceededError, aws.IncompleteReadError, aws.FlexibleChecksumError, ConnectionError,
        TimeoutError,
    ) as error:  # fmt: skip
        raise _unreachable(where, f"S3 broke off ({type(error).__name__})") from None
    except aws.BotoCoreError as error:  # such as an expired login, or a name that no bucket can have
        raise ConfigurationError(where, f"AWS: {error}", f"correct {named.setting}, or {CHAIN}") from None


def _of_answer(where: str, named: Named, error: Any) -> HallmarkError:
    code, status = code_of(error), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code == "NoSuchBucket":
        return named.refused(where, f"bucket {named.bucket} does not exist", f"correct {named.setting}")
    if code in EXPIRED and not code.isdigit():
        return UnreachableError(where, f"the credentials for S3 have expired ({code})", "renew them, then run again")
    if status >= 500 or code in PASSING:
        return _unreachable(where, f"S3 answered {code or status}")
    if status in (401, 403):
        return named.refused(where, f"S3 refused ({code})", f"grant {named.grants}, or {CHAIN}")
    return named.refused(where, f"S3 answered {code}", "see AWS's documentation of the code")


def _unreachable(where: str, cause: str) -> UnreachableError:
    return UnreachableError(where, cause, "check the network and AWS_ENDPOINT_URL, then run again")


def _manager(client: Any) -> Any:
    from boto3.s3.transfer import TransferConfig, create_transfer_manager

    config = TransferConfig(
        multipart_threshold=CHUNK, multipart_chunksize=CHUNK, max_concurrency=CONCURRENCY,
        preferred_transfer_client="classic",
    )  # fmt: skip
    return create_transfer_manager(client, config)
