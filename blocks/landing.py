"""The landing zone: immutable parts and their manifest, `<root>/<source>/<stream>/<load_id>/`.

A part appears by an atomic rename and is never written again. A folder today; the same calls will serve S3.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from blocks.sources.base import Manifest, Part

CHUNK = 1 << 20


class Landing:
    """The landing zone in a local folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

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
        partial = target.with_name(f".{target.name}.{os.getpid()}")
        try:
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
        target = self.folder(manifest.source, manifest.stream, manifest.load_id) / "manifest.json"
        self.put(target, lambda out: out.write(manifest.to_json().encode()))

    def manifest(self, source: str, stream: str, load_id: str) -> Manifest | None:
        """The manifest of a landed load, or None."""
        path = self.folder(source, stream, load_id) / "manifest.json"
        return Manifest.from_json(path.read_text()) if path.is_file() else None

    def discard(self, source: str, stream: str, load_id: str) -> None:
        """Remove what a killed run left of a load that never had its manifest."""
        folder = self.folder(source, stream, load_id)
        if folder.is_dir() and not (folder / "manifest.json").is_file():
            shutil.rmtree(folder)


def sha256_of(path: Path) -> tuple[int, str]:
    """(bytes, sha256) of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return path.stat().st_size, digest.hexdigest()
