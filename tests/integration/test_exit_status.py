"""What a scheduler decides by: whether to try a batch again, to tell a person, or to leave it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from typer.testing import CliRunner

from flows.cli import app
from flows.commands.run import exit_status
from governance.errors import ConfigurationError, HallmarkError
from tests import s3_support
from tests.homes import SLOT1, Home
from tests.s3_support import Faulty


@pytest.fixture(scope="module")
def server() -> Iterator[Faulty]:
    """S3 with the bucket `landing`, and in front of it one that fails on demand."""
    with s3_support.moto() as url, s3_support.faulty(url) as front:
        with pytest.MonkeyPatch.context() as patch:
            s3_support.use(patch, url)
            boto3.Session().client("s3").create_bucket(Bucket="landing")
        yield front


@pytest.fixture
def home(server: Faulty, tmp_path: Path) -> Iterator[Home]:
    """A file and a table whose database does not answer, landed in S3."""
    (tmp_path / "drops").mkdir()
    (tmp_path / "drops" / "a.csv").write_text("id\n1\n")
    files = {"path": "*.csv", "settle": "0s"}
    url = "postgresql://reader@127.0.0.1:9/crm"
    sources = {
        "hr": {"kind": "files", "root": "drops", "owner": "data-platform", "streams": {"people": files}},
        "crm": {"kind": "postgres", "url": url, "owner": "data-platform", "streams": {"t": {"table": "public.t"}}},
    }
    (tmp_path / "sources.yml").write_text(yaml.safe_dump({"sources": sources}))
    variables = s3_support.aws_environment(server.url)
    made = Home(tmp_path / "home", tmp_path / "sources.yml", {"HALLMARK_LANDING": "s3://landing/x", **variables})
    made.path.mkdir()
    made.with_parse()
    yield made
    server.faults.clear()


def test_a_batch_that_failed_for_want_of_what_does_not_answer_may_be_tried_again(home: Home, server: Faulty) -> None:
    server.fail(s3_support.EXPIRED, "PUT", "", times=1000)
    done = home.hallmark("run", "--json")
    causes = {s["source"]: s["error"]["cause"] for s in done.json["streams"]}
    assert "expired" in causes["hr"] and "reach" in causes["crm"], causes
    assert done.code == 4, done.err


@pytest.mark.parametrize(
    ("streams", "layers", "code"),
    [
        ([("published", False)], ["published"], 0),
        ([("failed", True), ("published", False)], ["partly published", "published"], 4),
        ([("failed", True), ("failed", False)], ["partly published"], 1),
        ([("failed", True)], ["partly published", "blocked", "skipped"], 1),
    ],
)
def test_one_failure_that_a_person_must_look_at_is_told_before_the_others(
    streams: list[tuple[str, bool]], layers: list[str], code: int
) -> None:
    found: dict[str, Any] = {
        "state": "failed" if code else "completed", "streams": [{"status": s, "retry": r} for s, r in streams],
        "layers": [{"status": s} for s in layers],
    }  # fmt: skip
    assert exit_status(found) == code


def absent(home: Home, _: Faulty) -> str:
    home.variables["HALLMARK_LANDING"] = "s3://absent/x"
    return "bucket absent does not exist"


def denied(_: Home, server: Faulty) -> str:
    server.fail(s3_support.DENIED, "GET", "/landing", times=1000)
    return "refused (AccessDenied)"


@pytest.mark.parametrize("wrong", [absent, denied])
def test_a_landing_zone_that_is_missing_or_refused_stops_what_would_begin(
    home: Home, server: Faulty, prefect_server: str, wrong: Callable[[Home, Faulty], str]
) -> None:
    cause = wrong(home, server)
    with pytest.raises(ConfigurationError) as stopped:
        home.run(slot=SLOT1)
    assert cause in stopped.value.cause and stopped.value.remedy
    assert not (home.path / "warehouse.duckdb").exists(), "nothing was started"
    with home.environment(), pytest.raises(HallmarkError) as refused:
        CliRunner().invoke(app, ["gc"], catch_exceptions=False)
    assert (refused.value.exit_code, refused.value.as_dict()) == (2, stopped.value.as_dict())


@pytest.mark.parametrize("landing", ["s3:/typo", "s3:typo", "S3://typo", "gs://bucket"])
def test_an_address_with_a_slip_is_no_folder(landing: str, tmp_path: Path) -> None:
    home = Home(tmp_path / "home", Path("flows/sources.yml").resolve(), {"HALLMARK_LANDING": landing})
    home.path.mkdir()
    with home.environment():
        done = CliRunner().invoke(app, ["gc"])
    assert isinstance(done.exception, ConfigurationError) and "s3://bucket/prefix" in done.exception.remedy
    assert json.dumps(landing)[1:-1] in done.exception.what
