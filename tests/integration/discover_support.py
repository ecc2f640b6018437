"""What the tests of `hallmark discover` share: a home that never ran, what is printed, and a batch of that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.homes import Home

ROOT = Path(__file__).resolve().parents[2]
INPUTS = ROOT.parent / "shared" / "inputs"


def home_of(tmp_path: Path, **variables: str) -> Home:
    """A home that has never run."""
    return Home(tmp_path / "home", variables=variables)


def proposed(home: Home, target: str, *more: str) -> tuple[Path, dict[str, Any], str]:
    """(the printed file, what it declares, everything that was said)."""
    done = home.hallmark("discover", target, *more)
    assert done.code == 0, done.err
    file = home.path.parent / "found.yml"
    file.write_text(done.out, encoding="utf-8")
    return file, yaml.safe_load(done.out)["sources"], done.out + done.err


def run(home: Home, file: Path) -> dict[str, Any]:
    """A batch of the file as it is."""
    home.sources = file
    summary = home.run()
    assert summary["state"] == "completed", [s for s in summary["streams"] if s["error"]]
    return summary
