"""Packed files: what is whole is read, what is cut off or damaged is told, and nothing fills the disk."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from tests.unit.blocks.test_json import read

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress,
    "zst": lambda b: bytes(pa.compress(b, codec="zstd", asbytes=True)),
}  # fmt: skip
DRAW = random.Random(1)
VALUES = [str(DRAW.randrange(10**9)) for _ in range(120_000)]
TEXTS = {
    "csv": "a,b\n" + "".join(f"{v},{v}\n" for v in VALUES),
    "ndjson": "".join(f'{{"a":{v},"b":"{v}"}}\n' for v in VALUES),
    "dat": "a,b\n" + "".join(f"{v},{v}\n" for v in VALUES),
}


def zipped(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize("packer", list(PACK))
def test_members_one_behind_the_other_are_one_file(tmp_path: Path, packer: str) -> None:
    pack = PACK[packer]
    _, rows, rejects = read(tmp_path, {f"d.csv.{packer}": pack(b"a\n1\n") + pack(b"2\n")})
    assert ([r["a"] for r in rows], rejects) == (["1", "2"], [])
    assert rows[0]["_source_position"] == f"d.csv.{packer}#1"


@pytest.mark.parametrize("inner", list(TEXTS))
@pytest.mark.parametrize("packer", list(PACK))
def test_of_one_that_is_cut_off_the_whole_records_stay(tmp_path: Path, packer: str, inner: str) -> None:
    packed = PACK[packer](TEXTS[inner].encode())
    _, rows, [reject] = read(tmp_path, {f"d.{inner}.{packer}": packed[: len(packed) * 3 // 4]})
    assert 0 < len(rows) < len(VALUES)
    assert [r["a"] for r in rows] == [r["b"] for r in rows] == VALUES[: len(rows)]
    assert reject.reason_code == "broken_archive" and "cut off" in reject.reason
    assert TEXTS[inner].split("\n")[len(rows) + (inner != "ndjson")].startswith(reject.raw or "")


@pytest.mark.parametrize("packer", ["gz", "bz2", "xz"])
def test_of_one_that_is_damaged_nothing_is_published(tmp_path: Path, packer: str) -> None:
    packed = bytearray(PACK[packer](TEXTS["csv"].encode()))
    packed[len(packed) // 2] ^= 0xFF
    _, rows, [reject] = read(tmp_path, {f"d.csv.{packer}": bytes(packed)})
    assert rows == [] and "damaged" in reject.reason


def test_what_stands_behind_a_whole_gzip_takes_nothing_of_it_along(tmp_path: Path) -> None:
    _, rows, [reject] = read(tmp_path, {"d.csv.gz": PACK["gz"](TEXTS["csv"].encode()) + b"garbage"})
    assert [r["a"] for r in rows] == VALUES
    assert reject.reason_code == "broken_archive" and "behind" in reject.reason


@pytest.mark.parametrize("packer", [*PACK, "zip"])
@pytest.mark.parametrize("content", [b"", b"no archive at all"])
def test_what_is_not_packed_is_one_unit(tmp_path: Path, packer: str, content: bytes) -> None:
    _, rows, rejects = read(tmp_path, {f"d.csv.{packer}": content})
    assert (rows, len(rejects)) == ([], 1)


def test_members_of_a_zip_are_files_of_their_own(tmp_path: Path) -> None:
    inner = zipped(("i.csv", b"a\n7\n"))
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = zipped(
            ("x.csv", b"a\n1\n"), ("d/", b""), ("d/y.json", b'[{"a":1.50}]'), ("x.csv", b"a\n3\n"), ("in.zip", inner),
            ("p.pdf", b"x"), ("__MACOSX/._x.csv", b"junk"), ("e.csv", b""), ("g.csv.gz", gzip.compress(b"a\n5\n")),
        )  # fmt: skip
    _, rows, rejects = read(tmp_path, {"m.zip": content})
    assert sorted((r["_source_position"], r["a"]) for r in rows) == [
        ("m.zip!#2!x.csv#1", "3"), ("m.zip!d/y.json#1", "1.50"), ("m.zip!g.csv.gz#1", "5"),
        ("m.zip!in.zip!i.csv#1", "7"), ("m.zip!x.csv#1", "1"),
    ]  # fmt: skip
    assert [(r.position, r.reason_code) for r in rejects] == [
        ("m.zip!p.pdf", "unknown_format"), ("m.zip!e.csv", "empty_file")
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["wow!.json", "m.zip", "wow!.json.gz"])
def test_an_exclamation_mark_leaves_the_format(tmp_path: Path, name: str) -> None:
    content = b'[{"a":1.50}]'
    pack = {".zip": lambda b: zipped(("d/wow!.json", b), ("e.csv", b"a\n1.50\n")), ".gz": gzip.compress}
    _, rows, rejects = read(tmp_path, {name: pack.get(Path(name).suffix, bytes)(content)})
    assert ([r["a"] for r in rows], rejects) == (["1.50"] * (2 if name == "m.zip" else 1), [])


def test_what_has_a_hidden_folder_is_hidden(tmp_path: Path) -> None:
    content = zipped((".git/x.csv", b"a\n1\n"), ("./y.csv", b"a\n2\n"), ("d/.e/z.csv", b"a\n3\n"))
    _, rows, rejects = read(tmp_path, {"m.zip": content})
    assert ([r["a"] for r in rows], rejects) == (["2"], [])


def test_a_member_that_cannot_be_read_leaves_the_others(tmp_path: Path) -> None:
    content = bytearray(zipped(("x.csv", b"a\n1\n"), ("y.csv", b"a\n2\n")))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    _, rows, [reject] = read(tmp_path, {"m.zip": bytes(content)})
    assert ([r["a"] for r in rows], reject.position, reject.reason_code) == (["2"], "m.zip!x.csv", "encrypted")


def test_a_wrong_checksum_publishes_nothing_of_the_member(tmp_path: Path) -> None:
    content = bytearray(zipped(("x.csv", b"a\n1\n"), ("y.csv", b"a\n2\n")))
    content[content.index(b"PK\x01\x02") + 16] ^= 0xFF
    _, rows, [reject] = read(tmp_path, {"m.zip": bytes(content)})
    assert ([r["a"] for r in rows], reject.position, reject.reason_code) == (["2"], "m.zip!x.csv", "broken_archive")


def test_archives_within_archives_have_an_end(tmp_path: Path) -> None:
    content = zipped(("x.csv", b"a\n1\n"))
    for depth in range(6):
        content = zipped((f"{depth}.zip", content))
    _, rows, [reject] = read(tmp_path, {"m.zip": content})
    assert rows == [] and reject.reason_code == "nested_archive"


@pytest.mark.parametrize("nested", [False, True])
def test_a_broken_zip_has_its_bytes_only_where_they_stay(tmp_path: Path, nested: bool) -> None:
    content = zipped(("in.zip", b"no zip"), ("x.csv", b"a\n1\n")) if nested else b"no zip"
    _, _, [reject] = read(tmp_path, {"m.zip": content})
    assert reject.reason_code == "broken_archive"
    assert (reject.byte_from, reject.byte_to) == ((None, None) if nested else (0, len(content)))


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("name", ["b.csv.gz", "b.zip"])
def test_a_bomb_is_one_unit_and_leaves_no_byte(tmp_path: Path, name: str, nested: bool) -> None:
    text = b"a\n" + b"1\n" * (40 << 20)
    content = gzip.compress(text, 6) if name == "b.csv.gz" else zipped(("ok.csv", b"a\n1\n"), ("x.csv", text))
    if nested:
        name, content = "n.zip", zipped((name, content))
    _, rows, [reject] = read(tmp_path, {name: content})
    assert rows == [] and reject.reason_code == "expansion_limit"
    left = sum(p.stat().st_size for p in (tmp_path / "landing").rglob("*") if p.is_file())
    assert left < len(content) + 10_000


def test_more_may_come_out_where_it_is_declared(tmp_path: Path) -> None:
    text = b"a\n" + b"1234567\n" * (9 << 20)
    _, rows, rejects = read(tmp_path, {"b.csv.gz": gzip.compress(text)}, max_expansion=2000)
    assert (len(rows), rejects) == (9 << 20, [])


def test_a_link_in_a_zip_is_not_followed_and_no_file(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("../../a.csv", TEXTS["csv"])
        link = zipfile.ZipInfo("b.csv")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    names, rows, [reject] = read(tmp_path, {"d.zip": out.getvalue()})
    assert rows and "_etc_passwd" not in names
    assert (reject.position, reject.reason_code) == ("d.zip!b.csv", "link")
    assert not list(tmp_path.rglob("a.csv")), "nor is a path that leads out"
