"""Which quarantined rows can be read again together, and their bytes as they stand in the landing zone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO

from blocks.landing import Landing
from blocks.sources.csv import plain_twin
from blocks.sources.csv_dialect import dialect_of, is_one_record
from blocks.sources.formats import format_of
from blocks.sources.spec import SourceSpec, StreamSpec
from governance.errors import ConfigurationError, SourceError

Row = Mapping[str, Any]
PIECE = 1 << 20


@dataclass(frozen=True)
class Place:
    """The landed file that holds the bytes of a row."""

    path: Path
    name: str
    """Tells its format: of the file in its source; of what was unpacked, or is no document, of the landed file."""
    decoded: bool
    """Whether this is a copy in UTF-8."""
    format: str
    columns: tuple[str, ...]
    """That the load of the row was found to have."""


@dataclass(frozen=True)
class Group:
    """What rows must share to be read in one load: what to put above them, and how to read it all."""

    head: bytes
    """The header record of their file, if it is CSV."""
    suffix: str
    """Of the file that they are put into."""
    spec: StreamSpec
    """The stream as declared; of CSV with the delimiter and the encoding that their bytes have."""
    alone: str = ""
    """Id of a row that would take the rows behind it along, by a quote that never closes or as a whole file."""
    load_id: str = ""
    """Where the newest row of a key counts: the load that the rows are of."""


def groups(rows: Sequence[Row], source: SourceSpec, spec: StreamSpec, landing: Landing) -> dict[Group, list[Row]]:
    """Rows whose bytes are in the landing zone, in the groups that can be read together."""
    found: dict[Group, list[Row]] = {}
    header = cache(lambda place: _of_csv(place, spec))
    for place, row, file in in_their_files(rows, source, spec, landing):
        group: Group = _group(place, row, file, spec, header)
        found.setdefault(replace(group, load_id=row["load_id"]) if spec.primary_key else group, []).append(row)
    return found


def _group(place: Place, row: Row, file: BinaryIO, spec: StreamSpec, header: Any) -> Group:
    size = row["byte_to"] - row["byte_from"]
    file.seek(row["byte_from"])
    head = file.read(min(size, PIECE))
    if place.format == "csv" and row["byte_from"] > 0:
        group: Group = header(place)
        text = head.decode(group.spec.encoding or "utf-8", "replace").rstrip("\r\n")
        if group.spec.delimiter and size <= PIECE and is_one_record(text, group.spec.delimiter):
            return group
        return replace(group, alone=row["id"])
    if place.format == "json" and size <= PIECE and b"\n" not in head and size < place.path.stat().st_size:
        return Group(b"", ".ndjson", _encoded(spec, place))
    suffix = "".join(Path(place.name).suffixes[-2:])
    return Group(b"", suffix, _encoded(spec, place), alone=row["id"])


def _of_csv(place: Place, spec: StreamSpec) -> Group:
    """What the rows of one CSV file share: the header above them, and how it is written."""
    spec = _encoded(spec, place)
    dialect = dialect_of(place.path, spec, f"stream {spec.name}, landed file {place.path.name}", place.columns)
    if dialect.broken:
        return Group(dialect.head.encode(dialect.encoding, "surrogateescape") + b"\n", ".csv", spec)
    how = {"encoding": "utf-8" if dialect.is_utf8 else dialect.encoding, "delimiter": dialect.delimiter}
    head = f"{dialect.head}\n".encode(how["encoding"], "surrogateescape")
    return Group(head, ".csv", spec.model_copy(update=how))


def _encoded(spec: StreamSpec, place: Place) -> StreamSpec:
    """The stream as it is to read what was decoded already, or the bytes of the source."""
    return spec.model_copy(update={"encoding": "utf-8"}) if place.decoded else spec


def copy_row(file: BinaryIO, row: Row, out: BinaryIO, line: bool) -> None:
    """A row's bytes, piece by piece; a line with one line end."""
    file.seek(row["byte_from"])
    left = row["byte_to"] - row["byte_from"]
    while piece := file.read(min(left, PIECE)):
        left -= len(piece)
        out.write(piece if left or not line else piece.rstrip(b"\r\n") + b"\n")


def in_their_files(
    rows: Sequence[Row], source: SourceSpec, spec: StreamSpec, landing: Landing
) -> Iterator[tuple[Place, Row, BinaryIO]]:
    """Each row with its landed file, opened once for the rows that stand together in it."""
    landed = cache(landing.manifest)
    place = cache(partial(_place, source, spec))

    def placed(row: Row) -> Place:
        manifest = landed(row["source"], row["stream"], row["load_id"])
        if manifest is None:
            cause, remedy = "its landed file is gone", "drop the file again; the landing zone was cleaned"
            raise ConfigurationError(f"quarantined row {row['id']}", cause, remedy)
        mine = [p for p in manifest.parts if row["position"].startswith(p.position)]
        folder = landing.folder(manifest.source, manifest.stream, manifest.load_id)
        part = max(mine, key=lambda p: len(p.position)).path if mine else ""
        return place(folder, part, manifest.path, tuple(c.name for c in manifest.schema))

    for path, ours in groupby(((placed(row), row) for row in rows), lambda x: x[0].path):
        with path.open("rb") as file:
            for found, row in ours:
                yield found, row, file


def _place(
    source: SourceSpec, spec: StreamSpec, folder: Path, part: str, dropped: str, columns: tuple[str, ...]
) -> Place:
    """The file of a part; without one the packed file that was dropped, of which nothing was unpacked."""
    path = folder / part if part else next(folder.glob("packed-0*"))
    name = part if part and source.kind != "documents" else dropped
    try:
        kind = format_of("document" if source.kind == "documents" else spec.format, name, f"stream {spec.name}").name
    except SourceError:  # landing it again tells so, for this row only
        kind = ""
    twin = plain_twin(path)
    return Place(twin or path, name, twin is not None, kind, columns)
