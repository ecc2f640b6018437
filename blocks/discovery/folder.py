"""The files of a folder as streams: like files of one folder are one stream, with a pattern that takes no other."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from blocks.discovery.proposal import Proposal, ProposedSource, ProposedStream, unique_names, valid_name
from blocks.discovery.shapes import HEAD_BYTES, ZIP_BYTES, Shape, shape_of, suffix_of
from blocks.sources.drops import Dropped, Drops, matcher
from governance.errors import HallmarkError

SAMPLED_FILES = 50
"""Of more files with like names in one folder, this many are opened."""
_NO_PATTERN = "its name has a wildcard, which takes another file too"
_NUMBERS = re.compile(r"\d+(?:[-_.T ]\d+)*")
_DATED = re.compile(r"(?:^|[-_. ])(?:19|20)\d\d")
_GENERIC = {"", "part", "data", "file", "export", "page", "chunk", "dump", "records", "rows", "out", "output", "batch"}


@dataclass(frozen=True)
class Unit:
    """Files that one stream brings."""

    pattern: str
    entries: Sequence[Dropped]
    shapes: Sequence[Shape]
    stem: str
    """What their names have in common; empty where the folder's name says more."""


def discover(root: str, drops: Drops, name: str, only: str = "**/*") -> tuple[Proposal, dict[str, Sequence[Dropped]]]:
    """(sources of files and of documents with their streams, `source.stream` → the files that it brings)."""
    entries = visible(drops.matching(only, "discover"))
    shapes = _shapes(drops, entries)
    passed_over = [(e.path, shapes[e.path].why) for e in entries if not shapes[e.path].format]
    data = [e for e in entries if shapes[e.path].format not in ("", "documents")]
    documents = [e for e in entries if shapes[e.path].format == "documents"]
    sources = []
    files: dict[str, Sequence[Dropped]] = {}
    source = valid_name(name, "files")
    for kind, units in (
        ("files", _data_units(data, shapes, entries)),
        ("documents", _document_units(documents, shapes, entries)),
    ):
        greedy = [u for u in units if not _takes_no_other(u, entries)]
        passed_over += [(e.path, _NO_PATTERN) for u in greedy for e in u.entries]
        units = [u for u in units if u not in greedy]
        if not units:
            continue
        called = source if kind == "files" or not data else f"{source}_documents"
        names = unique_names([_names(u, source, kind) for u in units])
        streams = [_stream(u, n) for u, n in zip(units, names, strict=True)]
        sources.append(ProposedSource(called, kind, {"root": root}, streams))
        files |= {f"{called}.{n}": u.entries for n, u in zip(names, units, strict=True)}
    return Proposal(sources, passed_over), files


def visible(files: Iterable[Dropped]) -> list[Dropped]:
    """Without those in hidden folders, which are what programs keep for themselves."""
    return [f for f in files if not re.search(r"(^|/)\.", f.path)]


