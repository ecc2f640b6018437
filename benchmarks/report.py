"""Sections of results as text: on the terminal while they come, and all that are known in results.md.

results.json keeps them between runs, so that a part can be measured again by itself; results.md is made of it.
"""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("duckdb", "pyarrow", "prefect", "great-expectations", "adbc-driver-postgresql", "xml2arrow", "kreuzberg")
HEAD = """# Results

Made by `make bench` ([README.md](README.md) says how); goals are those that the project set itself. A part can be
measured again by `make bench ONLY=…`: each says when, and of how much. MB are 10⁶ bytes.
"""


@dataclass(frozen=True)
class Goal:
    """A goal, and what was found."""

    what: str
    goal: str
    found: str
    reached: bool


@dataclass
class Section:
    """One table of results."""

    name: str
    title: str
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rates: dict[str, float] = field(default_factory=dict)
    """Kind → MB of source per second of processor time."""
    about: str = ""
    """When, and on what."""

    def text(self) -> str:
        """As Markdown."""
        lines = [f"## {self.title}", "", self.about, "", *_table(self.columns, self.rows)]
        return "\n".join([*lines, "", *(f"{note}\n" for note in self.notes)]).strip() + "\n"


def machine() -> str:
    """Of this run: date, processor, versions."""
    names = [x.partition(":")[2].strip() for x in _lines("/proc/cpuinfo") if x.startswith("model name")]
    cpu = names[0] if names else platform.processor() or platform.machine()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; {cpu}, {cores} cores; {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, {versions}"
    )


def keep(section: Section, folder: Path) -> None:
    """Put a section in place of the one that was measured before, and write the page anew."""
    store = folder / "results.json"
    known: dict[str, Any] = json.loads(store.read_text()) if store.exists() else {}
    known[section.name] = asdict(section)
    store.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sections = [Section(**{**s, "goals": [Goal(**g) for g in s["goals"]]}) for s in known.values()]
    goals = [[g.what, g.goal, g.found, "yes" if g.reached else "**no**"] for s in sections for g in s.goals]
    page = [HEAD, "## Goals", "", *_table(["what", "goal", "found", "reached"], goals), ""]
    (folder / "results.md").write_text("\n".join([*page, *(s.text() for s in sections)]), encoding="utf-8")


def _table(columns: list[str], rows: list[list[str]]) -> list[str]:
    lines = [columns, ["---"] * len(columns), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in lines]


def _lines(path: str) -> list[str]:
    found = Path(path)
    return found.read_text().splitlines() if found.exists() else []
