"""What is not a file of rows: tables of a Postgres of its own, and a mailroom of documents that differ."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import data
from blocks.sample.postgres import EmbeddedPostgres

INPUTS = Path(__file__).resolve().parents[2] / "shared" / "inputs"
"""Documents of the real world, where they are; else the sample's own."""
_OFFICE = (".docx", ".pptx", ".xlsx")
_KINDS = {".pdf", ".eml", ".msg", ".png", ".jpg", ".tif", *_OFFICE}
_COLUMNS = """
  i AS id, {n} % 40000 AS customer_id, TIMESTAMP '2024-01-01' + to_milliseconds(i * 1373) || '+00' AS updated_at,
  (({n} % 90000000) / 100)::DECIMAL(14,2) AS amount, (({n} % 9000) / 10000)::DECIMAL(6,4) AS rate,
  {word1} || ' ' || {word2} || ' for ' || {word3} AS title, {kind} AS status,
  if({n} % 5 = 0, NULL, {word4} || ', ' || {word1} || ' "' || {word2} || '"') AS note,
  format('{{"service": "{}", "hours": {}, "tags": ["{}", "{}"]}}', {service}, {n} % 90, {word3}, {word4}) AS attributes
"""
_TABLE = (
    "id bigint, customer_id integer, updated_at timestamptz, amount numeric(14,2), rate numeric(6,4), title text, "
    "status text, note text, attributes jsonb"
)


@contextmanager
def postgres(scratch: Path) -> Iterator[str]:
    """URL of the Postgres whose data stay in the scratch folder."""
    with EmbeddedPostgres(scratch / "postgres") as server:
        yield server.url("postgres")


def table(url: str, name: str, size: int, scratch: Path, first: int = 0) -> int:
    """A table of about `size` bytes, made if it is not there; the bytes that it takes in the database."""
    import duckdb
    import psycopg

    with psycopg.connect(url) as connection:
        if connection.execute("SELECT to_regclass(%s)", (name,)).fetchone() == (None,):
            text = scratch / f"{name}.csv"
            numbers = f"range({first}, {first + data.rows_for('postgres', size)}) t(i)"
            with duckdb.connect() as engine:
                engine.execute(f"COPY (SELECT {data.filled(_COLUMNS)} FROM {numbers}) TO '{text}' (FORMAT csv)")
            connection.execute(f"CREATE TABLE {name} ({_TABLE})")
            copy = f"COPY {name} FROM STDIN (FORMAT csv, HEADER)"
            with text.open("rb") as rows, connection.cursor() as cursor, cursor.copy(copy) as out:
                while chunk := rows.read(1 << 20):
                    out.write(chunk)
            connection.execute(f"ANALYZE {name}")
            text.unlink()
        (found,) = connection.execute("SELECT pg_table_size(%s::regclass)", (name,)).fetchone() or (0,)
    return int(found)


def documents(folder: Path, size: int) -> Path:
    """A folder of about `size` bytes of documents: those that there are, again and again, each copy a bit longer."""
    if folder.exists():
        return folder
    originals, unfinished = _originals(folder.parent), folder.with_suffix(".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    made = turn = 0
    while made < size:
        for number, path in enumerate(originals):
            if made >= size:
                break
            copy = unfinished / f"{turn}" / f"{number:04}_{path.name}"
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            _differ(copy, turn)
            made += copy.stat().st_size
        turn += 1
    unfinished.rename(folder)
    return folder


def _originals(scratch: Path) -> list[Path]:
    def found(folder: Path) -> list[Path]:
        kept = [p for p in folder.rglob("*") if p.is_file() and p.suffix.lower() in _KINDS]
        return sorted(kept, key=lambda p: hashlib.sha256(p.name.encode()).digest())  # mixed, however many are taken

    if INPUTS.is_dir():
        return found(INPUTS)
    from blocks.sample import documents as sample
    from blocks.sample.plan import Plan

    mailroom = scratch / "mailroom"
    if not mailroom.exists():
        sample.write_base(Plan(50_000, data.SEED), mailroom, lambda step, done, total: None)
    return found(mailroom)


def _differ(path: Path, turn: int) -> None:
    """Other bytes of the same content, for what is known already would not be read."""
    if turn == 0:
        return
    if path.suffix.lower() in _OFFICE and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path, "a") as archive:
            archive.comment = str(turn).encode()
        return
    with path.open("ab") as out:
        out.write(b"\n%% " + str(turn).encode() + b"\n")
