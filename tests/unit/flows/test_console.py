from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from flows.console import dump, fail, plain, table
from governance.errors import HallmarkError, LockedError


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""), (0, "0"), ("[red]<b>", "[red]<b>"), ("a\x1b[31mb\n", "a\\x1b[31mb\\n"), ("größe", "größe"),
        ("x" * 300, "x" * 199 + "…"), (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
    ],
)  # fmt: skip
def test_text_from_outside_is_shown_and_not_obeyed(value: object, shown: str) -> None:
    assert plain(value) == shown


@pytest.mark.parametrize("width", ["200", "20"])
def test_a_table_shows_markup_literally(
    width: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    rows = [{"name": "[red]", "b": "<script>", "c": ":smile:", "d": 1, "e": "[/]", "f": None}]
    table("rows", tuple(rows[0]), rows, ("d",))
    out = capsys.readouterr().out
    assert all(word in out for word in ("[red]", "<script>", ":smile:", "[/]"))


def test_the_streams_of_a_run_are_a_table_on_a_terminal_of_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    names = ("stream", "status", "read", "published", "unchanged", "quarantined", "MB/s")
    row = ("mailroom.mail__pages", "published", 201617, 200413, 0, 1204, "14.9")
    table("Slot: streams", names, [dict(zip(names, row, strict=True))], names[2:], spare=("MB/s",))
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split() == list(names[:-1]) and lines[4].split() == [str(value) for value in row[:-1]]
    assert max(map(len, lines)) <= 80


def test_json_has_times_of_rfc_3339_and_decimals_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    dump({"t": datetime(2026, 1, 2, tzinfo=UTC), "d": Decimal("1E+3"), "b": b"\x00\xff", "s": "ä"})
    out = capsys.readouterr().out
    assert json.loads(out) == {"t": "2026-01-02T00:00:00Z", "d": "1000", "b": "00ff", "s": "ä"}
    assert out.count("\n") == 1


def test_an_error_says_cause_and_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    assert fail(LockedError("the batch", "it is held", "wait [red]"), as_json=True) == 3
    error = {"what": "the batch", "cause": "it is held", "remedy": "wait [red]"}
    assert json.loads(capsys.readouterr().out) == {"error": error}
    assert fail(HallmarkError("x", "y", "z [red]"), as_json=False) == 1
    said = capsys.readouterr()
    assert not said.out and all(word in said.err for word in ("x", "y", "z [red]"))


@pytest.mark.parametrize("width", ["80", "40"])
def test_an_id_is_never_broken(width: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", width)
    check = "bronze.drops__customers.an_address_that_is_long.accepted_values"
    table("checks", ("check_id", "why"), [{"check_id": check, "why": "words " * 20}], whole=("check_id",))
    assert check in capsys.readouterr().out