def _shapes(drops: Drops, entries: Iterable[Dropped]) -> dict[str, Shape]:
    """The shape of each file; of many with like names the others are taken to be as those that were opened."""
    alike: dict[tuple[str, str], list[Dropped]] = defaultdict(list)
    for entry in entries:
        alike[_folder_pattern(_folder(entry)), _name_pattern(_name(entry))].append(entry)
    shapes: dict[str, Shape] = {}
    for group in alike.values():
        step = max(1, len(group) // SAMPLED_FILES)
        for number, entry in enumerate(group):
            opened = number % step == 0
            shapes[entry.path] = _shape(drops, entry) if opened else replace(shapes[group[0].path], columns=frozenset())
    return shapes


def _shape(drops: Drops, entry: Dropped) -> Shape:
    # The list of what is in a zip file is at its end.
    most = ZIP_BYTES if suffix_of(entry.path).lower().endswith(".zip") else HEAD_BYTES
    try:
        with drops.open(entry, "discover") as file:
            return shape_of(_name(entry), file.read(most))
    except HallmarkError as error:
        return Shape("", why=f"it cannot be read: {error.cause}")


def _data_units(data: Sequence[Dropped], shapes: dict[str, Shape], every: Sequence[Dropped]) -> list[Unit]:
    folders: dict[tuple[str, str, str], dict[str, list[Dropped]]] = defaultdict(lambda: defaultdict(list))
    for entry in data:
        key = _folder_pattern(_folder(entry)), suffix_of(entry.path), shapes[entry.path].format
        folders[key][_name_pattern(_name(entry))].append(entry)
    units = []
    for (folder, suffix, _), templates in folders.items():
        if len(templates) > 1:
            whole = [e for group in templates.values() for e in group]
            unit = _unit(_join(folder, f"*{suffix}"), whole, shapes, "")
            if _one_stream(unit, every):
                units.append(unit)
                continue
        for template, group in templates.items():
            stem = template.removesuffix(suffix).replace("*", " ")
            unit = _unit(_join(folder, template), group, shapes, stem)
            # One file with a date in its name is most likely the first of many; another is most likely the only one.
            dated = len(group) > 1 or _DATED.search(_name(group[0])) or "*" in folder
            if dated and _one_stream(unit, every):
                units.append(unit)
            else:
                units += [_unit(_literal(e.path), [e], shapes, _name(e).removesuffix(suffix)) for e in group]
    return units


def _document_units(documents: Sequence[Dropped], shapes: dict[str, Shape], every: Sequence[Dropped]) -> list[Unit]:
    tops: dict[str, list[Dropped]] = defaultdict(list)
    for entry in documents:
        tops[entry.path.partition("/")[0] if "/" in entry.path else ""].append(entry)
    units = []
    for top, group in tops.items():
        whole = _unit(f"{_literal(top)}/**/*", group, shapes, "")
        if top and _one_stream(whole, every):
            units.append(replace(whole, stem=top))
            continue
        suffixes: dict[str, list[Dropped]] = defaultdict(list)
        for entry in group:
            suffixes[suffix_of(entry.path)].append(entry)
        for suffix, those in suffixes.items():
            unit = _unit(
                _join(_literal(top), f"**/*{suffix}" if top else f"*{suffix}"), those, shapes, f"{top}{suffix}"
            )
            if suffix and _one_stream(unit, every):
                units.append(unit)
            else:
                units += [_unit(_literal(e.path), [e], shapes, _name(e)) for e in those]
    return units


def _unit(pattern: str, entries: Sequence[Dropped], shapes: dict[str, Shape], stem: str) -> Unit:
    return Unit(pattern, entries, [shapes[e.path] for e in entries], stem)


def _one_stream(unit: Unit, every: Sequence[Dropped]) -> bool:
    """Whether the files are of one shape, and the pattern takes these and no other."""
    largest = max(unit.shapes, key=lambda s: len(s.columns))
    return all(s.like(largest) for s in unit.shapes) and _takes_no_other(unit, every)


def _takes_no_other(unit: Unit, every: Sequence[Dropped]) -> bool:
    """Whether the pattern takes the files, and these alone."""
    ours, takes = {e.path for e in unit.entries}, matcher(unit.pattern).match
    return all(bool(takes(e.path)) == (e.path in ours) for e in every)


def _stream(unit: Unit, name: str) -> ProposedStream:
    options: dict[str, object] = {"path": unit.pattern}
    first = unit.shapes[0]
    if first.format != "documents" and not all(s.named for s in unit.shapes):
        options["format"] = first.format
    records = {s.record for s in unit.shapes if s.format == "xml" and s.columns}
    if len(records) == 1 and (record := records.pop()):
        options["record"] = record
    dialects = [s.dialect for s in unit.shapes if s.dialect]
    delimiters = {d.delimiter for d in dialects if len(d.header) > 1}
    if len(delimiters) == 1 and delimiters != {","}:
        options["delimiter"] = delimiters.pop()
    # The reader finds each file's encoding from all of its bytes; said here only where all bytes were seen.
    encodings = {d.encoding for d in dialects if d.header}
    seen = len(dialects) == len(unit.entries) and all(e.size <= HEAD_BYTES for e in unit.entries)
    if len(encodings) == 1 and seen and not any(d.is_utf8 for d in dialects):
        options["encoding"] = encodings.pop()
    files = len(unit.entries)
    notes = [f"{files} files"] if files > 1 else []
    if first.format == "json" and first.record:
        notes.append(f"each file is one record; for a row for each item of its list: record: {first.record}")
    return ProposedStream(name, options, notes)


def _names(unit: Unit, source: str, kind: str) -> list[str]:
    """Names for a stream, best first: of its files, then with more and more of the folders before it."""
    folders = [valid_name(p) for p in PurePosixPath(unit.pattern).parts[:-1] if re.search(r"[^\d*?]", p)]
    folders = [f.partition("_")[2] if re.match(r"data_\d", f) else f for f in folders]
    stem = valid_name(unit.stem, kind) if unit.stem.strip(" -_.") else ""
    if kind == "documents":
        return [stem or kind, *(valid_name("_".join([*folders[-n:], stem])) for n in range(1, len(folders) + 1))]
    base = [stem] if stem not in _GENERIC else []
    if not base:
        base, folders = (folders[-1:], folders[:-1]) if folders else ([stem or source], [])
    longer = [valid_name("_".join([*folders[len(folders) - n :], *base])) for n in range(len(folders) + 1)]
    kind_of_file = valid_name(f"{longer[0]}_{suffix_of(unit.pattern)}")  # customers.csv beside customers.csv.gz
    return [longer[0], kind_of_file, *longer[1:]]


def _folder(file: Dropped) -> str:
    return file.path.rpartition("/")[0]


def _name(file: Dropped) -> str:
    return file.path.rpartition("/")[2]


def _folder_pattern(folder: str) -> str:
    """A folder with `*` for what changes: dates and numbers, and the value of `day=2026-01-01`."""
    parts = [re.sub(r"^([A-Za-z_]\w*)=.*$", r"\1=*", p) for p in folder.split("/")]
    return "/".join("*" if _NUMBERS.fullmatch(p) else _literal(p) if "=*" not in p else p for p in parts)


def _name_pattern(name: str) -> str:
    suffix = suffix_of(name)
    return _NUMBERS.sub("*", _literal(name.removesuffix(suffix))) + _literal(suffix)


def _literal(text: str) -> str:
    """A name in a pattern; `?` stands for what a sources file cannot hold: `${`, and bytes that are no text."""
    return re.sub(r"\$(?=\{)|[\ud800-\udfff]", "?", text)


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
