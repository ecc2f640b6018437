"""A landing zone for tests: a folder or a bucket, seen by machines that have no file in common."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from blocks.landing import Landing
from blocks.landing_s3 import S3Landing
from blocks.sources.base import ColumnSpec, Manifest, Part, Planned
from tests import s3_support

LOAD = Planned("crm.t:range:..1").load_id
PREFIX = f"zone/{LOAD[:2]}/crm/t/{LOAD}/"


@dataclass
class Zone:
    """One landing zone, as machines with no file in common see it."""

    path: Path
    bucket: bool
    machines: int = 0

    def machine(self) -> Landing:
        self.machines += 1
        if self.bucket:
            return S3Landing("s3://landing/zone", self.path / str(self.machines))
        return Landing(self.path / "landing")

    def kept(self) -> set[str]:
        """What lies in it, by load and name."""
        names = s3_support.objects("landing") if self.bucket else map(str, (self.path / "landing").rglob("*.*"))
        return {"/".join(name.split("/")[-2:]) for name in names}


@contextmanager
def a_bucket(url: str, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """The bucket `landing`, empty, which this process works on."""
    import boto3

    s3_support.use(patch, url)
    client = boto3.Session().client("s3")
    client.create_bucket(Bucket="landing")
    yield
    for key in s3_support.objects("landing", url):
        client.delete_object(Bucket="landing", Key=key)
    for upload in client.list_multipart_uploads(Bucket="landing").get("Uploads", ()):
        client.abort_multipart_upload(Bucket="landing", Key=upload["Key"], UploadId=upload["UploadId"])
    client.delete_bucket(Bucket="landing")


def landed(landing: Landing, *bodies: bytes, manifest: bool = True, load_id: str = LOAD) -> Manifest:
    """A load with a part of each of these bytes."""
    parts = []
    for number, body in enumerate(bodies):
        path = landing.folder("crm", "t", load_id) / f"part-{number}.csv"
        size, digest = landing.copy_in(io.BytesIO(body), path)
        parts.append(Part(path.name, size, digest, f"t{number}"))
    schema = (ColumnSpec("a", "VARCHAR"),)
    made = Manifest(load_id, "crm.t:range:..1", "crm", "t", None, "1", None, schema, tuple(parts))
    if manifest:
        landing.write_manifest(made)
    return made
