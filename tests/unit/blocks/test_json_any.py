"""JSON of any shape: what comes back is what Python reads, and what a plain file is spared changes nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blocks.landing import Landing
from blocks.sources.base import Manifest, Part
from blocks.sources.json_lines import JsonLinesExtract
from blocks.sources.json_look import look_at
from blocks.sources.spec import StreamSpec
from tests.unit.blocks.json_support import read

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
