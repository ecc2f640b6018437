"""An environment of its own for each connector: `<root>/<name>-<version>`, made on first use.

Only making and finding it. It appears whole, by a rename; what a killed installation left is not used.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from blocks.connectors.process import Process, SilentError, run_folder
from blocks.connectors.secrets import Mask
from blocks.lock import exclusive
from governance.errors import ConfigurationError, SourceError, UnreachableError

LOG = logging.getLogger("hallmark.connector")
SAID = logging.getLogger("hallmark.connector.said")
SILENCE = 600.0
"""Seconds that an installer may say nothing, as it does while it downloads."""
READY = "connector.json"
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_PIN = re.compile(rf"({_NAME})(?:==([A-Za-z0-9.!+_-]+))?")
_UNREACHABLE = re.compile(
    r"error sending request|dns error|connect error|timed out|connection (?:refused|reset)|failed to fetch|"
    r"NewConnectionError|Temporary failure in name|Read timed out|50[234]",
    re.IGNORECASE,
)
# Runs in the connector's own Python: its version, and the program that speaks the protocol.
_ASK = """
import importlib.metadata, json, sys
found = importlib.metadata.distribution(sys.argv[1])
programs = [e.name for e in found.entry_points if e.group == 'console_scripts']
print(json.dumps({'version': found.version, 'programs': programs}))
"""


@dataclass(frozen=True)
class Environment:
    """An installed connector."""

    folder: Path
    name: str
    version: str
    program: str

    @property
    def command(self) -> list[str]:
        """How it is started. -I: neither this process's packages nor the working folder are seen by it."""
        return [str(self.folder / "bin" / "python"), "-I", str(self.folder / "bin" / self.program)]


@dataclass(frozen=True)
class Requirement:
    """What `connector` of a source says: `name`, `name==version`, and pins of packages that it needs."""

    name: str
    version: str | None
    pins: tuple[str, ...]

    @classmethod
    def parse(cls, text: str, what: str) -> Requirement:
        """Raises ConfigurationError for anything but names and exact versions: addresses and options run code."""
        words = text.split()
        found = [_PIN.fullmatch(word) for word in words]
        if not words or not all(found) or not all(f and f[2] for f in found[1:]):
            raise ConfigurationError(
                what,
                f"connector {text!r} is no name of a package",
                "write airbyte-source-…, or airbyte-source-…==1.2.3",
            )
        first = found[0]
        assert first
        name = re.sub(r"[-_.]+", "-", first[1]).lower()
        return cls(name, first[2], tuple(words[1:]))

    @property
    def packages(self) -> list[str]:
        """As an installer takes them."""
        return [f"{self.name}=={self.version}" if self.version else self.name, *self.pins]


def environment(root: Path, requirement: Requirement, installed: Path | None = None) -> Environment:
    """The environment of a connector, installed into `root` where there is none; without a version: the one there is.

    `installed` is a folder of environments that is only read, and looked at first.

    Raises SourceError when it cannot be installed, UnreachableError when the package index does not answer.
    """
    for folder in (installed, root):
        if folder and (found := _installed(folder, requirement)):
            return found
    # Two processes, or two streams of one source, make it once.
    with exclusive(root / f".{requirement.name}.lock", f"the installation of {requirement.name}", wait=1800):
        return _installed(root, requirement) or _install(root, requirement)


def _installed(root: Path, requirement: Requirement) -> Environment | None:
    """The newest that fits. One whose Python has gone is none."""
    fitting = []
    for folder in root.glob(f"{requirement.name}-{requirement.version or '*'}"):
        if not (folder / READY).is_file() or not (folder / "bin" / "python").exists():
            continue
        known = json.loads((folder / READY).read_text())
        if known["name"] == requirement.name and tuple(known["pins"]) == requirement.pins:
            fitting.append(Environment(folder, known["name"], known["version"], known["program"]))
    return max(fitting, key=lambda e: (e.folder / READY).stat().st_mtime, default=None)


