"""The landing zone in a bucket, and what a bucket does to it: busy, broken off, expired, refused, damaged."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from blocks.landing import sha256_of
from blocks.landing_s3 import S3Landing
from governance.errors import HallmarkError, UnreachableError
from tests import s3_support
from tests.s3_support import DENIED, EXPIRED, RESET, SLOW, Faulty
from tests.unit.blocks.landing_support import LOAD, PREFIX, Zone, a_bucket, landed

LARGE = hashlib.sha256(b"x").digest() * (1 << 20)
"""32 MiB: four parts of a multipart upload."""
FOREVER = 1000


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with s3_support.moto() as url:
        yield url


@pytest.fixture
def zone(s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Zone]:
    with a_bucket(s3, monkeypatch):
        yield Zone(tmp_path, bucket=True)


@pytest.fixture
def server(zone: Zone, s3: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Faulty]:
    with s3_support.faulty(s3) as state:
        monkeypatch.setenv("AWS_ENDPOINT_URL", state.url)
        yield state


def ends_as_if_nothing_had_been(zone: Zone, server: Faulty) -> None:
    """Nothing is landed; and when S3 is well again, the load is landed by whoever comes next."""
    server.faults.clear()
    other = zone.machine()
    assert other.manifest("crm", "t", LOAD) is None
    other.discard("crm", "t", LOAD)
    assert zone.kept() == set()
    made = landed(other, b"a\n1\n")
    third = zone.machine()
    assert third.manifest("crm", "t", LOAD) == made and third.part(made).read_bytes() == b"a\n1\n"


@pytest.mark.parametrize("kind", [SLOW, RESET])
def test_what_passes_is_no_error(zone: Zone, server: Faulty, kind: str) -> None:
    server.fail(kind, "PUT", "partNumber=2", 2)
    server.fail(kind, "PUT", "manifest.json")
    server.fail(kind, "GET", "part-0.csv")
    made = landed(zone.machine(), LARGE)
    other = zone.machine()
    assert other.manifest("crm", "t", LOAD) == made and other.part(made).read_bytes() == LARGE
    assert not any(f.times for f in server.faults)


@pytest.mark.parametrize(
    ("kind", "word", "said"),
    [
        (SLOW, "partNumber=2", "SlowDown"),
        (RESET, "partNumber=2", "cannot be reached"),
        (EXPIRED, "partNumber=2", "credentials for S3 have expired"),
        (SLOW, "manifest.json", "SlowDown"),
    ],
)
def test_what_does_not_pass_lands_nothing_and_may_be_tried_again(
    zone: Zone, server: Faulty, kind: str, word: str, said: str
) -> None:
    server.fail(kind, "PUT", word, FOREVER)
    landing = zone.machine()
    with pytest.raises(HallmarkError, match=said) as caught:
        landed(landing, LARGE)
    assert caught.value.exit_code == 4 and "testing" not in str(caught.value)
    assert not (landing.folder("crm", "t", LOAD) / "manifest.json").exists()
    ends_as_if_nothing_had_been(zone, server)


def test_a_refusal_says_what_to_grant(zone: Zone, server: Faulty) -> None:
    server.fail(DENIED, "PUT", "part-0.csv", FOREVER)
    with pytest.raises(HallmarkError, match="s3:PutObject") as caught:
        landed(zone.machine(), b"a\n1\n")
    assert caught.value.exit_code == 1
    ends_as_if_nothing_had_been(zone, server)


def test_a_bucket_that_is_not_there_is_named(zone: Zone) -> None:
    with pytest.raises(HallmarkError, match=r"bucket absent does not exist.*HALLMARK_LANDING"):
        landed(S3Landing("s3://absent", zone.path / "x"), b"a\n1\n")


@pytest.mark.parametrize("word", ["partNumber=2", "manifest.json"])
def test_credentials_that_were_renewed_meanwhile_are_taken(
    zone: Zone, server: Faulty, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    file = zone.path / "credentials"
    s3_support.write_credentials(file, "old")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    server.fail(EXPIRED, "PUT", word, then=lambda: s3_support.write_credentials(file, "new"))
    landing = zone.machine()
    made = landed(landing, LARGE)
    assert next(key for _, _, key in server.seen if key) == "old" and server.seen[-1][2] == "new"
    assert landing.manifest("crm", "t", LOAD) == made
    other = zone.machine()
    assert other.manifest("crm", "t", LOAD) == made and other.part(made).read_bytes() == LARGE


def test_a_read_that_fails_leaves_nothing_half_read(zone: Zone, server: Faulty) -> None:
    made = landed(zone.machine(), b"a\n1\n", LARGE)
    server.fail(RESET, "GET", "part-1.csv", FOREVER)
    other = zone.machine()
    with pytest.raises(HallmarkError) as caught:
        other.manifest("crm", "t", LOAD)
    assert caught.value.exit_code == 4
    assert not (other.folder("crm", "t", LOAD) / "manifest.json").exists()
    server.faults.clear()
    assert other.manifest("crm", "t", LOAD) == made and other.part(made, made.parts[1]).read_bytes() == LARGE


def test_a_changed_byte_is_found(zone: Zone) -> None:
    landing = zone.machine()
    made = landed(landing, b"a\n1\n")
    assert isinstance(landing, S3Landing)
    landing.s3.call("put_object", Key=PREFIX + "part-0.csv", Body=b"a\n2\n")
    other = zone.machine()
    with pytest.raises(HallmarkError, match="sha256"):
        other.manifest("crm", "t", LOAD)
    assert not list(other.folder("crm", "t", LOAD).iterdir()), "nothing of it is at hand"
    assert landing.manifest("crm", "t", LOAD) == made


def test_a_large_part_goes_in_parts_under_its_prefix_and_key(zone: Zone) -> None:
    landing = S3Landing("s3://landing/zone/", zone.path / "kms", "arn:aws:kms:us-east-1:1:key/k")
    landed(landing, LARGE)
    head = landing.s3.call("head_object", Key=PREFIX + "part-0.csv")
    assert head["ETag"].endswith('-4"') and head["ContentLength"] == len(LARGE)
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", "arn:aws:kms:us-east-1:1:key/k")
    assert head["Metadata"]["sha256"] == hashlib.sha256(LARGE).hexdigest()
    manifest = landing.s3.call("head_object", Key=PREFIX + "manifest.json")
    assert manifest["ServerSideEncryption"] == "aws:kms"
    other = zone.machine()
    assert (found := other.manifest("crm", "t", LOAD)) and sha256_of(other.part(found))[1] == found.parts[0].sha256


def test_a_load_is_described_without_a_part_being_fetched(zone: Zone) -> None:
    assert zone.machine().described("crm", "t", LOAD) is None
    made, other = landed(zone.machine(), b"a\n1\n"), zone.machine()
    assert other.described("crm", "t", LOAD) == made and not other.folder("crm", "t", LOAD).exists()


def test_old_working_copies_and_unfinished_uploads_are_tidied(zone: Zone) -> None:
    landing = zone.machine()
    landed(landing, b"a\n1\n")
    assert isinstance(landing, S3Landing)
    landing.s3.call("create_multipart_upload", Key="zone/aa/crm/t/x/part-0.csv")
    later, earlier = datetime(2100, 1, 1, tzinfo=UTC), datetime(2000, 1, 1, tzinfo=UTC)
    assert landing.tidy(earlier, dry_run=False) == {"scratch_bytes": 0, "uploads": 0}
    size = landing.tidy(later, dry_run=True)["scratch_bytes"]
    assert size > 4 and landing.tidy(later, dry_run=False) == {"scratch_bytes": size, "uploads": 1}
    assert landing.tidy(later, dry_run=False) == {"scratch_bytes": 0, "uploads": 0}
    assert landing.manifest("crm", "t", LOAD)


def test_what_s3_leaves_for_want_of_time_is_removed_all_the_same(zone: Zone, server: Faulty) -> None:
    landing = zone.machine()
    made = landed(landing, b"a\n1\n")
    keys = [entry.key for entry in landing.s3.entries(landing.prefix)]
    assert len(keys) == 2 and made
    server.fail(DENIED, "POST", "delete")
    with pytest.raises(HallmarkError, match=rf"\({DENIED}\).*grant.*s3:DeleteObject"):
        landing.s3.delete(keys)
    server.fail(SLOW, "POST", "delete", 2)
    landing.s3.delete(keys)
    assert not list(landing.s3.entries(landing.prefix))
    server.fail(SLOW, "POST", "delete", FOREVER)
    with pytest.raises(UnreachableError, match=SLOW):
        landing.s3.delete(keys)
