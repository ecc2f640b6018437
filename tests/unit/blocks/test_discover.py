"""What discovery makes of names, files and values, without a database."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import zipfile
from pathlib import Path

import duckdb
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from blocks.discovery import discover as look
from blocks.discovery import folder, values
from blocks.discovery.postgres import secrets_of
from blocks.discovery.proposal import Proposal, ProposedSource, ProposedStream, unique_names, valid_name
from blocks.discovery.shapes import shape_of
from blocks.sources.base import ColumnSpec
from blocks.sources.drops import Folder, matcher
from blocks.sources.spec import load_sources
from flows.discover import as_document, as_yaml
from governance.errors import HallmarkError

NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/"), min_size=1, max_size=12)


@given(st.text())
def test_a_name_is_always_valid(text: str) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", valid_name(text))


@given(st.lists(st.lists(st.sampled_from(["a", "b", "a_2", "b_2", "c"]), min_size=1, max_size=3), max_size=8))
def test_names_are_unique(candidates: list[list[str]]) -> None:
    names = unique_names(candidates)
    assert len(set(names)) == len(candidates)


@pytest.mark.parametrize(
    ("text", "name"),
    [("Order Details", "order_details"), ("OrderDetails", "order_details"), ("2026", "data_2026"), ("Größe", "groe"),
     ("__x__y__", "x_y"), ("заказы", "data")],
)  # fmt: skip
def test_a_name_says_what_it_was(text: str, name: str) -> None:
    assert valid_name(text) == name


def test_only_those_that_clash_are_named_at_length() -> None:
    assert unique_names([["orders", "eu_orders"], ["orders", "us_orders"], ["people", "eu_people"]]) == [
        "eu_orders", "us_orders", "people",
    ]  # fmt: skip
    assert unique_names([["x"], ["x"], ["x_2"]]) == ["x", "x_3", "x_2"]


def zipped(**members: bytes) -> bytes:
    """A zip file; `__` in a name is its dot."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "."), text)
    return data.getvalue()


@pytest.mark.parametrize(
    ("name", "head", "format"),
    [
        ("a.csv", b"x,y\n1,2\n", "csv"),
        ("a.CSV", b"x,y\n1,2\n", "csv"),
        ("a.csv.gz", gzip.compress(b"x,y\n1,2\n", mtime=0), "csv"),
        ("a.csv.bz2", bz2.compress(b"x,y\n1,2\n"), "csv"),
        ("a.jsonl.xz", lzma.compress(b'{"x": 1}\n'), "json"),
        ("a.csv.gz", b"no gzip", ""),
        ("a.zip", zipped(b__csv=b"x\n1\n", c__csv=b"x\n2\n"), "csv"),
        ("a.zip", zipped(b__csv=b"x\n1\n", c__pdf=b"%PDF-"), "documents"),
        ("a.zip", b"PK\x03\x04 broken", ""),
        ("a", b'{"x": 1}\n{"x": 2}\n', "json"),
        ("a", b"<?xml version='1.0'?><x/>", "xml"),
        ("a", b"PAR1....", "parquet"),
        ("a", b"%PDF-1.7", "documents"),
        ("a", b"From: x@example.com\nTo: y@example.com\n\nhi", "documents"),
        ("a", b"x;y\n1;2\n3;4\n", "csv"),
        ("a.txt", b"Dear all,\nwe met.\n", "documents"),
        ("a", b"just words", ""),
        ("a", b"\x00\x01\x02", ""),
        ("a.csv", b"", "csv"),
        ("a", b"", ""),
    ],
)
def test_a_file_has_the_format_of_its_name_else_of_its_content(name: str, head: bytes, format: str) -> None:
    shape = shape_of(name, head)
    assert shape.format == format
    assert bool(shape.why) == (not format)


