"""Trying a stream: its own reader on its first rows, in a folder that is thrown away. Nothing reaches a warehouse.

A trial gives the columns, the first rows, what would go to quarantine, and what its values tell: keys, dates.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from blocks.discovery import values
from blocks.discovery.postgres import connected
from blocks.landing import Landing
from blocks.sources import reader_for
from blocks.sources.base import ColumnSpec, Since
from blocks.sources.drops import Dropped, Drops, is_pattern
from blocks.sources.naming import bronze_names, quote
from blocks.sources.spec import SourceSpec, StreamSpec
from governance.errors import HallmarkError, SourceError

if TYPE_CHECKING:
    import duckdb

TRIED_ROWS = 1000
"""Rows of a table."""
TRIED_BYTES = 32 << 20
"""Bytes of a stream's files."""
TRIED_FILES = 20
CUT_BYTES = 4 << 20
"""A larger file of lines is cut at a line end."""
NEVER = Since(None, {}, {})
_LINES = (".csv", ".tsv", ".tab", ".psv", ".txt", ".ndjson", ".jsonl")


@dataclass(frozen=True)
class Trial:
    """What came of a stream."""

    source: str
    stream: str
    columns: Sequence[ColumnSpec] = ()
    rows: int = 0
    rejected: int = 0
    reason: str = ""
    """Why the first of the rejected rows was."""
    whole: bool = False
    """Whether everything was read that the stream has now."""
    duplicates: int = 0
    """Rows that repeat the declared key, or lack it."""
    keys: Sequence[str] = ()
    """Columns that could be the key: filled and different in every row."""
    dates: Mapping[str, str] = field(default_factory=dict)
    """Column → `dmy`, `mdy`, or empty where its values do not tell."""
    first: Sequence[Mapping[str, Any]] = ()
    error: HallmarkError | None = None

    @property
    def ok(self) -> bool:
        """Whether a run would bring the stream."""
        return self.error is None


def try_table(spec: SourceSpec, stream: StreamSpec, keep: int) -> Trial:
    """Try a table of a PostgreSQL: what its reader checks, then its first rows as text."""
    from psycopg import sql

    began = Trial(spec.name, stream.name)
    try:
        reader_for(spec).plan(stream, NEVER, datetime.now(UTC), Landing(Path()))
        with connected(_url(spec)) as connection:
            name = sql.Identifier(*(stream.table or "").split("."))
            cursor = connection.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(name))
            names = [c.name for c in cursor.description or ()]
            cells = sql.SQL(", ").join(sql.SQL("left({}::text, 4000)").format(sql.Identifier(n)) for n in names)
            found = connection.execute(
                sql.SQL("SELECT {} FROM {} LIMIT {}").format(cells, name, sql.Literal(TRIED_ROWS + 1))
            ).fetchall()
    except HallmarkError as error:
        return replace(began, error=error)
    with in_memory() as duck:
        columns = [ColumnSpec(n, "VARCHAR", o) for n, o in zip(bronze_names(names), names, strict=True)]
        duck.execute(f"CREATE TABLE r ({', '.join(f'{quote(c.name)} VARCHAR' for c in columns)})")
        if found:
            duck.executemany(f"INSERT INTO r VALUES ({', '.join('?' * len(columns))})", found[:TRIED_ROWS])
        told = replace(began, columns=columns, rows=len(found[:TRIED_ROWS]), whole=len(found) <= TRIED_ROWS)
        told = _told(duck, told, stream, keep)
    if told.duplicates:
        cause = f"{told.duplicates} of {told.rows} rows repeat or lack {', '.join(stream.primary_key)}"
        where = f"stream {spec.name}.{stream.name}"
        return replace(told, error=SourceError(where, cause, "declare the primary_key that each row has alone"))
    return told


def _url(spec: SourceSpec) -> str:
    if spec.url:
        return spec.url.get_secret_value()
    from blocks.register import database_url

    return database_url(spec.block or "").get_secret_value()


