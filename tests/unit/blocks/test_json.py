"""JSON: every number as it stands, every form a file may have, and the place of what cannot be read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.unit.blocks.json_support import Row, read


def values(rows: Sequence[Row], column: str = "a") -> list[Any]:
    return [row[column] for row in rows]


NUMBERS = (
    "1.10", "1E5", "-0", "-0.0", "0", "1e400", "0.1e-5", "-1e+5", "9007199254740993", "123456789012345678901",
    "-9223372036854775809", "18446744073709551616", "123456789012345678901.50",
)  # fmt: skip


def test_the_text_of_a_number_stays(tmp_path: Path) -> None:
    lines = [f'{{"a":{n},"o":{{"x":[{n},{n} , {n}]}}, "s":"{n}, [{n}]:{n},"}}' for n in NUMBERS]
    types, rows, rejects = read(tmp_path, {"d.ndjson": "\n".join(lines).encode()})
    assert (types, rejects) == ({"a": "VARCHAR", "o": "JSON", "s": "VARCHAR"}, [])
    assert values(rows) == list(NUMBERS)
    assert values(rows, "o") == [f'{{"x":[{n},{n},{n}]}}' for n in NUMBERS]
    assert values(rows, "s") == [f"{n}, [{n}]:{n}," for n in NUMBERS]


@pytest.mark.parametrize(
    "line",
    [
        '{"a":NaN}', '{"a":-Infinity}', '{"a":[1,Infinity]}', '{"a":nan}', '{"a":1,}', '{"a":[1, ]}', '{"a":[1,\n]}',
        "{a:1}", "{'a':1}", '{"a":01}', '{"a":1.}', '{"a":.5}', '{"a":+1}', '{"a":1} x', '{"a":1}{"a":2}', "nonsense",
        '{"a":"\t"}', '{"a":1}/**/', '{"a":1e}', '{"a":"\\ud800"}', '{"a":', '{"a":"\\x"}',
    ],
)  # fmt: skip
def test_what_is_not_json_is_a_reject(tmp_path: Path, line: str) -> None:
    line = line.replace("\n", " ")
    content = f'{{"a":"NaN, [1,]"}}\n{line}\n{{"a":"-Infinity,}}"}}\n'.encode()
    _, rows, [reject] = read(tmp_path, {"d.ndjson": content})
    assert values(rows) == ["NaN, [1,]", "-Infinity,}"]
    assert (reject.position, reject.reason_code, reject.raw) == ("d.ndjson:2", "broken_json", line)
    assert content[reject.byte_from : reject.byte_to].decode() == line


def test_what_would_lose_a_value_is_a_reject(tmp_path: Path) -> None:
    content = b'{"a":1}\n{"a":1,"\\u0061":2}\n{"a":"\\u0002#1.5","b":1e2}\n{"a":{"x":1,"x":2.50}}\n'
    content += b'{"a":"\\u0002#1.5"}\n'
    _, rows, rejects = read(tmp_path, {"d.ndjson": content})
    assert values(rows) == ["1", '{"x":1,"x":2.50}', '"\\u0002#1.5"']
    assert [(r.position, r.reason_code) for r in rejects] == [
        ("d.ndjson:2", "duplicate_key"), ("d.ndjson:3", "reserved_text")
    ]  # fmt: skip


def test_any_key_is_a_column(tmp_path: Path) -> None:
    keys = [
        "a.b",
        'a"q',
        "a/b",
        "a~b",
        "",
        "A",
        "a",
        "é",
        "x" * 300,
        "a\\b",
        "a\nb",
        "$",
        "*",
        "#",
        "a[0]",
        "0",
        "'",
        "\0",
    ]
    content = json.dumps({k: f"v{n}" for n, k in enumerate(keys)}).encode()
    _, [row], rejects = read(tmp_path, {"d.ndjson": content})
    assert ([*row.values()][:-1], rejects) == ([f"v{n}" for n in range(len(keys))], [])


@pytest.mark.parametrize("content", [b"{}\n{}\nx\n", b"[{},{},x"])
def test_a_record_without_a_key_is_a_row(tmp_path: Path, content: bytes) -> None:
    types, rows, rejects = read(tmp_path, {"d.json": content})
    assert (types, [r["_source_position"] for r in rows]) == ({}, ["d.json#1", "d.json#2"])
    assert [r.raw for r in rejects] == ["x"]


def test_a_key_may_come_late_be_nested_late_and_differ_in_case(tmp_path: Path) -> None:
    lines = b"\n".join([b'{"a":1}'] * 3000 + [b'{"a":2,"late":1.50}', b'{"A":3}', b'{"a":4,"late":{"x":1.50}}'])
    types, rows, _ = read(tmp_path, {"d.ndjson": lines, "e.json": b'{"late":"x","z":null}'})
    assert types == {"a": "VARCHAR", "late": "JSON", "a_2": "VARCHAR", "z": "VARCHAR"}
    assert [r["late"] for r in rows if r["late"]] == ["1.50", '{"x":1.50}', '"x"']
    assert [r["a_2"] for r in rows if r["a_2"]] == ["3"]


def test_keys_of_one_name_keep_their_columns_whatever_their_order(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    first.mkdir()
    second.mkdir()
    keys = ["id", "Id", "a-b", "a b", "id_2"]
    for folder, order in ((first, keys), (second, keys[::-1])):
        types, [row], _ = read(folder, {"d.ndjson": json.dumps({k: k for k in order}).encode()})
        assert row.pop("_source_position") and set(row) == set(types)
        assert row == {"id": "id", "id_3": "Id", "a_b": "a b", "a_b_2": "a-b", "id_2": "id_2"}


def test_deep_nesting_and_control_characters(tmp_path: Path) -> None:
    deep = "[" * 5000 + "1.50" + "]" * 5000
    _, rows, rejects = read(tmp_path, {"d.ndjson": f'{{"a":{deep}}}\n{{"a":"x\\u0000y"}}\n'.encode()})
    assert (values(rows), rejects) == ([deep, '"x\\u0000y"'], [])


FORMS = {
    "lines": ('{"a":1.50}\n{"a":2}\n', ["1.50", "2"]),
    "blank lines": ('\n{"a":1}\n  \n\n{"a":2}', ["1", "2"]),
    "a document": ('{\n "a": 1.50\n}', ["1.50"]),
    "a document with lines that are objects": ('{"a":[\n{"x":1.50},\n{"x":2}\n]}', ['[{"x":1.50},{"x":2}]']),
    "documents in a row": ('{\n"a":1}\n{\n"a":2}{"a":3}', ["1", "2", "3"]),
    "an array": ('[{"a":1.50},\n {"a":2}]', ["1.50", "2"]),
    "arrays in a row": ('[{"a":1.50}]\n[{"a":2}]', ["1.50", "2"]),
    "an empty array": ("[]", []),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("form", list(FORMS))
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_form_is_found(tmp_path: Path, form: str, encoding: str, line_end: str) -> None:
    text, expected = FORMS[form]
    _, rows, rejects = read(tmp_path, {"d.json": text.replace("\n", line_end).encode(encoding)})
    assert (values(rows), rejects) == (expected, [])
    assert [r["_source_position"] for r in rows] == [f"d.json#{n + 1}" for n in range(len(rows))]


def test_scalars_are_records_only_where_nothing_else_is(tmp_path: Path) -> None:
    types, rows, rejects = read(tmp_path, {"d.json": b'[1.50, "x", [2.50], null]'})
    assert (types, values(rows, "value"), rejects) == ({"value": "JSON"}, ["1.50", '"x"', "[2.50]", "null"], [])
    (tmp_path / "in" / "d.json").unlink()
    _, rows, rejects = read(tmp_path, {"e.json": b'[{"a":1}, 5,\n "x", [1.5], null, {"a":2}]'})
    assert values(rows) == ["1", "2"]
    assert [(r.position, r.raw) for r in rejects] == [
        ("e.json:1#2", "5"), ("e.json:2#3", '"x"'), ("e.json:2#4", "[1.5]"), ("e.json:2#5", "null")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "kept", "rejected"),
    [
        ('[{"a":1.50},{"a":2},{"a":', ["1.50", "2"], ['{"a":']),
        ('[{"a":1.50},{"a":2}', ["1.50", "2"], [""]),
        ('[{"a":1},\n{"a":2,,},\n{"a":"}]"}]', ["1", "}]"], ['{"a":2,,}']),
        ('[{"a":1},{"a":2},]', ["1", "2"], [""]),
        ('[{"a":1} {"a":2}]', ["1", "2"], [""]),
        ('[{"a":1}] rest', ["1"], ["rest"]),
        ('{\n"a":1\n}\n{\n"a":2,,\n}\n{"a":3}', ["1", "3"], ['{\n"a":2,,\n}']),
        ('{"a":[\n{"x":1},\n{"x":2},', [], ['{"a":[\n{"x":1},\n{"x":2},']),
        ('[{"a":1},{"a":"x\ny"}]', ["1"], ['{"a":"x\ny"}']),
        ('[{"a":1},{"a":NaN}]', ["1"], ['{"a":NaN}']),
        ('{"a":\n{"a":1}\n{"a":2}\n', ["1", "2"], ['{"a":']),
    ],
)
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_of_a_broken_file_every_whole_record_is_kept(
    tmp_path: Path, content: str, kept: list[str], rejected: list[str], bom: bytes, line_end: str
) -> None:
    file = bom + content.replace("\n", line_end).encode()
    _, rows, rejects = read(tmp_path, {"d.json": file})
    assert values(rows) == kept
    assert [r.raw for r in rejects] == [raw.replace("\n", line_end) for raw in rejected]
    for reject in rejects:
        assert file[reject.byte_from : reject.byte_to].decode() == reject.raw
        line = file[: reject.byte_from].count(b"\n") + 1
        assert reject.position.split("#")[0] == f"d.json:{line}"


def test_a_cut_number_is_never_published(tmp_path: Path) -> None:
    _, rows, rejects = read(tmp_path, {"d.json": b"[1,2,34"})
    assert (values(rows, "value"), [r.raw for r in rejects]) == (["1", "2"], ["34"])


def test_an_array_cut_anywhere_keeps_what_is_whole(tmp_path: Path) -> None:
    content = '[{"a":"}\\"]"}, {"a":[1.50,{"é":"\\\\"}]},\n{"a":3}]'.encode()
    ends = [content.index(b"}, {") + 1, content.index(b"},\n") + 1, len(content) - 1]
    for cut in range(1, len(content)):
        folder = tmp_path / str(cut)
        folder.mkdir()
        _, rows, rejects = read(folder, {"d.json": content[:cut]})
        assert len(rows) == sum(end <= cut for end in ends), cut
        assert len(rejects) == 1 and rejects[0].byte_to == cut


def test_a_line_that_is_too_large_leaves_the_others(tmp_path: Path) -> None:
    content = b'{"a":1}\n{"a":"%b"}\n{"a":2}\n' % (b"x" * (65 << 20))
    _, rows, [reject] = read(tmp_path, {"d.ndjson": content})
    assert values(rows) == ["1", "2"]
    assert (reject.position, reject.reason_code, reject.raw) == ("d.ndjson:2", "record_too_large", None)
    assert (reject.byte_from, reject.byte_to) == (8, len(content) - 9)


def test_a_line_of_17_mb_is_read(tmp_path: Path) -> None:
    _, rows, rejects = read(tmp_path, {"d.ndjson": b'{"a":"%b","n":1.50}\n' % (b"x" * (17 << 20))})
    assert (len(rows[0]["a"]), rows[0]["n"], rejects) == (17 << 20, "1.50", [])


def test_records_within_a_document(tmp_path: Path) -> None:
    content = b'{"m":1,"data":[{"a":1.50},5,6]}\n{"m":2}\nbad\n{"data":{"a":2}}\n{"data":[]}\n'
    _, rows, rejects = read(tmp_path, {"d.ndjson": content}, record="/data")
    assert values(rows) == ["1.50", "2"]
    assert [(r.position, r.reason_code, r.raw) for r in rejects] == [
        ("d.ndjson#2", "not_an_object", "5"), ("d.ndjson#3", "not_an_object", "6"),
        ("d.ndjson:2", "no_record", '{"m":2}'), ("d.ndjson:3", "no_record", "bad"),
    ]  # fmt: skip


def test_another_encoding_is_declared_and_what_is_not_of_it_is_refused(tmp_path: Path) -> None:
    content = '{"a":"José €"}\n'.encode("cp1252") + b'{"a":"\x81"}\n'
    _, rows, rejects = read(tmp_path, {"d.ndjson": content}, encoding="cp1252")
    assert (values(rows), [r.position for r in rejects]) == (["José €"], ["d.ndjson:2"])