@example({"0": b"c\n3\n", "?": b"a,b\n1,2\n"})
@given(st.dictionaries(NAMES, st.sampled_from([b"a,b\n1,2\n", b"c\n3\n", b'{"x": 1}\n', b"", b"\0"]), max_size=12))
def test_every_file_is_in_one_stream_or_named_as_passed_over(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    root = tmp_path_factory.mktemp("any")
    written = set()
    for name, data in files.items():
        if name not in (".", "..") and len(name.encode()) < 200:
            (root / name).write_bytes(data)
            written |= set() if name.startswith(".") else {name}
    proposal, brought = folder.discover(str(root), Folder(root), "any")
    patterns = [str(s.options["path"]) for source in proposal.sources for s in source.streams]
    passed_over = [what for what, _ in proposal.passed_over]
    for name in written:
        taking = [p for p in patterns if matcher(p).match(name)]
        assert bool(taking) != (name in passed_over), (name, patterns, passed_over)
    assert sorted(f.path for files in brought.values() for f in files) == sorted(written - set(passed_over))


@given(NAMES, st.dictionaries(NAMES, NAMES, min_size=1, max_size=3), st.text(max_size=30))
def test_what_is_printed_is_what_was_proposed(
    tmp_path_factory: pytest.TempPathFactory, root: str, paths: dict[str, str], note: str
) -> None:
    names = unique_names([[valid_name(n)] for n in paths])
    streams = [ProposedStream(n, {"path": p}, [note]) for n, p in zip(names, paths.values(), strict=True)]
    source = ProposedSource("exports", "files", {"root": f"/{root}"}, streams)
    proposal = Proposal([source], [(note, note)], {"X_URL": note})
    printed = as_yaml(proposal, "data-platform")
    assert yaml.safe_load(printed) == as_document(proposal, "data-platform")
    file = tmp_path_factory.mktemp("printed") / "f.yml"
    file.write_text(printed, encoding="utf-8")
    declared = load_sources(file, fill=False)["exports"]
    assert {n: s.path for n, s in declared.streams.items()} == dict(zip(names, paths.values(), strict=True))


@pytest.mark.parametrize(
    ("dates", "order"),
    [
        (["31/01/2026", "02/03/2026"], "dmy"),
        (["01/31/2026", "2/3/26"], "mdy"),
        (["01.02.2026"], ""),
        (["31/01/2026", "01/31/2026"], ""),
        (["2026-01-31"], None),
        (["1.50", "2.75"], None),
        (["31/01/2026", "x", "y", "z"], None),
        ([None, "", "31/01/2026 10:00"], "dmy"),
    ],
)
def test_the_order_of_a_date_is_what_the_values_allow(dates: list[str | None], order: str | None) -> None:
    with duckdb.connect(":memory:") as duck:
        duck.execute("CREATE TABLE r (d VARCHAR)")
        duck.executemany("INSERT INTO r VALUES (?)", [[d] for d in dates])
        assert values.date_orders(duck, ["d"]).get("d") == order


@pytest.mark.parametrize(
    ("columns", "rows", "keys"),
    [
        (["name", "id"], [("x", "1"), ("x", "2")], ["id"]),
        (["id"], [("1",), ("1",)], []),
        (["id"], [("1",), (None,)], []),
        (["id"], [("1",)], []),
        (["order_id", "customer_id"], [("1", "1"), ("2", "2")], ["order_id"]),
        (["total", "customer_id"], [("1", "1"), ("2", "2")], []),
        (["sku", "id"], [("a", "1"), ("b", "2")], ["id", "sku"]),
    ],
)
def test_a_key_is_named_like_one_and_different_in_each_row(
    columns: list[str], rows: list[tuple[str | None, ...]], keys: list[str]
) -> None:
    with duckdb.connect(":memory:") as duck:
        duck.execute(f"CREATE TABLE r ({', '.join(f'{c} VARCHAR' for c in columns)})")
        duck.executemany(f"INSERT INTO r VALUES ({', '.join('?' * len(columns))})", rows)
        assert values.keys(duck, [ColumnSpec(c, "VARCHAR") for c in columns], "lines") == keys


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("postgresql://me:a%40b@host/db", ["a%40b", "a@b"]),
        ("postgresql://me:x:y@z@host/db", ["x:y@z"]),
        ("postgresql://host/db?user=me&password=s%2Fx&sslmode=require", ["s%2Fx", "s/x"]),
        ("postgresql://me@host/db", []),
        ("postgresql:///db", []),
    ],
)
def test_the_passwords_of_a_url_are_known(url: str, secrets: list[str]) -> None:
    assert secrets_of(url) == secrets


def test_a_large_file_is_tried_by_its_first_lines(tmp_path: Path) -> None:
    text = "id,text\n" + "".join(f"{n},{'x' * 1000}\n" for n in range(8000))
    (tmp_path / "big.csv").write_text(text)
    proposal, [trial] = look(str(tmp_path), "data-platform")
    assert 1000 < trial.rows < 8000
    assert (trial.rejected, trial.whole, trial.error) == (0, False, None)
    [stream] = proposal.sources[0].streams
    assert "primary_key" not in stream.options, "not every row was seen"
    assert "id is different" in " ".join(stream.notes)


def test_many_files_of_one_kind_are_one_stream_and_a_few_are_opened(tmp_path: Path) -> None:
    for n in range(120):
        (tmp_path / f"sales-2026-{n:03}.csv").write_text(f"id,amount\n{n},1\n")
    proposal, [trial] = look(str(tmp_path), "data-platform")
    [stream] = proposal.sources[0].streams
    assert (stream.name, stream.options) == ("sales", {"path": "sales-*.csv"})
    assert (trial.rows, trial.whole) == (20, False)


def test_what_cannot_be_read_is_named_and_the_others_are_proposed(tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text("a,b\n1,2\n")
    (tmp_path / "bad.csv").write_bytes(b"%PDF-1.4 no table")
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nowhere")
    proposal, _ = look(str(tmp_path), "data-platform")
    assert [s.name for s in proposal.sources[0].streams] == ["good"]
    assert [what for what, _ in proposal.passed_over] == ["bad.csv"]
    (tmp_path / "good.csv").unlink()
    with pytest.raises(HallmarkError, match=r"bad\.csv"):
        look(str(tmp_path), "data-platform")


def test_one_file_may_be_asked_for(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("a,b\n1,2\n")
    (tmp_path / "two.csv").write_text("a,b\n1,2\n")
    proposal, _ = look(str(tmp_path / "one.csv"), "data-platform")
    assert [s.options for s in proposal.sources[0].streams] == [{"path": "one.csv"}]
