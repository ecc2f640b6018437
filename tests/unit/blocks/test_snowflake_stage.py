"""The external stage: files are really uploaded to S3; the COPY from there is read by sqlglot, not executed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from blocks.landing_s3 import S3Landing
from blocks.settings import Settings
from blocks.warehouses.snowflake_copy import ExternalStage, InternalStage, copy_statement, stage_of
from governance.errors import ConfigurationError
from tests import s3_support
from tests.unit.blocks.landing_support import a_bucket


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A landing zone in a bucket of a server of its own."""
    with s3_support.moto() as url, a_bucket(url, monkeypatch):
        yield "s3://landing/zone"


def test_files_go_below_the_landing_zone_and_copy_names_the_stage(tmp_path: Path, bucket: str) -> None:
    folder = tmp_path / "parquet"
    folder.mkdir()
    (folder / "data_0.parquet").write_bytes(b"PAR1")
    settings = Settings(home=tmp_path, landing=bucket, snowflake_stage="LAKE.PUBLIC.LANDING")
    stage = stage_of(settings)
    assert isinstance(stage, ExternalStage)
    place = stage.put(None, folder, "some-id/0")  # type: ignore[arg-type] - it asks nothing of the warehouse
    assert place == "@LAKE.PUBLIC.LANDING/staged/some-id/0/"
    landing = stage.landing
    assert isinstance(landing, S3Landing)
    assert landing.s3.read(f"{landing.prefix}staged/some-id/0/data_0.parquet") == b"PAR1"
    assert not list(landing.loads()), "what is staged is no load of the landing zone"
    [statement] = sqlglot.parse(copy_statement('bronze__staging."X$rows"', place), read="snowflake")
    assert isinstance(statement, exp.Copy)


def test_without_a_stage_it_is_the_internal_one(tmp_path: Path) -> None:
    assert isinstance(stage_of(Settings(home=tmp_path)), InternalStage)
    with pytest.raises(ConfigurationError, match="landing zone is not in S3"):
        stage_of(Settings(home=tmp_path, snowflake_stage="A.B.C"))
