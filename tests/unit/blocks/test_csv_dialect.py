"""How a file of CSV is written: by which delimiter its rows are cut, and what its header tells of it."""

from pathlib import Path

import pytest

from blocks.sources.base import Since
from tests.unit.blocks.test_files import Drops

KNOWN = Since(None, {}, {}, columns=("id", "comment"))
CLEAN = "id,comment\n1,fine\n"
DIRTY = "id,comment\n1,a, b;c;d\n2,e, f, g;h;i\n3;x;y\n"
"""Of whose rows a semicolon makes three fields, and a comma two, three, four or one."""


@pytest.fixture
def drops(tmp_path: Path) -> Drops:
    return Drops(tmp_path)


@pytest.mark.parametrize(
    ("content", "since", "names"),
    [
        (DIRTY, Since(None, {}, {}), ["id_comment"]),
        (DIRTY, KNOWN, ["id", "comment"]),
        (CLEAN.replace(",", "|"), KNOWN, ["id", "comment"]),
    ],
    ids=["what the rows look like", "what the stream has", "another delimiter"],
)
def test_a_delimiter_is_pinned_by_the_columns_of_the_stream(
    drops: Drops, content: str, since: Since, names: list[str]
) -> None:
    (drops.root / "a.csv").write_text(content)
    [planned] = drops.plan(since)
    assert [c.name for c in drops.reader.land(drops.stream, planned, drops.landing).schema] == names


def test_the_first_file_of_a_stream_pins_those_that_are_found_with_it(drops: Drops) -> None:
    (drops.root / "a.csv").write_text(CLEAN)
    (drops.root / "b.csv").write_text(DIRTY)
    names, rows, rejects = drops.read()
    assert (names, [r[:2] for r in rows]) == (["id", "comment"], [("1", "fine")])
    assert [(r.position, r.reason_code) for r in rejects] == [
        ("b.csv:2", "too_many_fields"), ("b.csv:3", "too_many_fields"), ("b.csv:4", "missing_fields"),
    ]  # fmt: skip


@pytest.mark.parametrize(("rows", "widened"), [("1,a,\n2,b,\n", True), ("1,a,\n", False), ("1,a,\n2,b,x\n", False)])
def test_a_header_that_lacks_the_delimiter_at_the_end_of_every_row_gets_a_nameless_column(
    drops: Drops, rows: str, widened: bool
) -> None:
    (drops.root / "d.csv").write_text(f"id,name\n{rows}")
    names, found, rejects = drops.read()
    assert names == ["id", "name", "column_3"][: 2 + widened]
    assert (len(found) > 0, len(rejects) > 0) == (widened, not widened)
