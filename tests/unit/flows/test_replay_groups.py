"""Which bytes a quarantined row has in the landing zone, and how they are read again."""

from __future__ import annotations

import gzip
import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from blocks.landing import Landing
from blocks.sources.base import Since
from blocks.sources.files import FilesReader
from blocks.sources.spec import SourceSpec, StreamSpec
from flows.replay_groups import Place, groups, in_their_files

Found = list[tuple[Place, str, bytes]]


def zipped(**members: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("_", "."), text)
    return out.getvalue()


def waiting(folder: Path, name: str, content: bytes, **options: object) -> tuple[Found, list[str]]:
    """The rejects of a file with their places and bytes in the landing zone; suffixes of their groups."""
    root, landing = folder / "in", Landing(folder / "landing")
    root.mkdir()
    (root / name).write_bytes(content)
    stream = StreamSpec.model_validate({"name": "c", "path": "*", "settle": "0s", **options})
    spec = SourceSpec(name="drops", kind="files", owner="x", root=str(root), streams={"c": stream})
    reader = FilesReader(spec)
    planned = reader.plan(stream, Since(None, {}, {}), datetime.now(UTC), landing)
    extract = reader.extract(stream, [reader.land(stream, p, landing) for p in planned], landing, {"": ()})
    connection = duckdb.connect()
    connection.execute(f"CREATE TABLE t AS {extract.sql}")
    rows: list[dict[str, Any]] = [
        {**vars(r), "id": str(n), "source": "drops", "stream": "c"}
        for n, r in enumerate(extract.rejects(connection))
        if r.byte_to
    ]
    found = []
    for place, row, file in in_their_files(rows, spec, stream, landing):
        file.seek(row["byte_from"])
        found.append((place, row["position"], file.read(row["byte_to"] - row["byte_from"])))
    return found, [g.suffix for g in groups(rows, spec, stream, landing)]


def test_rows_of_two_parts_are_read_in_their_own_files(tmp_path: Path) -> None:
    content = zipped(
        a_json='{"r":[{"a":1}]}\n{"x":"of a"}', b_json='{"r":[{"a":2}]}\n{"x":"of b"}', c_ods="of c", d_csv=""
    )
    found, _ = waiting(tmp_path, "m.zip", content, record="/r")
    assert {at.partition("!")[2].partition(":")[0]: text.strip() for _, at, text in found} == {
        "a.json": b'{"x":"of a"}', "b.json": b'{"x":"of b"}', "c.ods": b"of c",
    }  # fmt: skip
    assert len({place.path for place, _, _ in found}) == 3


def test_what_was_unpacked_is_not_packed_again(tmp_path: Path) -> None:
    found, suffixes = waiting(tmp_path, "d.xml.gz", gzip.compress(b"<R><r><id>1</id></r><r><id>3</i"), record="/R/r")
    assert (suffixes, found[0][2].strip()) == ([".xml"], b"<r><id>3</i")


def test_what_was_never_unpacked_is_packed_still(tmp_path: Path) -> None:
    content = gzip.compress(b"a\n" + b"1\n" * (40 << 20), 1)
    found, suffixes = waiting(tmp_path, "d.csv.gz", content, max_expansion=1.5)
    assert (suffixes, found[0][2] == content) == ([".csv.gz"], True)
