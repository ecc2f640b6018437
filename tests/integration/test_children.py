"""Child tables: the lines of a record go where the record goes, and each table has an account of its own."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from blocks.landing import Landing
from blocks.sources import reader_for
from blocks.sources.spec import SourceSpec
from blocks.warehouses.base import Account, Batch, Ready, StreamLoad
from blocks.warehouses.duckdb import open_duckdb
from flows.load import child_load

SLOT = datetime(2026, 11, 22, 6, tzinfo=UTC)


@dataclass
class Invoices:
    """Invoices dropped as XML on a warehouse of their own; `run` does what the ingest flow does, without Prefect."""

    folder: Path
    options: dict[str, object]
    slots: int = field(default=0)

    def __post_init__(self) -> None:
        (self.folder / "in").mkdir()

    def drop(self, name: str, *invoices: str) -> None:
        (self.folder / "in" / name).write_text(f"<Invoices>{''.join(invoices)}</Invoices>")

    def run(self) -> dict[str, Account]:
        stream = {"name": "c", "path": "*.xml", "record": "/Invoices/Invoice", "settle": "0s", **self.options}
        root = str(self.folder / "in")
        spec = SourceSpec.model_validate(
            {"name": "drops", "kind": "files", "owner": "x", "root": root, "streams": {"c": stream}}
        )
        one, reader, landing = spec.streams["c"], reader_for(spec), Landing(self.folder / "landing")
        self.slots += 1
        batch = Batch(f"run-{self.slots}", SLOT + timedelta(hours=6 * self.slots))
        with open_duckdb(self.folder / "w.duckdb") as warehouse:
            since = warehouse.ledger.since("drops", "c")
            found = reader.plan(one, since, datetime.now(UTC), landing)
            planned = [p for p in found if p.identity not in since.seen_identities]
            load = StreamLoad("drops", one, batch, planned)
            with warehouse.transaction():
                warehouse.ledger.plan(load)
            manifests = [reader.land(one, p, landing) for p in planned]
            extract = reader.extract(one, manifests, landing, warehouse.ledger.schemas("drops", "c"))
            ready = [Ready(load, warehouse.load(load, extract, manifests), manifests)]
            for name, child in extract.children.items():
                loads = [m.child(name, child.columns) for m in manifests]
                below = child_load(warehouse, load, name, loads)
                ready.append(Ready(below, warehouse.load(below, child, loads), loads))
            accounts = warehouse.publish(ready, lambda one, found: [])
            for each in ready:
                warehouse.show(each.load)
            return {r.load.stream.name: sum(a.values(), Account()) for r, a in zip(ready, accounts, strict=True)}

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with open_duckdb(self.folder / "w.duckdb") as warehouse:
            return warehouse.execute(sql)

    def lines(self) -> list[tuple[Any, ...]]:
        """(invoice, its service, place) of every line that has its invoice."""
        return self.rows(
            "SELECT p.number, c.service, c._index FROM bronze.drops__c p JOIN bronze.drops__c__line c "
            "ON c._parent_id = p._source_position AND c._parent_load_id = p._load_id ORDER BY 1, 3"
        )

    def orphans(self) -> int:
        [(count,)] = self.rows(
            "SELECT count(*) FROM bronze.drops__c__line c WHERE NOT EXISTS (SELECT 1 FROM bronze.drops__c p "
            "WHERE c._parent_id = p._source_position AND c._parent_load_id = p._load_id)"
        )
        return int(count)


def invoice(number: str, services: str, total: int = 0, at: int = 1) -> str:
    """An invoice with a line for each letter."""
    lines = "".join(f"<Line><Service>{s}</Service></Line>" for s in services)
    return f'<Invoice number="{number}"><At>{at}</At><Total>{total}</Total><Lines>{lines}</Lines></Invoice>'


@pytest.fixture
def keyed(tmp_path: Path) -> Invoices:
    return Invoices(tmp_path, {"primary_key": ["number"], "cursor": "at"})


def test_a_new_version_takes_the_lines_of_the_old_one_along(keyed: Invoices) -> None:
    keyed.drop("1.xml", invoice("A", "xy"), invoice("B", "z"), invoice("C", "pq"), invoice("D", ""))
    assert keyed.run() == {"c": Account(read=4, published=4), "c__line": Account(read=5, published=5)}
    keyed.drop("2.xml", invoice("A", "x", at=2), invoice("B", "zuv", at=2), invoice("C", "pQ", at=2), invoice("D", "n"))
    assert keyed.run() == {"c": Account(read=4, published=4), "c__line": Account(read=7, published=7)}
    assert keyed.lines() == [
        ("A", "x", 0), ("B", "z", 0), ("B", "u", 1), ("B", "v", 2), ("C", "p", 0), ("C", "Q", 1), ("D", "n", 0)
    ]  # fmt: skip
    assert keyed.orphans() == 0


def test_a_changed_line_alone_is_a_new_version(keyed: Invoices) -> None:
    keyed.drop("1.xml", invoice("A", "xy"))
    keyed.run()
    keyed.drop("2.xml", invoice("A", "xZ"))
    assert keyed.run() == {"c": Account(read=1, published=1), "c__line": Account(read=2, published=2)}
    assert keyed.lines() == [("A", "x", 0), ("A", "Z", 1)]


@pytest.mark.parametrize("odd", ["", "<file_index>7</file_index>"])
def test_of_many_files_at_once_each_keeps_its_own_lines(keyed: Invoices, odd: str) -> None:
    names = [f"i{n:02}" for n in range(30)]
    for n, name in enumerate(names):
        more = "<More>1</More>" if n % 3 == 0 else ""  # not all have the same columns
        keyed.drop(f"a[{n % 2}]{n}.xml", invoice(name, "xyz"[: n % 4], total=n).replace("<At>", f"{odd}{more}<At>"))
    lines = [(name, s, place) for n, name in enumerate(names) for place, s in enumerate("xyz"[: n % 4])]
    assert keyed.run() == {"c": Account(read=30, published=30), "c__line": Account(len(lines), len(lines))}
    assert keyed.lines() == lines and keyed.orphans() == 0
    files = keyed.rows("SELECT c.number, l.path, split_part(c._source_position, '#', 1) FROM bronze.drops__c c "
                       "JOIN ops.loads l ON l.load_id = c._load_id ORDER BY 1")  # fmt: skip
    assert [(number, path) for number, path, _ in files] == [(m, f"a[{n % 2}]{n}.xml") for n, m in enumerate(names)]
    assert all(path == position for _, path, position in files)


def test_an_unchanged_record_keeps_its_lines(keyed: Invoices) -> None:
    keyed.drop("1.xml", invoice("A", "xy"), invoice("B", "z"))
    keyed.run()
    before = keyed.rows("SELECT * FROM bronze.drops__c__line ORDER BY ALL")
    keyed.drop("2.xml", invoice("A", "xy"), invoice("B", "z"), invoice("C", "n"))
    assert keyed.run() == {
        "c": Account(read=3, published=1, unchanged=2), "c__line": Account(read=4, published=1, unchanged=3)
    }  # fmt: skip
    assert keyed.rows("SELECT * FROM bronze.drops__c__line WHERE service <> 'n' ORDER BY ALL") == before


def test_lines_of_a_record_that_is_kept_back_go_to_quarantine(keyed: Invoices) -> None:
    keyed.drop(
        "1.xml",
        invoice("A", "xy", at=5),
        "<Invoice><At>1</At><Lines><Line><Service>k</Service></Line></Lines></Invoice>",
    )
    assert keyed.run() == {
        "c": Account(read=2, published=1, quarantined=1), "c__line": Account(read=3, published=2, quarantined=1)
    }  # fmt: skip
    keyed.drop("2.xml", invoice("A", "older", at=4))
    assert keyed.run() == {"c": Account(read=1, quarantined=1), "c__line": Account(read=5, quarantined=5)}
    assert keyed.lines() == [("A", "x", 0), ("A", "y", 1)] and keyed.orphans() == 0
    reasons = keyed.rows("SELECT stream, reason_code, count(*) FROM ops.quarantine GROUP BY ALL ORDER BY ALL")
    assert reasons == [("c", "null_key", 1), ("c", "superseded", 1), ("c__line", "parent_kept_back", 6)]


def test_of_two_versions_in_one_load_only_the_newest_has_lines(keyed: Invoices) -> None:
    keyed.drop("1.xml", invoice("A", "old", at=1), invoice("A", "nw", at=2), invoice("A", "nw", at=2))
    assert keyed.run() == {
        "c": Account(read=3, published=1, unchanged=1, quarantined=1),
        "c__line": Account(read=7, published=2, unchanged=2, quarantined=3),
    }
    assert keyed.lines() == [("A", "n", 0), ("A", "w", 1)] and keyed.orphans() == 0


def test_records_without_lines_leave_no_table_behind(keyed: Invoices) -> None:
    keyed.drop("1.xml", invoice("A", "xy"))
    keyed.run()
    keyed.drop("2.xml", invoice("A", "", at=2), invoice("B", "", at=2))
    found = keyed.run()
    assert found["c"] == Account(read=2, published=2)
    assert keyed.lines() == [] and keyed.orphans() == 0
    assert keyed.rows("SELECT count(*) FROM bronze.drops__c__line") == [(0,)]


def test_without_a_key_every_record_keeps_its_lines(tmp_path: Path) -> None:
    stream = Invoices(tmp_path, {})
    stream.drop("1.xml", invoice("A", "xy"), invoice("A", "xy"))
    assert stream.run() == {"c": Account(read=2, published=2), "c__line": Account(read=4, published=4)}
    stream.drop("2.xml", invoice("A", "x"))
    assert stream.run() == {"c": Account(read=1, published=1), "c__line": Account(read=1, published=1)}
    assert [s for _, s, _ in stream.lines()] == ["x", "x", "x", "y", "y"] and stream.orphans() == 0
    assert stream.rows("SELECT stream, rows_read, rows_published FROM ops.loads ORDER BY ALL") == [
        ("c", 1, 1), ("c", 2, 2), ("c__line", 1, 1), ("c__line", 4, 4)
    ]  # fmt: skip


def noted(number: str, *notes: str) -> str:
    """An invoice with a line for each text, which has a note for each letter."""
    lines = "".join(f"<Line><S>s</S>{''.join(f'<Note><T>{t}</T></Note>' for t in text)}</Line>" for text in notes)
    return f'<Invoice number="{number}"><At>1</At><Lines>{lines}</Lines></Invoice>'


def test_the_rows_of_every_depth_go_where_their_record_goes(keyed: Invoices) -> None:
    keyed.drop("1.xml", noted("A", "ab", "cd"), noted("B", "ef", "g"))
    name = "c__note"
    assert keyed.run() == {
        "c": Account(read=2, published=2), "c__line": Account(read=4, published=4), name: Account(read=7, published=7)
    }  # fmt: skip
    keyed.drop("2.xml", noted("A", "ab", "cX"), noted("B", "ef", "g"), noted("C", "h", "ij"))
    assert keyed.run() == {
        "c": Account(read=3, published=2, unchanged=1), "c__line": Account(read=6, published=4, unchanged=2),
        name: Account(read=10, published=7, unchanged=3),
    }  # fmt: skip
    texts = keyed.rows(f"SELECT string_agg(t, '' ORDER BY t) FROM bronze.drops__{name}")
    assert texts == [("Xabcefghij",)]
    keyed.drop("3.xml", invoice("A", ""), invoice("B", ""))
    keyed.run()
    assert keyed.rows(f"SELECT string_agg(t, '' ORDER BY t) FROM bronze.drops__{name}") == [("hij",)]


@pytest.mark.parametrize("element", ["Keys", "Rows", "Rejects"])
def test_a_child_table_may_have_any_name(keyed: Invoices, element: str) -> None:
    body = f"<{element}><S>a</S></{element}><{element}><S>b</S></{element}>"
    record = '<Invoice number="{}"><At>1</At><L>{}</L></Invoice>'
    keyed.drop("1.xml", *(record.format(n, body) for n in range(6)))
    keyed.run()
    keyed.drop("2.xml", *(record.format(n, body + f"<{element}><S>c</S></{element}>") for n in range(4)))
    assert keyed.run() == {"c": Account(read=4, published=4), f"c__{element.lower()}": Account(read=12, published=12)}
    assert keyed.rows("SELECT count(*) FROM bronze.drops__c WHERE _deleted_at IS NULL") == [(6,)]


def test_children_of_what_the_frozen_schema_refuses_are_kept_back(tmp_path: Path) -> None:
    frozen = Invoices(tmp_path, {"schema_policy": "freeze"})
    frozen.drop("1.xml", invoice("A", "xy"))
    frozen.run()
    frozen.drop("2.xml", invoice("B", "zu").replace("<At>", "<New>1</New><At>"))
    assert frozen.run() == {"c": Account(read=1, quarantined=1), "c__line": Account(read=2, quarantined=2)}
    assert frozen.orphans() == 0
