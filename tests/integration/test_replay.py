"""Quarantined rows: masked until somebody signs for it, and read again by the rules of today."""

from __future__ import annotations

import getpass
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.context import SOURCES
from governance.errors import SourceError
from tests.homes import SLOT1, SLOT2, Home, stream

ACCOUNTS = (
    "SELECT load_id, rows_read, rows_published, rows_unchanged, rows_quarantined, status, finished_at FROM ops.loads "
    "WHERE identity NOT LIKE '%:replay:%' ORDER BY 1"
)
IDS = "SELECT id FROM ops.quarantine WHERE reason_code = ? ORDER BY id"


def replay(home: Home, sources: Path, **filters: Any) -> dict[str, int]:
    from flows.replay import replay as flow

    with home.environment():
        return flow(sources=str(sources), **filters)


@pytest.fixture(scope="module")
def home(first: Home, new_home: Callable[..., Home]) -> Home:
    return new_home(first)


@pytest.fixture(scope="module")
def cp1252(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources file with the encoding that the broken rows have."""
    path = tmp_path_factory.mktemp("sources") / "sources.yml"
    text = SOURCES.read_text().replace('path: "customers/*.csv"', 'path: "customers/*.csv", encoding: cp1252')
    assert "cp1252" in text
    path.write_text(text)
    return path


def test_a_row_is_masked_until_somebody_signs_for_it(home: Home) -> None:
    [[key, raw], *_] = home.rows("SELECT id, raw FROM ops.quarantine WHERE reason_code = 'too_many_fields'")
    masked = home.hallmark("quarantine", "show", key, "--json")
    assert masked.code == 0 and masked.json["id"] == key
    assert masked.json["raw"] != raw and len(masked.json["raw"]) == len(raw)
    assert not any((c.isalpha() and c != "x") or (c.isdigit() and c != "9") for c in masked.json["raw"])
    assert home.rows("SELECT * FROM ops.actions") == []
    shown = home.hallmark("quarantine", "show", key[:10], "--reveal", "--json")
    assert shown.json["raw"] == raw
    actions = home.rows("SELECT actor, action, target FROM ops.actions")
    assert actions == [(getpass.getuser(), "quarantine.reveal", key)]
    listed = home.hallmark("quarantine", "list", "--reason", "too_many_fields", "--json").json
    assert key in {r["id"] for r in listed} and all("raw" not in r for r in listed)
    unknown = home.hallmark("quarantine", "show", "nothing", "--json")
    assert unknown.code == 2 and set(unknown.json["error"]) == {"what", "cause", "remedy"}


def test_a_replay_by_the_same_rules_publishes_nothing(home: Home, prefect_server: str) -> None:
    before, rows = home.rows(ACCOUNTS), home.value("SELECT count(*) FROM bronze.drops__customers")
    broken = len(home.rows(IDS, "missing_fields"))
    counts = replay(home, SOURCES, source="drops", stream="customers", reason_code="missing_fields")
    assert counts == {"selected": broken, "published": 0, "still_quarantined": broken} and broken
    states = "SELECT state, count(*) FROM ops.batches GROUP BY 1 ORDER BY 1"
    assert home.rows(states) == [("completed", 1), ("partial", 1)], "it is a run of its own"
    assert replay(home, SOURCES, reason_code="missing_fields")["selected"] == 0
    assert home.rows(states) == [("completed", 1), ("partial", 1)], "nothing was to do"
    assert home.rows(ACCOUNTS) == before
    assert home.value("SELECT count(*) FROM bronze.drops__customers") == rows
    open_rows = "SELECT count(*), max(attempts) FROM ops.quarantine WHERE reason_code = 'missing_fields' "
    assert home.rows(open_rows + "AND replayed_at IS NULL") == [(broken, 2)], "it is in quarantine once, as a new row"


def test_rows_come_back_once_when_the_rules_are_right(home: Home, cp1252: Path, prefect_server: str) -> None:
    before, rows = home.rows(ACCOUNTS), home.value("SELECT count(*) FROM bronze.drops__customers")
    broken = len(home.rows(IDS, "invalid_encoding"))
    profiles = home.rows("SELECT * FROM ops.profiles ORDER BY ALL")
    counts = replay(home, cp1252, source="drops", reason_code="invalid_encoding")
    assert counts == {"selected": broken, "published": broken, "still_quarantined": 0} and broken
    again = replay(home, cp1252, source="drops", reason_code="invalid_encoding")
    assert again == {"selected": 0, "published": 0, "still_quarantined": 0}
    assert home.value("SELECT count(*) FROM bronze.drops__customers") == rows + broken
    assert home.rows(ACCOUNTS) == before, "a replay changes no earlier account"
    assert home.rows("SELECT * FROM ops.profiles ORDER BY ALL") == profiles, "a few rows say nothing of a batch"
    replays = home.rows(
        "SELECT DISTINCT l.load_id, status, rows_read, rows_published, rows_unchanged, rows_quarantined "
        "FROM ops.loads l JOIN ops.quarantine q ON q.replay_load_id = l.load_id WHERE reason_code = 'invalid_encoding'"
    )
    assert sum(published for _, _, _, published, _, _ in replays) == broken
    for _, status, read, published, unchanged, quarantined in replays:
        assert (status, read) == ("published", published + unchanged + quarantined)
    loads = [load_id for load_id, *_ in replays]
    texts = home.rows(
        "SELECT customer_name || comments || engagement_reference FROM bronze.drops__customers "
        "WHERE _load_id IN (SELECT unnest(?::VARCHAR[]))", loads,
    )  # fmt: skip
    assert len(texts) == broken and not any("\ufffd" in (t or "") for (t,) in texts)
    waiting = "SELECT count(*) FROM ops.quarantine WHERE replayed_at IS NULL AND reason_code = 'invalid_encoding'"
    assert home.value(waiting) == 0


def test_the_next_batch_builds_on_replayed_rows_and_reads_no_file_again(home: Home, prefect_server: str) -> None:
    summary = home.run()
    assert (summary["state"], summary["slot"]) == ("completed", SLOT2)
    customers = stream(summary, "drops.customers")
    assert (customers["read"], customers["published"], customers["quarantined"]) == (0, 0, 0)
    back = home.value(
        "SELECT count(*) FROM bronze.drops__customers WHERE _load_id IN (SELECT replay_load_id FROM ops.quarantine)"
    )
    built = home.value(
        "SELECT count(*) FROM silver.slv_engagement_rows WHERE _load_id IN (SELECT replay_load_id FROM ops.quarantine)"
    )
    assert back == built > 0


DROPS = """
sources:
  drops:
    kind: files
    root: drops
    owner: growth
    streams:
      quotes: {path: "quotes/*.csv", settle: 0s}
      latin: {path: "latin/*.csv", settle: 0s}
      header: {path: "header/*.csv", settle: 0s}
      lines: {path: "lines/*.ndjson", settle: 0s}
      trees: {path: "trees/*.xml", settle: 0s, record: /R/r}
      packs: {path: "packs/*.csv.gz", settle: 0s}
      mixed: {path: "mixed/*", settle: 0s}
  mailroom:
    kind: documents
    root: mailroom
    owner: growth
    streams:
      paper: {path: "*", settle: 0s}
"""
BIG = 700
FILES = {
    "quotes/a.csv": b'id,name\n1,a\n2,"b"x\n3,b,c\n4,"never\n',
    "latin/a.csv": "id;name\n1;José\n2;Zoë;5 €\n3\n".encode("cp1252"),
    "header/a.csv": b'id,"name\n1,a\n2,b\n',
    "lines/a.ndjson": b'{"id": 1}\n{"id": 2, "name": "Jos\xe9"}\n{"id": 3, "na\nnothing\n{"id": 4}\n',
    "trees/a.xml": b"<R><r><id>1</id></r><r><id>2</id></r><r><id>3</i",
    "mixed/a.csv": b"id\n1\n",
    "mixed/b.xls": b"id\n2\n3\n",
    # 70 MB in 70 kB
    "packs/a.csv.gz": gzip.compress(b"id,text\n" + b"".join(b"%d,%s\n" % (n, b"a" * 100_000) for n in range(BIG))),
}


def locked_pdf() -> bytes:
    """A document that needs a password."""
    from fpdf import FPDF

    file = FPDF()
    file.add_page()
    file.set_encryption(owner_password="o", user_password="u")
    return bytes(file.output())


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> Home:
    """A home of files, each with rows that cannot be read."""
    folder = tmp_path_factory.mktemp("broken")
    (folder / "sources.yml").write_text(DROPS)
    for name, content in FILES.items():
        (folder / "drops" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "drops" / name).write_bytes(content)
    (folder / "mailroom").mkdir()
    (folder / "mailroom" / "locked.pdf").write_bytes(locked_pdf())
    (folder / "mailroom" / "note.txt").write_bytes(b"a note")
    home = Home(folder / "home", folder / "sources.yml")
    home.summary = home.run(slot=SLOT1)
    return home


@pytest.mark.parametrize(
    ("name", "options", "waiting"),
    [
        ("quotes", "", ['2,"b"x', "3,b,c", '4,"never\n']),
        ("latin", "encoding: iso-8859-15, ", ["2;Zoë;5 €", "3"]),
        ("header", "", ['id,"name\n1,a\n2,b\n']),
        ("lines", "", ["nothing", '{"id": 2, "name": "Jos\\xe9"}', '{"id": 3, "na']),
        ("trees", "", ["<r><id>3</i"]),
    ],
)
def test_a_row_that_is_still_broken_waits_again_as_itself(
    broken: Home, name: str, options: str, waiting: list[str]
) -> None:
    assert broken.sources
    path = broken.sources.with_name("today.yml")
    path.write_text(DROPS.replace(f'{{path: "{name}/', f'{{{options}path: "{name}/'))
    counts = replay(broken, path, stream=name)
    assert counts == {"selected": len(waiting), "published": 0, "still_quarantined": len(waiting)}
    left = "SELECT raw FROM ops.quarantine WHERE stream = ? AND replayed_at IS NULL ORDER BY raw"
    assert [r for (r,) in broken.rows(left, name)] == waiting


def test_a_document_that_is_still_locked_waits_again(broken: Home) -> None:
    assert broken.sources
    assert replay(broken, broken.sources, source="mailroom") == {
        "selected": 1, "published": 0, "still_quarantined": 1,
    }  # fmt: skip
    left = "SELECT reason_code, attempts FROM ops.quarantine WHERE source = 'mailroom' AND replayed_at IS NULL"
    assert broken.rows(left) == [("encrypted", 2)]
    assert broken.rows("SELECT path, text FROM bronze.mailroom__paper") == [("note.txt", "a note")]


def test_lines_of_json_come_back_when_the_encoding_is_right(broken: Home) -> None:
    assert broken.sources
    path = broken.sources.with_name("today.yml")
    path.write_text(DROPS.replace('{path: "lines/', '{encoding: cp1252, path: "lines/'))
    assert replay(broken, path, stream="lines") == {"selected": 3, "published": 1, "still_quarantined": 2}
    assert broken.rows("SELECT id, name FROM bronze.drops__lines ORDER BY id") == [
        ("1", None), ("2", "José"), ("4", None),
    ]  # fmt: skip


def test_a_packed_file_comes_back_whole_when_it_may_be_large(broken: Home) -> None:
    assert broken.sources
    reason = "SELECT reason_code FROM ops.quarantine WHERE stream = 'packs'"
    assert broken.rows(reason) == [("expansion_limit",)]
    assert not broken.rows("SELECT 1 FROM duckdb_views() WHERE view_name = 'drops__packs'")
    path = broken.sources.with_name("today.yml")
    path.write_text(DROPS.replace('{path: "packs/', '{max_expansion: 5000, path: "packs/'))
    assert replay(broken, path, stream="packs") == {"selected": 1, "published": BIG, "still_quarantined": 0}
    assert broken.rows("SELECT count(DISTINCT id), sum(length(text)) FROM bronze.drops__packs") == [
        (BIG, BIG * 100_000)
    ]
    assert replay(broken, path, stream="packs")["selected"] == 0


def test_a_file_of_another_format_waits_until_its_format_is_declared(broken: Home) -> None:
    assert broken.sources
    assert replay(broken, broken.sources, stream="mixed") == {"selected": 1, "published": 0, "still_quarantined": 1}
    assert replay(broken, broken.sources, stream="mixed")["selected"] == 0
    path = broken.sources.with_name("today.yml")
    path.write_text(DROPS.replace('{path: "mixed/', '{format: csv, path: "mixed/'))
    assert replay(broken, path, stream="mixed") == {"selected": 1, "published": 2, "still_quarantined": 0}
    assert broken.rows("SELECT id FROM bronze.drops__mixed ORDER BY id") == [("1",), ("2",), ("3",)]


def test_a_replay_that_cannot_be_leaves_its_rows_where_they_are(broken: Home) -> None:
    assert broken.sources
    path = broken.sources.with_name("today.yml")
    path.write_text(DROPS.replace('{path: "quotes/', '{delimiter: ";", path: "quotes/'))
    waiting = broken.rows("SELECT id FROM ops.quarantine WHERE replayed_at IS NULL ORDER BY id")
    with pytest.raises(SourceError, match="vanished"):
        replay(broken, path, stream="quotes")
    assert broken.rows("SELECT id FROM ops.quarantine WHERE replayed_at IS NULL ORDER BY id") == waiting
    assert broken.rows("SELECT status FROM ops.streams WHERE stream = 'quotes'") == [("published",)]


def test_a_replayed_row_is_as_old_as_the_file_that_it_came_in(tmp_path: Path, prefect_server: str) -> None:
    home, drops, file = Home(tmp_path / "home", tmp_path / "sources.yml"), tmp_path / "drops", tmp_path / "sources.yml"
    drops.mkdir()
    text = "sources: {drops: {kind: files, root: %s, owner: growth, streams: {names: {path: '*.csv', settle: 0s, %s}}}}"
    file.write_text(text % (drops, "primary_key: [id], encoding: utf-8"))
    (drops / "a.csv").write_bytes(b"id,name\n1,\xfc\n2,fine\n3,\xe9\n")
    home.run(slot=SLOT1)
    (drops / "b.csv").write_text("id,name\n1,new\n")
    home.run(slot=SLOT2)
    file.write_text(text % (drops, "primary_key: [id], encoding: cp1252"))
    assert replay(home, file, stream="names") == {"selected": 2, "published": 1, "still_quarantined": 1}
    names = home.rows("SELECT id, name FROM bronze.drops__names ORDER BY id")
    assert names == [("1", "new"), ("2", "fine"), ("3", "é")]
    assert home.rows("SELECT reason_code FROM ops.quarantine WHERE replayed_at IS NULL") == [("superseded",)]


def test_rows_that_look_cut_otherwise_are_read_by_the_delimiter_of_the_stream(
    tmp_path: Path, prefect_server: str
) -> None:
    home, drops = Home(tmp_path / "home", tmp_path / "sources.yml"), tmp_path / "drops"
    drops.mkdir()
    (tmp_path / "sources.yml").write_text(
        f"sources: {{drops: {{kind: files, root: {drops}, owner: growth, streams: "
        "{notes: {path: '*.csv', settle: 0s}}}}"
    )
    (drops / "a.csv").write_text("id,note\n1,fine\n")
    home.run(slot=SLOT1)
    (drops / "b.csv").write_text("id,note\n2,a, b;c;d\n3,e, f, g;h;i\n4,k;l;m\n")
    home.run(slot=SLOT2)
    rows = "SELECT id, note FROM bronze.drops__notes ORDER BY id"
    assert home.rows(rows) == [("1", "fine"), ("4", "k;l;m")]
    kept = replay(home, tmp_path / "sources.yml", stream="notes")
    assert kept == {"selected": 2, "published": 0, "still_quarantined": 2}, "nor does a replay cut them otherwise"
    assert home.rows(rows) == [("1", "fine"), ("4", "k;l;m")]
