"""Where files are dropped: a folder, or a prefix of an S3 bucket. Which files match a pattern, and their bytes.

Names are literal: only `*` and `?` of the declared pattern mean anything.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from governance.errors import ConfigurationError, SourceError

if TYPE_CHECKING:
    from blocks.sources.spec import SourceSpec

VANISHED = ("it vanished before it was copied", "drop it again")
CHANGED = ("it changed while it was read", "write it elsewhere and rename it into the folder")


@dataclass(frozen=True)
class Dropped:
    """A file as it was found."""

    path: str
    """Below the root, with `/`."""
    size: int
    mtime_ns: int
    version: str = ""
    """What S3 calls this content of the key (its ETag)."""


class Drops(Protocol):
    """A place of files. Methods raise SourceError, naming the stream, or UnreachableError."""

    def matching(self, pattern: str, where: str) -> Iterator[Dropped]:
        """The files that match, in order; SourceError when a name without wildcards is not there."""
        ...

    def open(self, dropped: Dropped, where: str) -> Any:
        """Context manager of the bytes of just this version; SourceError when it is gone or changed meanwhile."""
        ...


def drops_of(spec: SourceSpec) -> Drops:
    """The place that a source's root names."""
    root = spec.root or "."
    if root.startswith("s3://"):
        from blocks.sources.bucket import Bucket

        return Bucket(root)
    if "://" in root:
        raise ConfigurationError(
            f"source {spec.name}", f"root {root} is not served", "give a folder or s3://bucket/prefix"
        )
    return Folder(Path(root))


class Folder:
    """A local folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._odd: dict[str, Path] = {}
        """Files whose name is not UTF-8, by the text that stands for it."""

    def __str__(self) -> str:
        return str(self.root)

    def matching(self, pattern: str, where: str) -> Iterator[Dropped]:
        """Regular files inside the root; hidden ones and folders, and links that lead out of it, are passed over."""
        if not self.root.is_dir():
            raise SourceError(where, f"folder {self.root} does not exist", "correct `root` in sources.yml")
        root = self.root.resolve()
        if not is_pattern(pattern):
            path = self.root / pattern
            if not path.is_file():
                raise SourceError(where, f"file {path} does not exist", "correct `path` in sources.yml")
            if not path.resolve().is_relative_to(root):
                cause = f"file {path} is outside of folder {self.root}, or a link that leads out of it"
                raise SourceError(where, cause, "put the file itself into the folder, or correct `root` in sources.yml")
            yield _dropped(pattern, path)
            return
        matches = matcher(pattern)
        for folder, folders, files in os.walk(self.root):
            folders[:] = sorted(f for f in folders if not is_hidden(f))
            for name in sorted(files):
                path = Path(folder) / name
                relative = path.relative_to(self.root).as_posix()
                if not is_text(relative):
                    relative = relative.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
                    self._odd[relative] = path
                inside = not path.is_symlink() or path.resolve().is_relative_to(root)
                if matches.match(relative) and not is_hidden(name) and inside and path.is_file():
                    yield _dropped(relative, path)

    @contextmanager
    def open(self, dropped: Dropped, where: str) -> Iterator[BinaryIO]:
        """The file; SourceError when its size or time is another one afterwards."""
        path = self._odd.get(dropped.path, self.root / dropped.path)
        with _told(where):
            file = _Reading(path, where)
        with file:
            yield file
        with _told(where):
            now = _dropped(dropped.path, path)
        if now != dropped:
            raise SourceError(where, *CHANGED)


def is_text(name: str) -> bool:
    """Whether a name, as the system gives it, is UTF-8: what is not holds halves of characters."""
    return not re.search("[\ud800-\udfff]", name)


class _Reading(io.FileIO):
    """A file whose own errors name the stream; those of the place that it is copied to are not told as its own."""

    def __init__(self, path: Path, where: str) -> None:
        super().__init__(path)
        self.where = where

    def read(self, size: int | None = -1, /) -> bytes:
        with _told(self.where):
            return super().read(-1 if size is None else size)


@contextmanager
def _told(where: str) -> Iterator[None]:
    """What the system says of a dropped file as an error that names the remedy."""
    try:
        yield
    except FileNotFoundError:
        raise SourceError(where, *VANISHED) from None
    except OSError as error:
        raise SourceError(where, error.strerror or str(error), "make the file readable") from None


def _dropped(relative: str, path: Path) -> Dropped:
    status = path.stat()
    return Dropped(relative, status.st_size, status.st_mtime_ns)


def is_pattern(path: str) -> bool:
    """Whether a declared path has wildcards."""
    return re.search(r"[*?]", path) is not None


def is_hidden(path: str) -> bool:
    """Whether a file, or a folder that it is in, is hidden; `.` and `..` are no names."""
    return any(name.startswith(".") and name not in (".", "..") for name in path.split("/"))


def matcher(pattern: str) -> re.Pattern[str]:
    """A pattern of `**/`, `*` and `?` as a regular expression; brackets are literal, a line break is a character."""
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    special = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(special.get(p) or re.escape(p) for p in pieces) + r"\Z", re.DOTALL)
