"""JSON: every number as it stands, every form a file may have, and the place of what cannot be read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blocks.landing import Landing
from blocks.sources.base import Manifest, Part, Reject, Since
from blocks.sources.files import FilesReader
from blocks.sources.json_lines import JsonLinesExtract
from blocks.sources.json_look import look_at
from blocks.sources.spec import SourceSpec, StreamSpec

Row = dict[str, Any]


def read(folder: Path, files: dict[str, bytes], **options: object) -> tuple[dict[str, str], list[Row], list[Reject]]:
    """Types by column, the rows with their positions, and the rejects of files that are dropped and landed."""
    root = folder / "in"
    root.mkdir(exist_ok=True)
    for name, content in files.items():
        (root / name).write_bytes(content)
    stream = StreamSpec.model_validate({"name": "c", "path": "*", "settle": "0s", **options})
    reader = FilesReader(SourceSpec(name="drops", kind="files", owner="x", root=str(root), streams={"c": stream}))
    landing = Landing(folder / "landing")
    planned = reader.plan(stream, Since(None, {}, {}), datetime.now(UTC), landing)
    manifests = [reader.land(stream, p, landing) for p in planned]
    extract = reader.extract(stream, manifests, landing, {"": ()})
    connection = duckdb.connect()
    connection.execute(f"CREATE TABLE t AS {extract.sql}")
    result = connection.execute("SELECT * EXCLUDE (_load_id) FROM t ORDER BY rowid")
    names = [d[0] for d in result.description or ()]
    rows = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    return {c.name: c.type for c in extract.columns}, rows, list(extract.rejects(connection))


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


json_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x02"), max_size=8)
number = st.from_regex(
    r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,22})?([eE][-+]?[0-9]{1,3})?", fullmatch=True, alphabet="0123456789.-+eE"
)
scalar = st.one_of(json_text.map(json.dumps), number, st.sampled_from(["true", "false", "null"]))
nested = st.recursive(
    scalar,
    lambda below: (
        st.lists(below, max_size=4).map(lambda x: "[" + " ,".join(x) + "]")
        | st.dictionaries(json_text, below, max_size=3).map(
            lambda x: "{" + ", ".join(f"{json.dumps(k)}: {v}" for k, v in x.items()) + "}"
        )
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(nested, min_size=1, max_size=5), st.booleans())
def test_any_json_comes_back_as_python_reads_it(items: list[str], array: bool) -> None:
    objects = [f'{{"k": {item}, "o": [{item}]}}' for item in items]
    content = "[" + ",\n".join(objects) + "]" if array else "\n".join(objects)
    with TemporaryDirectory() as folder:
        types, rows, rejects = read(Path(folder), {"d.json" if array else "d.ndjson": content.encode()})

    def exact(text: str) -> Any:
        return json.loads(text, parse_float=lambda n: ("n", n), parse_int=lambda n: ("n", n))

    assert rejects == [] and len(rows) == len(items)
    for row, item in zip(rows, items, strict=True):
        assert exact(row["o"]) == [exact(item)]
        if types["k"] == "JSON":
            assert exact(row["k"] or "null") == exact(item)
        else:
            assert row["k"] == (json.loads(item) if item[0] == '"' else None if item == "null" else item)


hostile = st.one_of(
    nested.map(lambda x: f'{{"k": {x}}}'),
    st.tuples(nested, nested).map(lambda x: f'{{"k":{x[0]},"a.b":{x[1]}, "K": [{x[0]}]}}'),
    nested,
    st.sampled_from([
        '{"k":1,"\\u006b":2}', '{"k":"\\u0002#1.5"}', '{"k":-0}', '{"k":1e400}', '{"k":NaN}', '{"k":[1,]}', '{"k":1,}',
        '{"k":".1e9999999999"}', '{"k":"\\u002e1e9999999999"}', '{"k":1.1e9999999999}', '{"k":{"k":1,"k":2.50}}', "{",
        "", '{"k":12345678901234567890123}', '{"k":"\\u0000.5"}', '{"\\u0000":-0.0}', '{"k":01}', "nan", "[1.50,-0]",
        " {} ",
    ]),
)  # fmt: skip


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(hostile, min_size=1, max_size=6))
def test_what_a_plain_file_is_spared_changes_nothing(records: list[str]) -> None:
    with TemporaryDirectory() as folder:
        stream = StreamSpec(name="c", path="*")
        landing = Landing(Path(folder))
        manifest = Manifest("1", "i", "s", "c", None, None, None, (), (Part("d.ndjson", 1, "", "d.ndjson"),))
        path = landing.part(manifest)
        path.parent.mkdir(parents=True)
        path.write_text("\n".join([*records, "x"]), encoding="utf-8")
        look = look_at(path, stream, landing, None)
        manifest = replace(manifest, schema=look.columns)
        careful = replace(look, odd=True, repeats=True, mixed=True)
        found = []
        for one in (look, careful):
            extract = JsonLinesExtract(stream, [manifest], landing, {"": ()}, looks={path: one})
            with duckdb.connect() as connection:
                rows = connection.execute(f"SELECT * FROM ({extract.sql}) AS t").fetchall()
                found.append((rows, extract.rejects(connection)))
        assert found[0] == found[1]
        assert len(found[0][1]) == look.rejected
        assert len(found[0][0]) + look.rejected == sum(bool(r.strip()) for r in records) + 1
