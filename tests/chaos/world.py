"""Small sources of every kind, in two states: as they are first found, and changed. All of it is made, nothing drawn.

Each kind has rows for bronze, for quarantine, and some that the second state repeats.
"""

from __future__ import annotations

import bz2
import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from tests.integration.airbyte_support import NAME
from tests.unit.blocks.documents_support import mail

ROWS = 300
TABLES = """
CREATE TABLE people (id bigint PRIMARY KEY, name text, paid numeric(12,2), changed timestamptz NOT NULL);
INSERT INTO people SELECT n, 'name ' || n, n * 1.25, '2026-01-01'::timestamptz + n * interval '1 minute'
  FROM generate_series(1, {rows}) n;
CREATE TABLE entries (id bigint, hours text, at timestamptz);
INSERT INTO entries SELECT n, (n % 9) || ',5', '2026-01-01'::timestamptz + n * interval '1 minute'
  FROM generate_series(1, {rows}) n;
CREATE TABLE words (word text);
INSERT INTO words SELECT 'word ' || n % 100 FROM generate_series(1, {rows}) n;
"""
CHANGED = """
UPDATE people SET paid = paid + 1, changed = '2026-02-01' WHERE id % 50 = 0;
DELETE FROM people WHERE id % 60 = 7;
INSERT INTO people SELECT n, 'new', 1, '2026-02-01' FROM generate_series({rows} + 1, {rows} + 20) n;
INSERT INTO entries SELECT n, '1', '2026-02-01' FROM generate_series(1, 30) n;
INSERT INTO words SELECT 'word ' || n FROM generate_series(90, 110) n;
"""


def csv(begin: int, end: int) -> bytes:
    """Every 50th row has a cell too many; every 60th has no key."""
    lines = ["id,name,note"]
    for n in range(begin, end):
        lines.append(f'{"" if n % 60 == 0 else n},"name\n{n}",{"a,b,c" if n % 50 == 0 else "x"}')
    return "\r\n".join([*lines, ""]).encode()


def ndjson(begin: int, end: int) -> bytes:
    """Every 50th line is broken."""
    rows = ('{"id": ' if n % 50 == 0 else f'{{"id": {n}, "deep": {{"a": [{n}.10]}}}}' for n in range(begin, end))
    return "\n".join([*rows, ""]).encode()


def xml(begin: int, end: int, tail: str = "</Invoices>") -> bytes:
    """Invoices with lines; without the tail the file is cut off."""
    rows = (
        f"<Invoice><No>{n}</No><Line><Item>a</Item></Line><Line><Item>{n}</Item></Line></Invoice>"
        for n in range(begin, end)
    )
    return f"<Invoices>{''.join(rows)}{tail}".encode()


def parquet(begin: int, end: int) -> bytes:
    """Rows of two types."""
    out = io.BytesIO()
    pq.write_table(pa.table({"id": range(begin, end), "name": [f"name {n}" for n in range(begin, end)]}), out)
    return out.getvalue()


def packed(begin: int, end: int) -> bytes:
    """A zip of two files, and of an archive that is damaged."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", csv(begin, end))
        archive.writestr("more/b.csv.gz", gzip.compress(csv(end, end + 50), mtime=0))
        archive.writestr("c.csv.bz2", bz2.compress(csv(begin, end))[:-9])
    return out.getvalue()


def letter(number: int) -> bytes:
    """A mail with an attachment."""
    message = mail(f"Project {number}", "See the file.\n")
    message.set_boundary("b")
    message.add_attachment(f"Note {number}".encode(), maintype="text", subtype="plain", filename="note.txt")
    return bytes(message)


def first() -> dict[str, bytes]:
    """Path → bytes of what is dropped before the first slot."""
    files = {
        "rows/1.csv": csv(1, ROWS), "rows/[2]*.csv": csv(ROWS, ROWS + 40), "keyed/1.csv": csv(1, ROWS),
        "events/1.ndjson": ndjson(1, ROWS), "invoices/1.xml": xml(1, ROWS), "trips/1.parquet": parquet(1, ROWS),
        "packed/1.zip": packed(1, ROWS), "packed/2.csv.gz": gzip.compress(csv(1, 90), mtime=0),
    }  # fmt: skip
    return files | {f"mail/{n}.eml": letter(n) for n in range(3)} | {"mail/broken.pdf": b"%PDF-1.7\nno more"}


def second() -> dict[str, bytes]:
    """What is dropped before the second: new files, changed ones, and one as before under another name."""
    return {
        "rows/3.csv": csv(1, 90), "rows/4.csv": csv(1, ROWS), "keyed/1.csv": csv(1, ROWS + 20),
        "keyed/2.csv": csv(40, 200).replace(b",x", b",y"), "events/2.ndjson": ndjson(100, 200) + b'{"id": 1',
        "invoices/1.xml": xml(1, ROWS - 9), "invoices/2.xml": xml(500, 600, ""), "trips/2.parquet": parquet(900, 950),
        "packed/1.zip": packed(1, 100), "mail/1.eml": letter(7), "mail/8.eml": letter(8),
    }  # fmt: skip


def make(folder: Path, database: Callable[[str, str | bytes], str]) -> list[Path]:
    """The sources file of each state; the files and the database of one are not those of the other."""
    made = []
    tables = [TABLES, TABLES + CHANGED]
    for number, (sql, files) in enumerate(zip(tables, (first(), first() | second()), strict=True), 1):
        root = folder / f"drops-{number}"
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        url = database(f"chaos_{number}", sql.format(rows=ROWS))
        made.append(folder / f"sources-{number}.yml")
        made[-1].write_text(yaml.safe_dump({"sources": declared(root, url, 10 * number)}, sort_keys=False))
    return made


def declared(root: Path, url: str, records: int) -> dict[str, object]:
    """The sources of one state."""

    def files(**streams: dict[str, object]) -> dict[str, object]:
        return {name: {"settle": "0s", **stream} for name, stream in streams.items()}

    people = {"table": "public.people", "primary_key": ["id"], "cursor": "changed", "deletes": "keys"}
    tables = {
        "people": {**people, "lateness": "1h"}, "entries": {"table": "public.entries", "cursor": "at"},
        "words": {"table": "public.words"},
    }  # fmt: skip
    drops = files(
        rows={"path": "rows/*.csv"},
        keyed={"path": "keyed/*.csv", "primary_key": ["id"]},
        events={"path": "events/*.ndjson"},
        invoices={"path": "invoices/*.xml", "record": "/Invoices/Invoice"},
        trips={"path": "trips/*.parquet"},
        packed={"path": "packed/*"},
    )
    owned = {"owner": "data-platform"}
    return {
        "oltp": {"kind": "postgres", "url": url, "streams": tables, **owned},
        "dropped": {"kind": "files", "root": str(root), "streams": drops, **owned},
        "letters": {"kind": "documents", "root": str(root), "streams": files(mail={"path": "mail/*"}), **owned},
        "partner": {
            "kind": "airbyte", "connector": f"{NAME}==1.0.0", "config": {"count": records},
            "streams": {"things": {"table": "Things"}, "plain": {}}, **owned,
        },
    }  # fmt: skip
