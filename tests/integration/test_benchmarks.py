"""`make bench` on a few rows: it measures what was done, says what it could not measure, and keeps both."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import data, throughput
from benchmarks.report import Section, keep
from benchmarks.sizes import size_of
from benchmarks.works import WORKS, Peer

SIZE = 100_000


def test_ours_is_measured_and_a_peer_that_is_not_installed_is_a_row(tmp_path: Path) -> None:
    work = replace(WORKS[0], peers=(Peer("nobody", "csv", "nobody", goal=2.0),))
    section = throughput.measure(work, SIZE, 1, tmp_path)
    ours, nobody = section.rows
    assert nobody[:2] == ["nobody", "not installed here"] and not section.goals
    assert section.title.endswith(f", {data.rows_for('csv', SIZE)} rows")
    speed, cpu, wall, peak = map(float, ours[1:5])
    assert speed > 0 and 0 < cpu < 60 and wall > 0 and 50 < peak < 4000
    assert {len(row) for row in section.rows} == {len(section.columns)}


def test_the_same_size_gives_the_same_bytes(tmp_path: Path) -> None:
    for kind in ("csv", "ndjson", "xml"):
        one, two = (data.make(kind, tmp_path / name / "rows", SIZE).read_bytes() for name in "ab")
        assert one == two and 0.8 * SIZE < len(one) < 1.2 * SIZE


def test_a_part_that_is_measured_again_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    keep(Section("a", "Title of a", ["x"], [["1"]]), tmp_path)
    keep(Section("b", "Title of b", ["x"], [["2"]]), tmp_path)
    keep(Section("a", "Title of a", ["x"], [["3|4"]]), tmp_path)
    page = (tmp_path / "results.md").read_text("utf-8")
    assert page.count("Title of a") == 1 and "| 3\\|4 |" in page and "| 1 |" not in page and "| 2 |" in page


@pytest.mark.parametrize(("text", "size"), [("200", 200e6), ("200M", 200e6), ("16g", 16e9), ("5KB", 5000)])
def test_a_size_is_said_in_megabytes_or_by_its_unit(text: str, size: float) -> None:
    assert size_of(text) == size
