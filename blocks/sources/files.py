"""Files dropped into a folder or bucket: found by a pattern, copied once into the landing zone, read from the copy.

Which files are new, and what a landed load of them is. What a place of files is, is in `drops.py`; how a format is
read, in the module that `formats.py` names.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

from blocks.landing import Landing, sha256_of
from blocks.sources.base import Known, Manifest, Part, Planned, Reject, Since, content_of
from blocks.sources.drops import CHANGED, VANISHED, Dropped, Drops, drops_of
from blocks.sources.extracts import Extract
from blocks.sources.formats import Format, format_of
from blocks.sources.naming import bronze_names
from blocks.sources.packed import Inside, is_packed, safe_suffix, unpack
from blocks.sources.spec import SourceSpec, StreamSpec
from blocks.sources.tables import Fault
from blocks.sources.union import UnionExtract
from governance.errors import SourceError, UnreadFileError

_UNREAD = "unknown_format"


class FilesReader:
    """One place of files."""

    def __init__(self, spec: SourceSpec) -> None:
        self.spec = spec
        self.unsettled: dict[str, int] = {}
        """Stream → files that its last plan left for a later run."""
        self.unmatched: set[str] = set()
        """Streams whose last plan found no file at all."""
        self._formats: dict[str, Format] = {}
        self._columns: dict[str, Sequence[str]] = {}
        """Stream → names of the columns by which its files are told, from bronze or else of the first file."""
        self._listed: dict[str, dict[str, Dropped]] = {}
        """Stream → path → file, of files that another process named."""

    @cached_property
    def drops(self) -> Drops:
        """Where the files are."""
        return drops_of(self.spec)

    def resolve(self, stream: StreamSpec) -> StreamSpec:
        """The stream as it is declared."""
        return stream

    def plan(self, stream: StreamSpec, since: Since, now: datetime, landing: Landing) -> list[Planned]:
        """One load for each file that is new or changed, in order; it is copied and hashed to be named.

        A name without wildcards that is absent is a SourceError; a pattern that matches nothing is not. Whether a
        file is settled is told by the clock that stamps files, not by `now`: a stamp of the future tells nothing.
        """
        landing.clear_incoming(self.spec.name, stream.name)
        self.unsettled[stream.name] = 0
        self.unmatched.add(stream.name)
        planned = [p for p in since.unfinished if p.landed]
        known = dict(since.seen_files) | {p.path: (p.size, p.mtime_ns) for p in planned}
        versions = Counter(map(content_of, (*since.seen_identities, *(p.identity for p in planned))))
        last_wins = bool(stream.primary_key) and not stream.cursor
        for number, file in enumerate(self.drops.matching(stream.path or "", self._where(stream))):
            self.unmatched.discard(stream.name)
            if known.get(file.path) == (file.size, file.mtime_ns):
                continue
            # A clock that is ahead of ours stamps files of the future, which may grow too.
            if abs(time.time() - file.mtime_ns / 1e9) < stream.settle.total_seconds():
                self.unsettled[stream.name] += 1
                continue
            copy = landing.incoming(self.spec.name, stream.name) / f"{number}{safe_suffix(file.path)}"
            digest = self._copy(stream, file, copy, landing)
            content = f"{self.spec.name}.{stream.name}:sha256:{digest}"
            # What is known is no news, unless the last row of a key wins and this file said something else before.
            if versions[content] and not (last_wins and since.contents.get(file.path, content) != content):
                landing.clear_copy(copy)
            else:
                versions[content] += 1
            identity = content if versions[content] == 1 else f"{content}@{versions[content]}"
            planned.append(
                Planned(
                    identity,
                    path=file.path,
                    size=file.size,
                    mtime_ns=file.mtime_ns,
                    copy=copy,
                    digest=digest,
                    columns=since.columns,
                )
            )
        return planned

    def _copied_again(self, stream: StreamSpec, planned: Planned, landing: Landing) -> Planned:
        """Of a file that another process named: the copy is made here. Raises SourceError if it is another one now."""
        if stream.name not in self._listed:
            found = self.drops.matching(stream.path or "", self._where(stream))
            self._listed[stream.name] = {file.path: file for file in found}
        file = self._listed[stream.name].get(planned.path or "")
        if file is None:
            raise SourceError(self._where(stream, planned.path or ""), *VANISHED)
        copy = landing.incoming(self.spec.name, stream.name) / f"{planned.load_id}{safe_suffix(file.path)}"
        digest = self._copy(stream, file, copy, landing)
        if content_of(planned.identity) != f"{self.spec.name}.{stream.name}:sha256:{digest}":
            landing.clear_copy(copy)
            raise SourceError(self._where(stream, file.path), *CHANGED)
        return replace(planned, copy=copy, digest=digest, size=file.size)

    def _copy(self, stream: StreamSpec, file: Dropped, copy: Path, landing: Landing) -> str:
        with self.drops.open(file, self._where(stream, file.path)) as source:
            return landing.copy_in(source, copy)[1]

    def warning(self, stream: StreamSpec) -> str | None:
        """Files that the plan left for later; a pattern that matches no file at all is most likely mistyped."""
        if young := self.unsettled.get(stream.name, 0):
            files, they = ("1 file is", "it is") if young == 1 else (f"{young} files are", "they are")
            return f"{files} younger than settle {stream.settle.total_seconds():g}s: {they} taken by a later run"
        return f"no file matches {stream.path} in {self.drops}" if stream.name in self.unmatched else None

    def land(self, stream: StreamSpec, planned: Planned, landing: Landing) -> Manifest:
        """Make the copy the landed file, and unpack a packed one beside it."""
        load_id, path = planned.load_id, planned.path or ""
        done = landing.manifest(self.spec.name, stream.name, load_id)
        if done:  # by today's rules: encoding or delimiter may be declared since
            landing.clear_copy(planned.copy)
            return self._described(stream, done, landing, planned.columns)
        landing.discard(self.spec.name, stream.name, load_id)
        if not (planned.copy and planned.copy.is_file()):
            planned = self._copied_again(stream, planned, landing)
        folder = landing.folder(self.spec.name, stream.name, load_id)
        packed = is_packed(path) and self.spec.kind == "files"
        first = folder / f"{'packed' if packed else 'part'}-0{safe_suffix(path)}"
        assert planned.copy
        landing.adopt(planned.copy, first)
        found, faults = [Inside(path, "", first)], list[Fault]()
        if packed:
            found, faults = unpack(first, path, stream.max_expansion, landing, as_csv=stream.format == "csv")
        parts = []
        for inside in found:
            size, digest = sha256_of(inside.path) if packed else (planned.size or 0, planned.digest)
            parts.append(Part(inside.path.name, size, digest, path + inside.at))
        manifest = self._described(stream, Manifest(
            load_id, planned.identity, self.spec.name, stream.name, None, None, None, (), tuple(parts), tuple(faults),
            path,
        ), landing, planned.columns)  # fmt: skip
        landing.write_manifest(manifest)
        return manifest

    def _described(self, stream: StreamSpec, manifest: Manifest, landing: Landing, columns: Sequence[str]) -> Manifest:
        """The manifest with the columns that its parts have; one that cannot be read stays a part, for a replay."""
        again = {p.position for p in manifest.parts}
        faults = [f for f in manifest.faults if f.reason_code != _UNREAD or manifest.path + f.at not in again]
        known = columns or self._columns.get(stream.name, ())
        parts = []
        for part in manifest.parts:
            where = self._where(stream, part.position)
            path = landing.part(manifest, part)
            try:
                schema = self._format(stream, part.path, where).schema(path, stream, landing, where, known)
            except UnreadFileError as error:
                schema = ()
                at = part.position.removeprefix(manifest.path)
                faults.append(Fault(_UNREAD, error.cause, at, 0, part.bytes))
            known = known or [c.name for c in schema]
            parts.append(replace(part, schema=schema))
        self._columns[stream.name] = known
        schema = tuple({c.name: c for p in parts for c in p.schema or ()}.values())
        if len(parts) == 1:
            parts = [replace(parts[0], schema=None)]
        return replace(manifest, schema=schema, parts=tuple(parts), faults=tuple(faults))

    def extract(self, stream: StreamSpec, manifests: Sequence[Manifest], landing: Landing, known: Known) -> Extract:
        """Read the landed files. Raises SourceError when they lack a key or the cursor.

        A file that is not of the stream's format is a reject; where there never was one that is, it is the stream that
        is declared wrong.
        """
        units = [u for m in manifests for u in _readable(m)]
        unread = [(m, f) for m in manifests for f in m.faults if f.reason_code == _UNREAD]
        if unread and not units and not known.get(""):
            (manifest, fault), *more = unread
            files = "1 more file" if len(more) == 1 else f"{len(more)} more files"
            cause = fault.reason + (f"; {files} cannot be read either" if more else "")
            where = self._where(stream, manifest.path + fault.at)
            raise SourceError(where, cause, "remove it, or give the stream its true format, encoding or path")
        names = {c.name for m in manifests for c in m.schema}
        wanted = [*stream.primary_key, *([stream.cursor] if stream.cursor else [])]
        absent = [k for k, name in zip(wanted, bronze_names(wanted), strict=True) if name not in names]
        if names and absent:
            cause = f"its files have no column {', '.join(absent)}; they have {', '.join(sorted(names)[:20])}"
            raise SourceError(self._where(stream), cause, "correct primary_key or cursor in the sources file")
        groups: dict[str, list[Manifest]] = {}
        for unit in units:
            name = self._format(stream, unit.parts[0].path, self._where(stream)).name
            groups.setdefault(name, []).append(unit)
        read = []
        for name, of_format in groups.items():
            found, step = self._formats[name], self._formats[name].at_once
            read += [
                found.extract(stream, of_format[n : n + step], landing, known) for n in range(0, len(of_format), step)
            ]
        return UnionExtract(read, [Reject.of(f, m.load_id, m.path) for m in manifests for f in m.faults])

    def _format(self, stream: StreamSpec, name: str, where: str) -> Format:
        """The reader of a file's format, one for all files of the format."""
        wanted = "document" if self.spec.kind == "documents" else stream.format
        found = format_of(wanted, name, where)
        return self._formats.setdefault(found.name, found)

    def _where(self, stream: StreamSpec, path: str = "") -> str:
        return f"stream {self.spec.name}.{stream.name}" + (f", file {path}" if path else "")


def _readable(manifest: Manifest) -> list[Manifest]:
    """Each part that can be read, as a load of one part."""
    unread = {manifest.path + f.at for f in manifest.faults if f.reason_code == _UNREAD}
    return [unit for unit in manifest.units() if unit.parts[0].position not in unread]
