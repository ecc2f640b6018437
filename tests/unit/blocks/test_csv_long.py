"""Rows that are longer than what DuckDB's threads take of a file at a time: none is lost, and none is made of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.blocks.test_files import Drops

MB = 1 << 20


@pytest.mark.parametrize("size", [3, 17, 40])
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("filler", [b"x", b'"5,6', b'", ""'], ids=["line", "rows in quotes", "quotes in quotes"])
def test_a_row_of_any_length_is_one_row(tmp_path: Path, size: int, last: bool, filler: bytes) -> None:
    drops = Drops(tmp_path)
    field = filler * (size * MB) if filler == b"x" else filler[:1] + (filler[1:] + b"\n") * (size * MB // 4) + b'"'
    before = [b"%d,b" % n for n in range(1000)]
    after = [] if last else [b"%d,a" % n for n in range(1000)]
    content = b"\n".join([b"id,name", *before, b"3," + field, *after, b"ragged"]) + b"\n"
    (drops.root / "d.csv").write_bytes(content)
    _, rows, rejects = drops.read()
    assert len(rows) == len(before) + len(after)
    begin = len(b"\n".join([b"id,name", *before])) + 1
    assert {(r.reason_code, r.byte_from, r.byte_to) for r in rejects} == {
        ("line_too_long", begin, begin + 2 + len(field)), ("missing_fields", len(content) - 7, len(content) - 1),
    }  # fmt: skip
    assert len(rejects) == 2 and "d.csv:1002" in {r.position for r in rejects}
