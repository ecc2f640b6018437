"""The landing zone: a folder and a bucket are one to whoever lands loads and reads them."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from blocks.landing import Landing, open_landing
from blocks.landing_s3 import S3Landing
from blocks.settings import Settings
from blocks.sources.base import Manifest, Planned, Since
from blocks.sources.files import FilesReader
from blocks.sources.spec import SourceSpec, StreamSpec
from governance.errors import ConfigurationError
from tests import s3_support
from tests.unit.blocks.landing_support import LOAD, Zone, a_bucket, landed

NOW = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with s3_support.moto() as url:
        yield url


@pytest.fixture(params=["folder", "bucket"])
def zone(request: pytest.FixtureRequest, s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Zone]:
    with a_bucket(s3, monkeypatch):
        yield Zone(tmp_path, request.param == "bucket")


def test_what_is_landed_is_read_by_another_machine(zone: Zone) -> None:
    made = landed(zone.machine(), b"a\n1\n", b"a\n2\n")
    other = zone.machine()
    assert other.manifest("crm", "t", LOAD) == made
    assert [other.part(made, p).read_bytes() for p in made.parts] == [b"a\n1\n", b"a\n2\n"]
    assert zone.kept() >= {f"{LOAD}/{name}" for name in ("part-0.csv", "part-1.csv", "manifest.json")}


def test_nothing_is_landed_before_its_manifest_is(zone: Zone) -> None:
    landing = zone.machine()
    landed(landing, b"a\n1\n", manifest=False)
    assert landing.manifest("crm", "t", LOAD) is None and zone.machine().manifest("crm", "t", LOAD) is None
    landing.discard("crm", "t", LOAD)
    assert not landing.folder("crm", "t", LOAD).exists() and zone.kept() == set()


def test_what_is_landed_is_not_discarded(zone: Zone) -> None:
    made = landed(zone.machine(), b"a\n1\n")
    other = zone.machine()
    other.discard("crm", "t", LOAD)
    assert other.manifest("crm", "t", LOAD) == made


def test_an_error_on_the_way_leaves_no_part(zone: Zone) -> None:
    landing = zone.machine()
    target = landing.folder("crm", "t", LOAD) / "part-0.csv"

    def broken(out: Any) -> None:
        out.write(b"half")
        raise OSError("Input/output error")

    with pytest.raises(OSError, match="Input/output"):
        landing.put(target, broken)
    assert not target.exists() and list(target.parent.iterdir()) == []


def test_the_rows_that_reading_found_reach_the_other_machine(zone: Zone) -> None:
    landing = zone.machine()
    made = landed(landing, b"a\n1\n")
    landing.write_manifest(made.with_rows({LOAD: 1}))
    assert (found := zone.machine().manifest("crm", "t", LOAD)) and found.parts[0].rows == 1


def test_what_was_half_landed_is_landed_anew(zone: Zone) -> None:
    first = zone.machine()
    landed(first, b"a\n1\n", manifest=False)
    second = zone.machine()
    second.discard("crm", "t", LOAD)
    made = landed(second, b"a\n2\n")  # as long as the other
    other = zone.machine()
    assert other.manifest("crm", "t", LOAD) == made and other.part(made).read_bytes() == b"a\n2\n"


def test_copies_beside_a_part_go_with_it_and_tables_of_conversions_do_not(zone: Zone) -> None:
    landing = zone.machine()
    made = landed(landing, b"a\n1\n")
    folder = landing.folder("crm", "t", LOAD)
    for name in ("packed-0.gz", "part-0.csv.cp1252.utf8", "part-0.csv-1.parquet", ".part-9.csv.77"):
        (folder / name).write_bytes(name.encode())
    landing.write_manifest(made.with_rows({LOAD: 1}))
    (folder / "part-0.csv.cp1252.utf8").rename(folder / "part-0.csv.cp1250.utf8")
    landing.write_manifest(made.with_rows({LOAD: 2}))
    other = zone.machine()
    assert other.manifest("crm", "t", LOAD)
    names = {p.name for p in other.folder("crm", "t", LOAD).iterdir()}
    assert names >= {"packed-0.gz", "part-0.csv.cp1250.utf8"} and "part-0.csv.cp1252.utf8" not in names
    assert not zone.bucket or names == {"packed-0.gz", "part-0.csv.cp1250.utf8", "part-0.csv", "manifest.json"}


def test_a_working_copy_that_is_released_comes_back(zone: Zone) -> None:
    landing = zone.machine()
    made = landed(landing, b"a\n1\n")
    landing.release("crm", "t", LOAD)
    assert landing.folder("crm", "t", LOAD).exists() is not zone.bucket
    landing.write_manifest(made.with_rows({LOAD: 1}))
    assert landing.manifest("crm", "t", LOAD) == made.with_rows({LOAD: 1})
    assert landing.part(made).read_bytes() == b"a\n1\n"


def test_loads_are_listed_and_removed(zone: Zone) -> None:
    half = Planned("crm.t:range:1..2").load_id
    landing = zone.machine()
    made = landed(landing, b"a\n1\n", b"a\n22\n")
    landed(landing, b"a\n3\n", load_id=half)
    if isinstance(landing, S3Landing):
        landing.s3.delete([f"zone/{half[:2]}/crm/t/{half}/manifest.json"])
        landing.s3.call("put_object", Key="zone/other/file", Body=b"not ours")
    else:
        (landing.folder("crm", "t", half) / "manifest.json").unlink()
    found = {x.load_id: x for x in landing.loads()}
    assert set(found) == {LOAD, half} and (found[LOAD].whole, found[half].whole) == (True, False)
    assert found[LOAD].bytes == 9 + len(made.to_json()) and found[half].names == ("part-0.csv",)
    assert abs(found[LOAD].at - datetime.now(UTC)) < timedelta(minutes=5)
    landing.remove(list(found.values()))
    assert list(landing.loads()) == [] and zone.machine().manifest("crm", "t", LOAD) is None
    assert zone.kept() == ({"other/file"} if zone.bucket else set())


FILES = {
    "plain.csv": b"id;name\n1;a\n2;b\n",
    "west.csv": "id;name\n3;café\n4\n".encode("cp1252"),
    "packed.csv.gz": gzip.compress(b"id;name\n5;e\n"),
    "doc.json": b'[{"id": 6, "name": "f"},\n {"id": 7, "name": "g"}]',
    "list.xml": b"<l><r><id>8</id><name>h</name></r></l>",
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_read_alike_where_it_was_landed_and_elsewhere(zone: Zone, name: str) -> None:
    drops = zone.path / "drops"
    drops.mkdir()
    (drops / name).write_bytes(FILES[name])
    stream = StreamSpec(name="t", path="*", settle=timedelta(0), record="/l/r" if name.endswith("xml") else None)
    spec = SourceSpec(name="drops", kind="files", owner="x", root=str(drops), streams={"t": stream})

    def rows(landing: Landing, manifests: list[Manifest]) -> tuple[list[Any], list[Any]]:
        extract = FilesReader(spec).extract(stream, manifests, landing, {"": ()})
        with duckdb.connect() as connection:
            found = connection.execute(f"SELECT id, name, _source_position FROM ({extract.sql}) ORDER BY 3").fetchall()
            return found, extract.rejects(connection)

    landing, reader = zone.machine(), FilesReader(spec)
    [planned] = reader.plan(stream, Since(None, {}, {}), NOW, landing)
    made = reader.land(stream, planned, landing)
    here = rows(landing, [made])
    landing.write_manifest(made.with_rows({made.load_id: 2}))
    other = zone.machine()
    [manifest] = [reader.land(stream, planned, other)]
    assert rows(other, [manifest]) == here and here[0]
    if isinstance(other, S3Landing):  # what a replay needs is there too
        first, second = ({p.name for p in x.folder("drops", "t", made.load_id).iterdir()} for x in (landing, other))
        assert first == second


def test_the_place_is_named_by_the_settings(tmp_path: Path) -> None:
    where = {"home": tmp_path}
    assert type(open_landing(Settings(**where))) is Landing
    found = open_landing(Settings(**where, landing="s3://bucket/a/b/"))
    assert isinstance(found, S3Landing) and found.prefix == "a/b/" and found.root == tmp_path / "scratch" / "landing"
    for wrong in ("gs://bucket", "s3://", "http://x/y"):
        with pytest.raises(ConfigurationError, match="no such landing zone"):
            open_landing(Settings(**where, landing=wrong))
    assert list(tmp_path.iterdir()) == [], "nothing is made, nothing is asked"
