"""Packed files: what is inside a gzip, zstd, bzip2, xz or zip file, unpacked beside it within a limit.

A packed file is unpacked once, when it is landed. What cannot be unpacked is a `Fault`. Of one that is cut off, the
whole records are kept; of one that is damaged none, since what came out before the damage showed may be wrong too.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from blocks.landing import Landing
from blocks.sources.drops import is_hidden
from blocks.sources.tables import RAW_LIMIT, Fault

CHUNK = 1 << 20
PIECE = 64 << 10
FREE = 64 << 20
"""Bytes that any file may expand to, whatever its share."""
DEPTH = 3
SELF_CHECKED = (".json", ".xml", ".nxml", ".parquet", ".pq")
"""Formats that show where they break; of any other a broken last line is cut off, since its value may look whole."""
_NO_GZIP = "Not a gzipped file"
"""How the gzip module says that the next member is none; the one before was checked."""
_BROKEN = (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError, ValueError)


@dataclass(frozen=True)
class Inside:
    """A file that was inside of a packed one."""

    name: str
    """Of the file itself, which tells its format."""
    at: str
    """Where it is inside: `!member` for each zip, nothing for a stream."""
    path: Path


def is_packed(name: str) -> bool:
    """Whether the name is that of a packed file."""
    return _suffix(name) in (*_OPENERS, ".zip")


def unpack(
    path: Path, name: str, ratio: float, landing: Landing, *, as_csv: bool = False
) -> tuple[list[Inside], list[Fault]]:
    """What is inside of a landed file, and what could not be unpacked.

    `ratio`: how many bytes may come out of one that is packed, beyond the first 64 MiB. `as_csv`: whether everything
    is read as CSV, whatever its name.
    """
    work = _Work(path.parent, landing, max(FREE, path.stat().st_size * ratio), () if as_csv else SELF_CHECKED)
    try:
        work.take(path, name, "", 0)
    except _Expands:
        for inside in work.found:
            inside.path.unlink()
        size = path.stat().st_size
        cause = f"it expands from {size / 1e6:.1f} to more than {work.limit / 1e6:.0f} MB (max_expansion is {ratio:g})"
        return [], [Fault("expansion_limit", cause, "", 0, size)]
    if not work.found and not work.faults:
        work.faults.append(Fault("empty_archive", "no file is in it", "", 0, path.stat().st_size))
    return work.found, work.faults


class _Expands(Exception):
    """More comes out than may."""


class _Work:
    """The unpacking of one landed file; the limit is for all that is inside of it."""

    def __init__(self, folder: Path, landing: Landing, limit: float, self_checked: Collection[str]) -> None:
        self.folder, self.landing, self.limit, self.self_checked = folder, landing, limit, self_checked
        self.written = 0
        self.found: list[Inside] = []
        self.faults: list[Fault] = []

    def take(self, path: Path, name: str, at: str, depth: int) -> None:
        if depth > DEPTH:
            self.faults.append(Fault("nested_archive", f"archives are {depth} deep", at))
        elif _suffix(name) == ".zip":
            self._zip(path, at, depth)
        else:
            opener = _OPENERS[_suffix(name)]
            inner = name[: -len(_suffix(name))]
            with opener(path) as stream:
                self._write(stream, inner, at, depth)

    def _zip(self, path: Path, at: str, depth: int) -> None:
        try:
            archive = zipfile.ZipFile(path)
        except _BROKEN as error:
            range_ = (None, None) if depth else (0, path.stat().st_size)  # an inner file does not stay
            self.faults.append(Fault("broken_archive", f"the zip file is broken: {error}", at, *range_))
            return
        with archive:
            times: Counter[str] = Counter()
            for entry in archive.infolist():
                times[entry.filename] += 1
                again = f"!#{times[entry.filename]}" if times[entry.filename] > 1 else ""  # a position is unique
                # What macOS puts beside each file is hidden.
                if not entry.is_dir() and not is_hidden(entry.filename):
                    self._member(archive, entry, f"{at}{again}!{entry.filename}", depth)

    def _member(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, at: str, depth: int) -> None:
        if entry.flag_bits & 1:
            self.faults.append(Fault("encrypted", "the member of the zip file is encrypted", at))
            return
        if stat.S_ISLNK(entry.external_attr >> 16):
            self.faults.append(Fault("link", "the member of the zip file is a link, which is not followed", at))
            return
        try:
            stream = archive.open(entry)
        except (*_BROKEN, RuntimeError) as error:
            self.faults.append(Fault("broken_archive", f"the member cannot be unpacked: {error}", at))
            return
        with stream:
            self._write(stream, entry.filename.rpartition("/")[2], at, depth)

    def _write(self, stream: Any, name: str, at: str, depth: int) -> None:
        """Write what comes out; what is inside of it, if it is packed too."""
        target = self.folder / f"part-{len(self.found)}{safe_suffix(name)}"
        broken: list[Exception] = []
        self.landing.put(target, lambda out: broken.extend(self._copy(stream, out)))
        # What came out of a whole gzip is checked: what stands behind it takes none of it along.
        behind = bool(broken) and _NO_GZIP in str(broken[0]) and target.stat().st_size > 0
        if broken and not behind and not isinstance(broken[0], EOFError):  # what came out before may be wrong as well
            target.unlink()
            self.faults.append(Fault("broken_archive", f"what is packed is damaged: {broken[0]}", at))
            return
        if broken:
            raw = "" if behind or _suffix(name) in self.self_checked else _cut_line(target)
            what = "what stands behind is not packed" if behind else "the packed file is cut off here"
            reason = f"{what}: {broken[0]}"
            self.faults.append(Fault("broken_archive", reason, f"{at}@{target.stat().st_size}", None, None, raw))
            if not target.stat().st_size:
                target.unlink()
                return
        if is_packed(name):
            packed = target.with_name(f"inner-{depth}{safe_suffix(name)}")
            target.rename(packed)
            try:
                self.take(packed, name, at, depth + 1)
            finally:
                packed.unlink()
        else:
            self.found.append(Inside(name, at, target))

    def _copy(self, stream: Any, out: BinaryIO) -> Iterator[Exception]:
        """Copy to the end, or to where it breaks: then why."""
        while True:
            try:
                chunk = stream.read1(CHUNK)  # `read` would lose what comes before the place where it breaks
            except _BROKEN as error:
                yield error
                return
            if not chunk:
                return
            self.written += len(chunk)
            if self.written > self.limit:
                raise _Expands
            out.write(chunk)


def _cut_line(path: Path) -> str | None:
    """Cut the unfinished last line off; gives it, if the quarantine takes as much."""
    with path.open("r+b") as file:
        begin, cut = file.seek(0, 2), 0
        size = begin
        while begin > 0 and not cut:
            end, begin = begin, max(0, begin - CHUNK)
            file.seek(begin)
            found = file.read(end - begin).rfind(b"\n") + 1
            cut = begin + found if found else 0
        file.seek(cut)
        raw = file.read(RAW_LIMIT).decode("utf-8", "backslashreplace") if size - cut <= RAW_LIMIT else None
        file.truncate(cut)
    return raw


class _Zstd:
    """Arrow's zstd as Python's own modules are: what stands before a cut is read, then EOFError raised."""

    def __init__(self, path: Path) -> None:
        self.path, self.given, self.broken = path, 0, ""
        self.stream = self._open()

    def _open(self) -> Any:
        import pyarrow as pa

        return pa.CompressedInputStream(pa.OSFile(str(self.path)), "zstd")

    def __enter__(self) -> _Zstd:
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()

    def read1(self, size: int) -> bytes:
        """Up to `size` bytes."""
        if self.broken:
            raise EOFError(self.broken)
        try:
            chunk: bytes = self.stream.read(min(size, PIECE))
        except OSError as error:
            if "Truncated" not in str(error):
                raise
            self.broken = str(error)
            chunk = self._rest()
        self.given += len(chunk)
        return chunk or self.read1(size) if self.broken else chunk

    def _rest(self) -> bytes:
        """Byte by byte what is left before the cut, since a longer read gives nothing of it."""
        self.stream = self._open()
        for begin in range(0, self.given, CHUNK):
            self.stream.read(min(CHUNK, self.given - begin))
        found = bytearray()
        with contextlib.suppress(OSError):
            while byte := self.stream.read(1):
                found += byte
        return bytes(found)


_OPENERS: dict[str, Callable[[Path], Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open, ".zst": _Zstd}


def _suffix(name: str) -> str:
    return Path(name).suffix.lower()


def safe_suffix(name: str) -> str:
    """The last suffix of a name, without what a file system or DuckDB would read into it."""
    return "".join(c if c.isascii() and (c.isalnum() or c == ".") else "_" for c in Path(name).suffix[:20])
