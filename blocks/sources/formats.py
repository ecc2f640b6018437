"""Which module reads a file: by the declared format, else by its name."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Protocol

from blocks.landing import Landing
from blocks.sources.base import ColumnSpec, Known, Manifest
from blocks.sources.extracts import Extract
from blocks.sources.json_look import Look
from blocks.sources.packed import is_packed
from blocks.sources.spec import StreamSpec
from blocks.sources.xml.scan import Scan
from governance.errors import UnreadFileError

SUFFIXES = {
    ".json": "json", ".ndjson": "json", ".jsonl": "json", ".xml": "xml", ".nxml": "xml", ".parquet": "parquet",
    ".pq": "parquet",
}  # fmt: skip
"""Any other name is read as CSV."""
BRANCHES = 250
"""Of one SELECT, for each file one: what DuckDB takes for it grows faster than they do, in memory too."""
NOT_READ = (".avro", ".orc", ".xls", ".xlsx", ".ods", ".pdf", ".7z", ".tar", ".tgz", ".rar", ".dbf")


class Format(Protocol):
    """How landed files of one format are read."""

    name: str
    at_once: int
    """Files that are read by one SELECT."""

    def schema(
        self, path: Path, stream: StreamSpec, landing: Landing, where: str, known: Collection[str]
    ) -> tuple[ColumnSpec, ...]:
        """The columns of a landed file; none if it has no record. UnreadFileError for one of another format.

        `known`: names in bronze of the columns that the stream has.
        """
        ...

    def extract(self, stream: StreamSpec, units: Sequence[Manifest], landing: Landing, known: Known) -> Extract:
        """Landed files, each a load of one part, as one SELECT."""
        ...


def format_of(declared: str | None, name: str, where: str) -> Format:
    """The format of a file by its own name, not its position. Raises UnreadFileError for one that is not read.

    A landed part has the suffix of its own name, also of what was inside of a packed file.
    """
    inner = name
    while declared != "document" and is_packed(inner):
        inner = str(Path(inner).with_suffix(""))
    suffix = Path(inner).suffix.lower()
    if declared is None and suffix in NOT_READ:
        remedy = "give the stream a pattern of CSV, JSON, XML or Parquet files, or make it a source of kind documents"
        raise UnreadFileError(where, f"the format {suffix.removeprefix('.')} is not read", remedy)
    return _FORMATS[declared or SUFFIXES.get(suffix, "csv")]()


class _Csv:
    name = "csv"
    at_once = BRANCHES

    def schema(
        self, path: Path, stream: StreamSpec, landing: Landing, where: str, known: Collection[str]
    ) -> tuple[ColumnSpec, ...]:
        from blocks.sources.csv import schema_of

        return schema_of(path, stream, where, known)

    def extract(self, stream: StreamSpec, units: Sequence[Manifest], landing: Landing, known: Known) -> Extract:
        from blocks.sources.csv import CsvExtract

        return CsvExtract(stream, units, landing)


class _Json:
    name = "json"
    at_once = BRANCHES

    def __init__(self) -> None:
        self.looks: dict[Path, Look] = {}

    def schema(
        self, path: Path, stream: StreamSpec, landing: Landing, where: str, known: Collection[str]
    ) -> tuple[ColumnSpec, ...]:
        from blocks.sources.json_look import look_at

        look = self.looks[path] = look_at(path, stream, landing, stream.record)
        return look.columns

    def extract(self, stream: StreamSpec, units: Sequence[Manifest], landing: Landing, known: Known) -> Extract:
        from blocks.sources.json_lines import JsonLinesExtract

        return JsonLinesExtract(stream, units, landing, known, stream.record, self.looks)


class _Parquet:
    name = "parquet"
    at_once = BRANCHES

    def schema(
        self, path: Path, stream: StreamSpec, landing: Landing, where: str, known: Collection[str]
    ) -> tuple[ColumnSpec, ...]:
        from blocks.sources.parquet import schema_of

        return schema_of(path, where)

    def extract(self, stream: StreamSpec, units: Sequence[Manifest], landing: Landing, known: Known) -> Extract:
        from blocks.sources.parquet import ParquetExtract

        return ParquetExtract(units, landing)


class _Xml:
    name = "xml"
    at_once = sys.maxsize  # converted files that are alike are one branch

    def __init__(self) -> None:
        self.scans: dict[Path, Scan] = {}

    def schema(
        self, path: Path, stream: StreamSpec, landing: Landing, where: str, known: Collection[str]
    ) -> tuple[ColumnSpec, ...]:
        from blocks.sources import xml

        scan = self.scans[path] = xml.scan(path, stream.record, where)
        return tuple(xml.merge([scan], ()).columns)

    def extract(self, stream: StreamSpec, units: Sequence[Manifest], landing: Landing, known: Known) -> Extract:
        from blocks.sources import xml
        from blocks.sources.converted import ConvertedExtract

        paths = [landing.part(u) for u in units]
        scans = [self.scans.get(p) or xml.scan(p, stream.record, f"file {p.name}") for p in paths]
        layout = xml.merge(scans, [name for name in known if name])
        found = [xml.convert(p, s, layout, p.parent) for p, s in zip(paths, scans, strict=True)]
        return ConvertedExtract(list(zip(units, found, strict=True)), known)


class _Document:
    name = "document"
    at_once = sys.maxsize  # converted files that are alike are one branch

    def schema(
        self, path: Path, stream: StreamSpec, landing: Landing, where: str, known: Collection[str]
    ) -> tuple[ColumnSpec, ...]:
        from blocks.sources.documents import COLUMNS

        return COLUMNS

    def extract(self, stream: StreamSpec, units: Sequence[Manifest], landing: Landing, known: Known) -> Extract:
        from blocks.sources.converted import ConvertedExtract
        from blocks.sources.documents import convert_many

        files = [(landing.part(u), u.parts[0].position) for u in units]
        found = convert_many(files, files[0][0].parent)
        return ConvertedExtract(list(zip(units, found, strict=True)), known)


_FORMATS = {f.name: f for f in (_Csv, _Json, _Parquet, _Xml, _Document)}
