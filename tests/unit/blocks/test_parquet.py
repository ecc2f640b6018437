"""Parquet: types as documented, nothing through a float, and what is damaged as one unit."""

from __future__ import annotations

import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from governance.errors import SourceError
from tests.unit.blocks.test_json import read

NS = 1_700_000_000_123_456_789
LONG = Decimal("1" * 37 + ".5")
NESTED = pa.struct([("x", pa.decimal128(30, 2)), ("l", pa.list_(pa.int32())), ("u", pa.uint64())])
CASES: list[tuple[Any, Any, str, str]] = [
    (pa.int8(), -1, "SMALLINT", "-1"),
    (pa.uint8(), 255, "SMALLINT", "255"),
    (pa.uint32(), 2**32 - 1, "BIGINT", str(2**32 - 1)),
    (pa.uint64(), 2**64 - 1, "DECIMAL(20,0)", str(2**64 - 1)),
    (pa.decimal128(10, 2), Decimal("1.10"), "DECIMAL(10,2)", "1.10"),
    (pa.decimal128(38, 1), LONG, "DECIMAL(38,1)", str(LONG)),
    (pa.bool_(), True, "BOOLEAN", "True"),
    (pa.timestamp("ns"), NS, "VARCHAR", "2023-11-14 22:13:20.123456789"),
    (pa.time64("ns"), 123456789, "VARCHAR", "00:00:00.123456789"),
    (pa.timestamp("us", "Europe/Berlin"), NS // 1000, "TIMESTAMP WITH TIME ZONE", "2023-11-14 22:13:20.123456+00:00"),
    (pa.binary(), b"\x00\xff", "BLOB", "b'\\x00\\xff'"),
    (pa.dictionary(pa.int8(), pa.string()), "a", "VARCHAR", "a"),
    (NESTED, {"x": Decimal("1.10"), "l": [1], "u": 2**63 + 1}, "JSON", '{"x":"1.10","l":[1],"u":9223372036854775809}'),
    (pa.list_(pa.decimal128(5, 2)), [Decimal("1.10")], "JSON", '["1.10"]'),
    (pa.map_(pa.string(), pa.decimal128(5, 2)), [("k", Decimal("2.50"))], "JSON", '{"k":"2.50"}'),
]


def packed(table: pa.Table, **options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


@pytest.mark.parametrize(("type_", "value", "bronze", "text"), CASES)
def test_a_type_arrives_as_documented(tmp_path: Path, type_: Any, value: Any, bronze: str, text: str) -> None:
    table = pa.table({"file_row_number": pa.array([value, None], type_)})
    types, rows, rejects = read(tmp_path, {"d.parquet": packed(table)})
    assert (types, rejects) == ({"file_row_number": bronze}, [])
    assert [str(r["file_row_number"]) for r in rows] == [text, "None"]


def test_a_number_that_would_be_rounded_is_one_clear_error(tmp_path: Path) -> None:
    table = pa.table({"x": pa.array([Decimal("1" * 50)], pa.decimal256(60, 0))})
    with pytest.raises(SourceError, match="column x has decimals of more than 38 digits"):
        read(tmp_path, {"d.parquet": packed(table)})


def test_files_of_different_types_lose_no_digit(tmp_path: Path) -> None:
    a = pa.table({"d": pa.array([Decimal("1.2345")], pa.decimal128(12, 4)), "f": [0.5], "n": pa.array([1], pa.int32())})
    b = pa.table({"d": pa.array([Decimal("1.20")], pa.decimal128(10, 2)), "f": [2**62 + 1], "n": [2**40]})
    types, rows, _ = read(tmp_path, {"a.parquet": packed(a), "b.parquet": packed(b)})
    assert types == {"d": "VARCHAR", "f": "VARCHAR", "n": "BIGINT"}
    assert [(r["d"], r["f"], r["n"]) for r in rows] == [("1.2345", "0.5", 1), ("1.20", str(2**62 + 1), 2**40)]


def test_many_row_groups_are_numbered_in_order(tmp_path: Path) -> None:
    table = pa.table({"n": list(range(50_000))})
    _, rows, _ = read(tmp_path, {"d.parquet": packed(table, row_group_size=500)})
    assert [(r["n"], r["_source_position"]) for r in rows] == [(n, f"d.parquet#{n + 1}") for n in range(50_000)]


@pytest.mark.parametrize("kind", ["cut", "no byte", "damaged", "no parquet"])
def test_a_damaged_file_is_one_unit_beside_the_others(tmp_path: Path, kind: str) -> None:
    good = packed(pa.table({"n": list(range(20_000))}))
    damaged = good[:2000] + b"\xff" * 4000 + good[6000:]
    bad = {"cut": good[:-100], "no byte": b"", "damaged": damaged, "no parquet": b"hello"}[kind]
    _, rows, [reject] = read(tmp_path, {"a.parquet": bad, "b.parquet": good})
    assert (len(rows), reject.position) == (20_000, "a.parquet")
    assert reject.reason_code == ("empty_file" if kind == "no byte" else "unreadable_file")
    assert reject.byte_to == len(bad)
