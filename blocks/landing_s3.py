"""The landing zone in a bucket: `<prefix>/<2 hex of the load id>/<source>/<stream>/<load_id>/`.

Readers work on a scratch folder; what they landed is brought to the bucket, and back where another machine goes on.
A load is landed when its manifest is there, which is written last. The two hex digits spread the load over S3's
partitions: https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from blocks.landing import MANIFEST, Landed, Landing, sha256_of
from blocks.s3 import S3, Entry, Named
from blocks.sources.base import Manifest
from governance.errors import ConfigurationError, HallmarkError, UnreachableError

BLOCK = "hallmark-landing"
GRANTS = "s3:ListBucket, s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload"
_KEY = re.compile(r"(?P<hex>[0-9a-f]{2})/(?P<source>[a-z]\w*)/(?P<stream>[a-z]\w*)/(?P<load>[0-9a-f-]{36})/[^/]+")


STAGED = "staged"
"""Below the prefix: what waits for a COPY into Snowflake, which removes it."""


class S3Landing(Landing):
    """`s3://bucket/prefix`, with a folder of this machine to work in."""

    def __init__(self, url: str, scratch: Path, kms_key: str | None = None) -> None:
        super().__init__(scratch)
        self.url = url.rstrip("/")
        bucket, _, prefix = self.url.removeprefix("s3://").partition("/")
        self.prefix = f"{prefix}/" if prefix else ""
        named = Named(bucket, "HALLMARK_LANDING", GRANTS, HallmarkError)
        self.s3 = S3(named, f"landing zone {self.url}", lambda: credentials(bucket))
        self.encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}
        self._there: dict[str, dict[str, int]] = {}
        """Load id → name → bytes of what is in the bucket, of the loads that this run has seen."""

    def check(self) -> None:
        """Raises ConfigurationError for a bucket that is missing or refused, UnreachableError without an answer."""
        named = replace(self.s3.named, refused=ConfigurationError)  # nothing was started
        S3(named, self.s3.where, self.s3.credentials).call("list_objects_v2", Prefix=self.prefix, MaxKeys=1)

    def write_manifest(self, manifest: Manifest) -> None:
        """Bring the parts to the bucket, then the manifest; what is there already is left."""
        place = (manifest.source, manifest.stream, manifest.load_id)
        base, there = self._key(*place), self._names(*place)
        whole = there if MANIFEST in there else {}
        digests = {p.path: p.sha256 for p in manifest.parts}
        here = {p.name: p for p in self.folder(*place).glob("*") if _belongs(p, digests)}
        found = {name: path.stat().st_size for name, path in here.items()} or dict(whole)  # or it was released
        if wrong := [p.path for p in manifest.parts if found.get(p.path) != p.bytes]:
            cause = f"part {wrong[0]} has {found.get(wrong[0], 0)} bytes, not those that were landed"
            raise HallmarkError(f"load {manifest.load_id}", cause, "run again")
        new = {base + name: path for name, path in here.items() if whole.get(name) != found[name]}
        stale = [base + name for name in there if name not in found and name != MANIFEST]
        if MANIFEST in whole and not new and not stale and super().manifest(*place) == manifest:
            return
        extra = {
            key: {"Metadata": {"sha256": digests.get(path.name) or sha256_of(path)[1]}, **self.encrypted}
            for key, path in new.items()
        }
        self.s3.upload(new, extra)
        body = manifest.to_json().encode()
        self.s3.call("put_object", Key=base + MANIFEST, Body=body, **self.encrypted)
        self.s3.delete(stale)
        self._there[manifest.load_id] = {**found, MANIFEST: len(body)}
        if here:
            super().write_manifest(manifest)

    def manifest(self, source: str, stream: str, load_id: str) -> Manifest | None:
        """The manifest of a landed load, whose parts are in the scratch folder from here on; or None."""
        place = (source, stream, load_id)
        if here := super().manifest(*place):
            return here
        self._there.pop(load_id, None)
        if MANIFEST not in self._names(*place):
            return None
        manifest = Manifest.from_json(self.s3.read(self._key(*place) + MANIFEST).decode())
        self._fetch(manifest)
        super().write_manifest(manifest)
        return manifest

    def described(self, source: str, stream: str, load_id: str) -> Manifest | None:
        """The manifest of a landed load, or None; its parts stay where they are."""
        place = (source, stream, load_id)
        if MANIFEST not in self._names(*place):
            return None
        return Manifest.from_json(self.s3.read(self._key(*place) + MANIFEST).decode())

    def discard(self, source: str, stream: str, load_id: str) -> None:
        """Remove what a killed run left of a load, here and in the bucket."""
        names = self._names(source, stream, load_id)
        if MANIFEST not in names:
            self.s3.delete([self._key(source, stream, load_id) + name for name in names])
            self._there[load_id] = {}
        super().discard(source, stream, load_id)

    def release(self, source: str, stream: str, load_id: str) -> None:
        """Remove the working copy of a load that is published."""
        self._there.pop(load_id, None)
        shutil.rmtree(self.folder(source, stream, load_id), ignore_errors=True)

    def loads(self) -> Iterator[Landed]:
        """Every load in the bucket. Keys of another form are not of the landing zone, and are passed over."""
        group: list[Entry] = []
        for entry in self.s3.entries(self.prefix):
            relative = entry.key.removeprefix(self.prefix)
            found = _KEY.fullmatch(relative)
            if not found or found["hex"] != found["load"][:2]:
                continue
            if group and _load_of(group[0]) != _load_of(entry):
                yield self._landed(group)
                group = []
            group.append(entry)
        if group:
            yield self._landed(group)

    def remove(self, loads: Sequence[Landed]) -> None:
        """Remove loads, the manifests first, so that none looks whole of which a part is gone."""
        keys = [self._key(x.source, x.stream, x.load_id) + name for x in loads for name in x.names]
        self.s3.delete([key for key in keys if key.endswith(f"/{MANIFEST}")])
        self.s3.delete([key for key in keys if not key.endswith(f"/{MANIFEST}")])
        for load in loads:
            self.release(load.source, load.stream, load.load_id)

    def tidy(self, before: datetime, dry_run: bool) -> dict[str, int]:
        """Remove working copies that failed runs left, and end uploads that nobody finished."""
        old = [x for x in super().loads() if x.at < before]
        uploads = self.s3.unfinished(self.prefix, before)
        staged = [e for e in self.s3.entries(f"{self.prefix}{STAGED}/") if e.at < before]
        if not dry_run:
            super().remove(old)
            self.s3.delete([e.key for e in staged])
            for key, upload in uploads:
                self.s3.call("abort_multipart_upload", Key=key, UploadId=upload)
        scratch = sum(x.bytes for x in old) + sum(e.bytes for e in staged)
        return {"scratch_bytes": scratch, "uploads": len(uploads)}

    def _key(self, source: str, stream: str, load_id: str) -> str:
        return f"{self.prefix}{load_id[:2]}/{source}/{stream}/{load_id}/"

    def _names(self, source: str, stream: str, load_id: str) -> dict[str, int]:
        if load_id not in self._there:
            base = self._key(source, stream, load_id)
            self._there[load_id] = {e.key.removeprefix(base): e.bytes for e in self.s3.entries(base)}
        return self._there[load_id]

    def _landed(self, group: Sequence[Entry]) -> Landed:
        source, stream, load_id = _load_of(group[0])
        names = tuple(sys.intern(e.key.rpartition("/")[2]) for e in group)  # millions of loads share a few names
        return Landed(source, stream, load_id, sum(e.bytes for e in group), max(e.at for e in group), names)

    def _fetch(self, manifest: Manifest) -> None:
        """Make the scratch folder what the bucket has, each file held against its sha256."""
        place = (manifest.source, manifest.stream, manifest.load_id)
        folder, base, names = self.folder(*place), self._key(*place), self._names(*place)
        digests = {p.path: p.sha256 for p in manifest.parts}
        if gone := sorted(set(digests) - set(names)):
            cause = f"part {gone[0]} is gone from the bucket"
            raise HallmarkError(f"{self.s3.where}, {base}", cause, "restore it from an earlier version of the object")
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            if name != MANIFEST and name not in digests:
                digests[name] = self._digest(base + name)
        for path in list(folder.iterdir()):
            if path.name not in digests or sha256_of(path)[1] != digests[path.name]:
                path.unlink()
        partial = {name: folder / f".{name}.{os.getpid()}" for name in digests if not (folder / name).exists()}
        try:
            self.s3.download({base + name: path for name, path in partial.items()})
            for name, path in partial.items():
                if sha256_of(path)[1] != digests[name]:
                    cause = f"{name} has not the bytes that were landed (sha256)"
                    remedy = "restore it from an earlier version of the object"
                    raise HallmarkError(f"{self.s3.where}, {base}", cause, remedy)
                path.replace(folder / name)
        finally:
            for path in partial.values():
                path.unlink(missing_ok=True)

    def _digest(self, key: str) -> str:
        """The sha256 that was written beside an object that is no part, such as a copy in UTF-8."""
        return str(self.s3.call("head_object", Key=key)["Metadata"].get("sha256", ""))


def credentials(bucket: str) -> Any:
    """Those of the Prefect block `hallmark-landing`, an S3 bucket or AWS credentials; None where there is none.

    Raises ConfigurationError for a block of another bucket, UnreachableError when the server does not answer.
    """
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound
    from prefect.settings import get_current_settings

    if not get_current_settings().api.url:  # Prefect would start a server for the question
        return None
    with get_client(sync_client=True) as client:
        for slug in ("s3-bucket", "aws-credentials"):
            try:
                data = client.read_block_document_by_name(BLOCK, slug, include_secrets=True).data
            except ObjectNotFound:
                continue
            except httpx.TransportError as error:
                remedy = "start it, or correct PREFECT_API_URL"
                raise UnreachableError("the Prefect server", type(error).__name__, remedy) from None
            return _of_block(data, slug, bucket)
    return None


def _of_block(data: dict[str, Any], slug: str, bucket: str) -> Any:
    from prefect_aws import AwsCredentials, S3Bucket  # 9 s, so not before there is such a block

    try:
        if slug == "aws-credentials":
            return AwsCredentials(**data)
        found = S3Bucket(**data)
    except ValueError as error:
        raise ConfigurationError.of_validation(f"block {slug}/{BLOCK}", error) from None
    if found.bucket_name != bucket:
        cause = f"it names the bucket {found.bucket_name}, HALLMARK_LANDING names {bucket}"
        raise ConfigurationError(f"block {slug}/{BLOCK}", cause, "let both name the same")
    return found.credentials


def _belongs(path: Path, parts: dict[str, str]) -> bool:
    """Whether a file is brought to the bucket: not the tables that a conversion makes again whenever it is read.

    Copies in UTF-8 are: the bytes of a quarantined row are counted in them.
    """
    if path.name in parts:
        return True
    return path.is_file() and path.suffix != ".parquet" and path.name != MANIFEST and not path.name.startswith(".")


def _load_of(entry: Entry) -> tuple[str, str, str]:
    source, stream, load_id = entry.key.split("/")[-4:-1]
    return source, stream, load_id
