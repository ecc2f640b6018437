"""Batches whose landing zone is a bucket, killed and resumed on a machine without their files; and `hallmark gc`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from blocks.landing import open_landing
from blocks.landing_s3 import BLOCK, S3Landing
from blocks.settings import Settings
from flows.cli import app
from governance.errors import ConfigurationError
from tests import s3_support
from tests.homes import SLOT1, Home, ended
from tests.s3_support import Faulty
from tests.unit.blocks.landing_support import LOAD, landed

GOOD, BAD = "id,name\n1,a\n2,b\n", "id,name\n3,c\n4,d,too much\n"


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with s3_support.moto() as url, pytest.MonkeyPatch.context() as patch:
        import boto3

        s3_support.use(patch, url)
        boto3.Session().client("s3").create_bucket(Bucket="landing")
        yield url


@dataclass
class Place:
    """Homes with one landing zone; where that is a folder, it is outside of them."""

    path: Path
    landing: str
    variables: dict[str, str]

    def home(self, name: str, of: Home | None = None) -> Home:
        """A home; or what a machine has that takes over from another: the ledger and the state, and no landed file."""
        path = self.path / name
        if of:
            shutil.copytree(of.path, path, ignore=shutil.ignore_patterns("scratch", "*.lock", "prefect"))
        return Home(path, self.path / "sources.yml", {"HALLMARK_LANDING": self.landing, **self.variables})

    def drop(self, **files: str) -> None:
        """Let files be dropped; there are no others afterwards."""
        root = self.path / "drops"
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        for name, text in files.items():
            (root / f"{name}.csv").write_text(text)
        stream = {"path": "*.csv", "settle": "0s"}
        source = {"kind": "files", "root": str(root), "owner": "data-platform", "streams": {"people": stream}}
        (self.path / "sources.yml").write_text(yaml.safe_dump({"sources": {"hr": source}}))

    def kept(self) -> list[str]:
        """`<load id>/<name>` of all that lies in the landing zone."""
        if self.landing.startswith("s3://"):
            prefix = self.landing.removeprefix("s3://landing/") + "/"
            names = [n for n in s3_support.objects("landing") if n.startswith(prefix)]
        else:
            names = [str(p) for p in Path(self.landing).rglob("*") if p.is_file()]
        return sorted("/".join(name.split("/")[-2:]) for name in names)


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, s3: str, tmp_path: Path) -> Place:
    landing = f"s3://landing/{tmp_path.name}" if request.param == "bucket" else str(tmp_path / "landing")
    found = Place(tmp_path, landing, s3_support.aws_environment(s3))
    found.drop(good=GOOD, bad=BAD)
    return found


@pytest.fixture
def server(s3: str) -> Iterator[Faulty]:
    with s3_support.faulty(s3) as state:
        yield state


def gc(home: Home, *options: str, days: float = 0) -> Any:
    """What `hallmark gc --json` says these days later; raises what it raises."""
    now = (datetime.now(UTC) + timedelta(days=days)).isoformat()
    with home.environment(HALLMARK_NOW=now):
        done = CliRunner().invoke(app, ["gc", "--json", *options], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def killed(home: Home, server: Faulty, at: str, number: int) -> None:
    """A run that is killed when it sends such a request for the n-th time, which S3 then does not get."""
    process = home.start("run", "--slot", SLOT1, AWS_ENDPOINT_URL=server.url)
    server.faults.clear()
    server.fail(s3_support.RESET, "PUT", at, times=1000, after=number - 1, then=process.kill)
    assert ended(process).code == -9


def test_a_run_that_was_killed_is_resumed_by_another_machine(s3: str, server: Faulty, tmp_path: Path) -> None:
    place = Place(tmp_path, f"s3://landing/{tmp_path.name}", s3_support.aws_environment(s3))
    place.drop(good=GOOD, bad=BAD)
    clean = Place(tmp_path, f"{place.landing}-clean", place.variables).home("clean")
    assert clean.run(slot=SLOT1)["state"] == "completed"

    first = place.home("first")
    killed(first, server, "manifest.json", 1)
    assert [name.split("/")[1].partition("-")[0] for name in place.kept()] == ["part"], "a part, and no manifest"
    second = place.home("second", first)
    killed(second, server, "manifest.json", 3)  # both are landed; one is about to be told the rows that it gave
    assert sum(name.endswith("manifest.json") for name in place.kept()) == 2
    place.drop()  # what is landed is not read from its source again
    third = place.home("third", second)
    assert third.run(slot=SLOT1)["state"] == "completed"

    assert third.fingerprints("bronze") == clean.fingerprints("bronze")
    reasons = "SELECT layer, position, reason_code, raw, byte_from, byte_to FROM ops.quarantine ORDER BY ALL"
    assert third.rows(reasons) == clean.rows(reasons) != []
    loads = "SELECT identity, status, rows_read, rows_published, rows_quarantined FROM ops.loads ORDER BY ALL"
    assert third.rows(loads) == clean.rows(loads)
    known = {load_id for (load_id,) in third.rows("SELECT load_id FROM ops.loads")}
    assert {name.split("/")[0] for name in place.kept()} == known and len(place.kept()) == 4


def load_of(home: Home, path: str) -> str:
    """Load id of a dropped file."""
    return str(home.value("SELECT load_id FROM ops.loads WHERE path = ?", path))


def why(report: Any) -> dict[str, int]:
    """Reason → loads that were kept."""
    return {row["why"]: row["loads"] for row in report["kept"]}


def test_gc_keeps_what_is_needed_and_removes_the_rest(place: Place, prefect_server: str) -> None:
    from flows.replay import replay

    home = place.home("home")
    home.run(slot=SLOT1)
    good, bad, everything = load_of(home, "good.csv"), load_of(home, "bad.csv"), place.kept()
    assert not list((home.path / "scratch").rglob("part-*")), "the working copies of what is published are gone"
    young = gc(home)
    assert young["removed"] == [] and place.kept() == everything
    assert why(young) == {"published, not older than 35 days": 1, "quarantined rows wait for a replay": 1}

    planned = gc(home, "--dry-run", days=36)
    assert [(x["load_id"], x["files"]) for x in planned["removed"]] == [(good, 2)] and planned["dry_run"]
    assert planned["removed_bytes"] > len(GOOD) and place.kept() == everything
    assert home.rows("SELECT * FROM ops.actions") == []

    assert [x["load_id"] for x in gc(home, days=36)["removed"]] == [good]
    assert place.kept() == [name for name in everything if name.startswith(bad)]
    assert home.rows("SELECT action, target, reason LIKE '1 loads, %older than 35 days' FROM ops.actions") == [
        ("gc", "hr.people", True)
    ]
    assert gc(home, days=36)["removed"] == []
    assert home.run()["streams"][0]["read"] == 0, "what is gone is not read again"

    other = place.home("other", home)  # the rows are read again where no landed file is at hand
    with other.environment():
        counts = replay(sources=str(other.sources))
    assert counts == {"selected": 1, "published": 0, "still_quarantined": 1}
    report = gc(other, days=36)
    assert [x["load_id"] for x in report["removed"]] == [bad]
    assert why(report) == {"quarantined rows wait for a replay": 1}, "those of the replay"


def test_gc_spares_work_that_is_not_done(place: Place, prefect_server: str) -> None:
    home = place.home("home")
    home.run(slot=SLOT1)
    good, everything = load_of(home, "good.csv"), place.kept()
    home.rows("UPDATE ops.loads SET status = 'landed' WHERE load_id = ?", good)
    assert "landed: not published yet" in why(gc(home, days=400))
    home.rows("UPDATE ops.loads SET status = 'published' WHERE load_id = ?", good)
    home.rows(
        "INSERT INTO ops.loads SELECT * REPLACE ('b' AS load_id, 'hr.people:backfill:x' AS identity, 'planned' AS "
        "status) FROM ops.loads WHERE load_id = ?", good,
    )  # fmt: skip
    assert "a backfill of the stream has not ended" in why(gc(home, days=400))
    assert place.kept() == everything
    home.rows("UPDATE ops.loads SET status = 'published' WHERE load_id = 'b'")
    shown = home.hallmark("gc", HALLMARK_NOW=(datetime.now(UTC) + timedelta(days=400)).isoformat())
    assert shown.code == 0 and "hr.people" in shown.out and "quarantined rows wait" in shown.out, shown.err
    assert not [name for name in place.kept() if name.startswith(good)]


def test_gc_removes_strangers_after_a_day_and_nothing_where_all_are(place: Place, prefect_server: str) -> None:
    home = place.home("home")
    home.run(slot=SLOT1)
    everything = place.kept()
    with home.environment():
        landing = open_landing(Settings.load())
        landed(landing, b"a\n1\n")
        landing.release("crm", "t", LOAD)
    assert "not in the ledger, and younger than a day" in why(gc(home))
    assert [x["load_id"] for x in gc(home, days=2)["removed"]] == [LOAD] and place.kept() == everything

    home.rows("DELETE FROM ops.loads")
    with pytest.raises(ConfigurationError, match="knows none"):
        gc(home, days=400)
    (home.path / "warehouse.duckdb").unlink()
    with pytest.raises(ConfigurationError, match="no warehouse"):
        gc(home, days=400)
    assert place.kept() == everything and not (home.path / "warehouse.duckdb").exists()


def test_the_credentials_of_a_prefect_block_win(s3: str, server: Faulty, tmp_path: Path, prefect_server: str) -> None:
    from prefect_aws import AwsCredentials, S3Bucket
    from prefect_aws.client_parameters import AwsClientParameters

    where = AwsClientParameters(endpoint_url=server.url)
    key = AwsCredentials(aws_access_key_id="of-block", aws_secret_access_key="x", aws_client_parameters=where)
    S3Bucket(bucket_name="landing", credentials=key).save(BLOCK, overwrite=True)
    try:
        landed(S3Landing(f"s3://landing/{tmp_path.name}", tmp_path / "scratch"), b"a\n1\n")
        assert {key for _, _, key in server.seen} == {"of-block"}
        with pytest.raises(ConfigurationError, match="names the bucket landing, HALLMARK_LANDING names other"):
            landed(S3Landing("s3://other", tmp_path / "other"), b"a\n1\n")
    finally:
        S3Bucket.delete(BLOCK)
