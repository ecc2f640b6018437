"""The landing zone: immutable parts and their manifest, `<root>/<source>/<stream>/<load_id>/`.

A part appears by an atomic rename and is never written again. `Landing` is a folder; `landing_s3.py` has the same
calls for a bucket, with such a folder to work in. What may be removed from it, `flows/gc.py` decides.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from blocks.disk import room
from blocks.settings import Settings
from blocks.sources.base import Manifest, Part
from governance.errors import ConfigurationError

CHUNK = 1 << 20
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Landed:
    """What is kept of one load."""

    source: str
    stream: str
    load_id: str
    bytes: int
    at: datetime
    """When the newest of its files was written."""
    names: tuple[str, ...]
    """Its files."""

    @property
    def whole(self) -> bool:
        """Whether it has its manifest."""
        return MANIFEST in self.names


def open_landing(settings: Settings) -> Landing:
    """The landing zone that the settings name; nothing is asked of it yet.

    Raises ConfigurationError for one that is neither a folder nor `s3://bucket/prefix`.
    """
    root = settings.landing_root
    if root.startswith("s3://") and root.removeprefix("s3://").strip("/"):
        from blocks.landing_s3 import S3Landing

        return S3Landing(root, settings.home / "scratch" / "landing", settings.landing_kms_key)
    if re.match(r"[A-Za-z][\w.+-]*:", root):  # also s3:/bucket, which would be a folder of this name
        remedy = "give s3://bucket/prefix or a folder, one whose name has a colon as ./name"
        raise ConfigurationError(f"HALLMARK_LANDING {root}", "there is no such landing zone", remedy)
    return Landing(Path(root))


class Landing:
    """The landing zone in a local folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def check(self) -> None:
        """Raises ConfigurationError where it is missing or refused. A folder is made when something is landed."""

    def folder(self, source: str, stream: str, load_id: str) -> Path:
        """Folder of one load; not created."""
        return self.root / source / stream / load_id

    def copy_in(self, stream: BinaryIO, target: Path) -> tuple[int, str]:
        """Copy a stream to `target`, hashing on the way; (bytes, sha256)."""
        digest, size = hashlib.sha256(), 0

        def write(out: BinaryIO) -> None:
            nonlocal size
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
                out.write(chunk)

        self.put(target, write)
        return size, digest.hexdigest()

    def put(self, target: Path, write: Callable[[BinaryIO], object]) -> None:
        """Let `write` fill a temporary file, then rename it to `target`; on an error nothing appears."""
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.partial")  # the name that a killed run left is taken over
        try:
            with room(f"landing zone {self.root}"):
                with partial.open("wb") as out:
                    write(out)
                    out.flush()
                    os.fsync(out.fileno())
                partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)

    def part(self, manifest: Manifest, part: Part | None = None) -> Path:
        """A landed part; of a load of one part, that one."""
        return self.folder(manifest.source, manifest.stream, manifest.load_id) / (part or manifest.parts[0]).path

    def incoming(self, source: str, stream: str) -> Path:
        """Where files are copied to be named; not created."""
        return self.root / source / stream / ".incoming"

    def clear_incoming(self, source: str, stream: str) -> None:
        """Remove what a killed run copied and did not land."""
        shutil.rmtree(self.incoming(source, stream), ignore_errors=True)

    def adopt(self, copy: Path, target: Path) -> None:
        """Make a copy the landed part."""
        target.parent.mkdir(parents=True, exist_ok=True)
        copy.replace(target)
        self.clear_copy(copy)

    def clear_copy(self, copy: Path | None) -> None:
        """Remove a copy that is not needed; the last one takes the folder of the copies along."""
        if copy:
            copy.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                copy.parent.rmdir()

    def write_manifest(self, manifest: Manifest) -> None:
        """Complete a load: from here on it is landed."""
        target = self.folder(manifest.source, manifest.stream, manifest.load_id) / MANIFEST
        self.put(target, lambda out: out.write(manifest.to_json().encode()))

    def manifest(self, source: str, stream: str, load_id: str) -> Manifest | None:
        """The manifest of a landed load, or None."""
        path = self.folder(source, stream, load_id) / MANIFEST
        return Manifest.from_json(path.read_text()) if path.is_file() else None

    def described(self, source: str, stream: str, load_id: str) -> Manifest | None:
        """The same for who needs none of the parts: nothing is fetched."""
        return self.manifest(source, stream, load_id)

    def discard(self, source: str, stream: str, load_id: str) -> None:
        """Remove what a killed run left of a load that never had its manifest."""
        folder = self.folder(source, stream, load_id)
        if folder.is_dir() and not (folder / MANIFEST).is_file():
            shutil.rmtree(folder)

    def release(self, source: str, stream: str, load_id: str) -> None:
        """The load is published: a working copy of it is not needed. A folder has none."""

    def loads(self) -> Iterator[Landed]:
        """Every load that has a folder, also half landed ones, and what was copied to be named (`.incoming`)."""
        for folder in sorted(self.root.glob("*/*/*")):
            if folder.is_dir():
                files = {p.name: p.stat() for p in folder.iterdir() if p.is_file()}
                times = [s.st_mtime for s in files.values()] or [folder.stat().st_mtime]
                source, stream, load_id = folder.relative_to(self.root).parts
                size, at = sum(s.st_size for s in files.values()), datetime.fromtimestamp(max(times), UTC)
                yield Landed(source, stream, load_id, size, at, tuple(sorted(files)))

    def remove(self, loads: Sequence[Landed]) -> None:
        """Remove loads, the manifest of each first, so that none looks whole of which a part is gone."""
        for load in loads:
            folder = self.folder(load.source, load.stream, load.load_id)
            (folder / MANIFEST).unlink(missing_ok=True)
            shutil.rmtree(folder)

    def tidy(self, before: datetime, dry_run: bool) -> dict[str, int]:
        """Remove what is no load and was left before a time; what it was. A folder has nothing of the kind."""
        return {}


def sha256_of(path: Path) -> tuple[int, str]:
    """(bytes, sha256) of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return path.stat().st_size, digest.hexdigest()