def _install(root: Path, requirement: Requirement) -> Environment:
    what, began = f"connector {requirement.name}", time.monotonic()
    LOG.info("%s: installing it into %s, once", what, root)
    with run_folder(root) as folder:
        made = folder / "made"
        settings = _index_settings(os.environ)
        for command in _commands(made, requirement):
            _run(command, settings, folder, what)
        python = str(made / "bin" / "python")
        asked = subprocess.run(
            [python, "-I", "-c", _ASK, requirement.name], capture_output=True, text=True, timeout=120, check=False
        )
        if asked.returncode:
            raise SourceError(what, f"it is not what was installed: {asked.stderr[-300:]}", "correct `connector`")
        answer = json.loads(asked.stdout)
        program = _program(requirement.name, answer["programs"], what)
        ready = {
            "name": requirement.name, "version": answer["version"], "pins": requirement.pins, "program": program,
        }  # fmt: skip
        (made / READY).write_text(json.dumps(ready))
        target = root / f"{requirement.name}-{answer['version']}"
        if target.exists():  # of other pins, or of a Python that has gone
            target.rename(folder / "replaced")
        made.rename(target)
    LOG.info("%s: version %s installed in %.0f s", what, answer["version"], time.monotonic() - began)
    if not requirement.version:
        LOG.info("%s: write `%s==%s` into the sources file to pin it", what, requirement.name, answer["version"])
    return Environment(target, requirement.name, answer["version"], program)


def _commands(made: Path, requirement: Requirement) -> list[list[str]]:
    """uv, where it is in this environment or on the path; else venv and pip."""
    python = str(made / "bin" / "python")
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv:
        return [
            [uv, "venv", "--quiet", "--python", sys.executable, str(made)],
            [uv, "pip", "install", "--no-progress", "--python", python, *requirement.packages],
        ]
    return [
        [sys.executable, "-m", "venv", str(made)],
        [python, "-m", "pip", "install", "--progress-bar", "off", "--no-input", *requirement.packages],
    ]


def _index_settings(known: Mapping[str, str]) -> dict[str, str]:
    """The environment of an installer. uv does not read pip's configuration: pip's index is handed to it."""
    kept = {k: v for k, v in known.items() if not k.upper().startswith(("HALLMARK_", "AWS_", "SNOWFLAKE_"))}
    kept.pop("VIRTUAL_ENV", None)
    if not {"UV_DEFAULT_INDEX", "UV_INDEX_URL"} & set(kept):
        index = kept.get("PIP_INDEX_URL") or subprocess.run(
            [sys.executable, "-m", "pip", "config", "get", "global.index-url"],
            capture_output=True, text=True, timeout=60, check=False,
        ).stdout.strip()  # fmt: skip
        if index:
            kept["UV_DEFAULT_INDEX"] = index
    return kept


def _run(command: Sequence[str], settings: Mapping[str, str], folder: Path, what: str) -> None:
    mask, said = Mask(), []
    with Process(command, settings, folder) as process:
        try:
            for _, line in process.lines(SILENCE):
                if text := mask(line.decode(errors="replace").strip()):
                    # What is installed, line by line, is for who looks closely.
                    SAID.log(logging.DEBUG if text.startswith("+ ") else logging.INFO, "%s: %s", what, text)
                    said.append(text)
        except SilentError:
            raise UnreachableError(what, f"its installation said nothing for {SILENCE:.0f} s", "try again") from None
    if process.status:
        cause = " ".join(said[-6:])[-700:] or f"the installer ended with status {process.status}"
        if _UNREACHABLE.search(cause):
            raise UnreachableError(what, f"the package index cannot be reached: {cause}", "try again")
        raise SourceError(what, f"it cannot be installed: {cause}", "correct `connector` in the sources file")


def _program(name: str, programs: Sequence[str], what: str) -> str:
    """Connectors are named airbyte-source-x, and their program source-x."""
    usual = name.removeprefix("airbyte-")
    if usual in programs or len(programs) == 1:
        return usual if usual in programs else programs[0]
    raise SourceError(what, f"it has no program {usual}", "name the package of an Airbyte source")