def try_files(spec: SourceSpec, stream: StreamSpec, drops: Drops, entries: Sequence[Dropped], keep: int) -> Trial:
    """Try some of a stream's files, each cut if it is large, as its reader reads them."""
    began = Trial(spec.name, stream.name)
    if not entries:
        where, path = f"stream {spec.name}.{stream.name}", stream.path or ""
        absent = SourceError(where, f"there is no file {path} in {spec.root}", "correct its path")
        return replace(began, reason=f"no file matches {path}", error=None if is_pattern(path) else absent)
    with tempfile.TemporaryDirectory(prefix="hallmark-discover-") as place, in_memory() as duck:
        root, landing = Path(place) / "root", Landing(Path(place) / "landing")
        try:
            copied, whole = _copy(drops, entries, root)
            if not copied:
                return replace(began, reason="its files are too large to be tried")
            told = _read(
                spec.model_copy(update={"root": str(root)}), stream, landing, duck, replace(began, whole=whole)
            )
        except HallmarkError as error:
            return replace(began, error=error)
        return _told(duck, told, stream, keep) if told.columns else told


def in_memory() -> duckdb.DuckDBPyConnection:
    """A database for one trial."""
    import duckdb

    return duckdb.connect(":memory:", config={"memory_limit": "1GB"})


def _copy(drops: Drops, entries: Sequence[Dropped], root: Path) -> tuple[int, bool]:
    """(files copied, whether that is all of them): some from the whole list, as far as the limits go."""
    root.mkdir()
    step = max(1, -(-len(entries) // TRIED_FILES))
    copied, room = 0, TRIED_BYTES
    whole = step == 1
    for entry in entries[::step]:
        cut = entry.size > CUT_BYTES and entry.path.lower().endswith(_LINES)
        size = CUT_BYTES if cut else entry.size
        if size > room:
            whole = False
            continue
        target = root / entry.path
        target.parent.mkdir(parents=True, exist_ok=True)
        with drops.open(entry, "discover") as file, target.open("wb") as out:
            if cut:
                _cut(file, out)
            else:
                shutil.copyfileobj(file, out)
        whole, room, copied = whole and not cut, room - size, copied + 1
    return copied, whole


def _cut(file: BinaryIO, out: BinaryIO) -> None:
    """Copy the first lines."""
    head = file.read(CUT_BYTES)
    end = max(head.rfind(b"\n"), head.rfind(b"\r")) + 1
    out.write(head[: end or len(head)])


def _read(
    spec: SourceSpec, stream: StreamSpec, landing: Landing, duck: duckdb.DuckDBPyConnection, began: Trial
) -> Trial:
    """Plan, land and extract as a run does; the rows are in table `r`. Raises what the reader raises."""
    import duckdb

    where = f"stream {spec.name}.{stream.name}"
    reader = reader_for(spec)
    rested = stream.model_copy(update={"settle": timedelta(0)})
    planned = {p.identity: p for p in reversed(reader.plan(rested, NEVER, datetime.now(UTC), landing))}.values()
    manifests = [reader.land(rested, p, landing) for p in planned]
    if not manifests:
        return began
    extract = reader.extract(rested, manifests, landing, {"": ()})
    try:
        duck.execute(f"CREATE TABLE r AS {extract.sql}")
    except (duckdb.InvalidInputException, duckdb.ConversionException) as error:
        raise SourceError(where, f"it cannot be read: {str(error).splitlines()[0][:300]}", "see the file") from None
    rejects = extract.rejects(duck)
    [[rows]] = duck.execute("SELECT count(*) FROM r").fetchall()
    # The last record of a cut file may be half of one.
    rejected = len(rejects) if began.whole else max(0, len(rejects) - len(manifests))
    if rows + rejected >= 100 and rejected > stream.max_quarantine_share * (rows + rejected):
        cause = f"{rejected} of {rows + rejected} rows would go to quarantine: {rejects[0].reason}"
        raise SourceError(where, cause, "correct encoding, delimiter or format of the stream")
    reason = rejects[0].reason if rejected else ""
    return replace(began, columns=tuple(extract.columns), rows=rows, rejected=rejected, reason=reason)


def _told(duck: duckdb.DuckDBPyConnection, trial: Trial, stream: StreamSpec, keep: int) -> Trial:
    """What the rows in table `r` tell."""
    names = [c.name for c in trial.columns]
    cells = ", ".join(f"left(CAST({quote(n)} AS VARCHAR), 1000) AS {quote(n)}" for n in names)
    cursor = duck.execute(f"SELECT {cells} FROM r LIMIT {int(keep)}")
    first = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    text = [c.name for c in trial.columns if c.type == "VARCHAR"]
    return replace(
        trial,
        first=first,
        dates=values.date_orders(duck, text),
        keys=values.keys(duck, trial.columns, stream.name),
        duplicates=values.duplicates(duck, stream.primary_key),
    )
