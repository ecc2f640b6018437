"""`make lambda`: the archives of the functions, in terraform/lambda/dist. The same files give the same bytes.

What a function has beside the standard library and boto3 comes from its requirements.lock, as wheels for Lambda's
machine. Nothing is compiled, and nothing of this machine is in an archive.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
FUNCTIONS = ("file_event", "rotation")
# As terraform/modules/{events,secrets} have it: runtime python3.13, x86_64.
PLATFORM, PYTHON = "x86_64-manylinux2014", "3.13"
LEFT_OUT = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", ".lock"}


def main(to: Path) -> None:
    """Make the archives in a folder; one that would be the same stays as it is."""
    to.mkdir(parents=True, exist_ok=True)
    for name in FUNCTIONS:
        with tempfile.TemporaryDirectory() as scratch:
            folder, made = Path(scratch) / "files", Path(scratch) / "made.zip"
            folder.mkdir()
            lock = HERE / name / "requirements.lock"
            if lock.exists():
                install(lock, folder)
            copied = folder / name
            copied.mkdir()
            for module in sorted((HERE / name).glob("*.py")):
                shutil.copy(module, copied)
            pack(folder, made)
            archive = to / f"{name}.zip"
            if not archive.exists() or archive.read_bytes() != made.read_bytes():
                shutil.copy(made, archive)
            print(f"{archive.relative_to(to.parents[2])}: {archive.stat().st_size >> 10} KB")


def install(lock: Path, folder: Path) -> None:
    """The wheels of a lock."""
    uv = Path(sys.executable).with_name("uv")
    command: list[str | Path] = [
        uv, "pip", "install", "--quiet", "--target", folder, "--python-platform", PLATFORM, "--python-version", PYTHON,
        "--only-binary", ":all:", "--no-deps", "--require-hashes", "--requirements", lock,
    ]  # fmt: skip
    subprocess.run(command, check=True, env=with_index(dict(os.environ)))


def with_index(environment: dict[str, str]) -> dict[str, str]:
    """uv does not read pip's configuration: an index that is set for pip is handed to it, as in the Makefile."""
    if not environment.get("UV_DEFAULT_INDEX") and not environment.get("UV_INDEX_URL"):
        asked = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        if index := environment.get("PIP_INDEX_URL") or done.stdout.strip():
            environment["UV_DEFAULT_INDEX"] = index
    return environment


def pack(folder: Path, archive: Path) -> None:
    """A zip of the files, in order, with one time and one mode."""
    shutil.rmtree(folder / "bin", ignore_errors=True)  # scripts, which name this machine's Python
    files = [p for p in folder.rglob("*") if p.is_file() and p.suffix != ".pyc" and p.name not in LEFT_OUT]
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), (1980, 1, 1, 0, 0, 0))
            entry.external_attr, entry.compress_type = 0o100644 << 16, zipfile.ZIP_DEFLATED
            out.writestr(entry, path.read_bytes())


if __name__ == "__main__":
    main(HERE / "dist")
