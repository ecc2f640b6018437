"""What `make`, `wave` and `serving` do with events, invoices and the mailroom: files, truth.json, variables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from blocks import sample
from blocks.sample import truth
from blocks.sample.plan import added

ROWS = 600
KINDS = ("events", "invoices", "documents")


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[set[str]], dict[str, Any]]]:
    """A home after two waves, its files after each step, and truth.json as it was made."""
    home = tmp_path_factory.mktemp("files") / "home"
    steps: list[tuple[str, int, int]] = []
    made = sample.make(home, ROWS, progress=lambda *step: steps.append(step))
    assert {step for step, _, _ in steps} >= {"customers", "projects", *KINDS}
    assert {step for step, done, total in steps if done == total} >= {"customers", "projects", *KINDS}
    found = [files_of(home)]
    for _ in range(2):
        sample.wave(home)
        found.append(files_of(home))
    yield home, found, made
    sample.remove(home)


def files_of(home: Path) -> set[str]:
    root = truth.folder(home)
    paths = [p for folder in ("drops", "mailroom") for p in (root / folder).rglob("*") if p.is_file()]
    return {p.relative_to(root).as_posix() for p in paths}


def test_truth_names_and_counts_what_each_step_brought(homes: Any) -> None:
    home, found, made = homes
    told = truth.read_truth(home)
    assert {kind: made[kind] for kind in KINDS} == {kind: told[kind] for kind in KINDS}
    assert {kind: made["now"][kind] for kind in KINDS} == {kind: made[kind] for kind in KINDS}
    for kind, folder in (("events", "drops/events"), ("invoices", "drops/invoices"), ("documents", "mailroom")):
        assert made[kind]["files"] == sum(name.startswith(f"{folder}/") for name in found[0])
    for number, (before, after) in enumerate(pairwise(found)):
        wave = told["waves"][number]
        new = {
            *(f"drops/customers/{name}" for key in ("new", "identical") for name in wave["files"][key]),
            *(f"drops/events/{name}" for name in wave["events"]["new"]),
            *(f"drops/invoices/{name}" for name in wave["invoices"]["identical"]),
            *(f"mailroom/{name}" for name in wave["documents"]["new"]),
        }
        assert after - before == new
        assert before <= after
        assert wave["events"]["new_columns"] == (["app_version"] if number == 0 else [])
    for kind in ("events", "documents"):
        assert told["now"][kind] == added(made[kind], *(wave[kind]["counts"] for wave in told["waves"]))
    appended = sum(wave["invoices"]["invoices_appended"] for wave in told["waves"])
    assert told["now"]["invoices"]["distinct"] == made["invoices"]["distinct"] + appended
    assert {f"mailroom/{name}" for name in told["mailroom"]} == {n for n in found[-1] if n.startswith("mailroom/")}
    assert made["events"]["distinct"]["rows"] + sum(made["events"]["unreadable"].values()) > ROWS * 4


def test_the_events_of_a_wave_lie_between_its_cursors(homes: Any) -> None:
    home, _, _ = homes
    for wave in truth.read_truth(home)["waves"]:
        for name in wave["events"]["new"]:
            for line in (truth.folder(home) / "drops" / "events" / name).read_bytes().split(b"\n"):
                try:
                    when = json.loads(line)["occurred_at"]
                except ValueError:
                    continue
                if str(when).endswith("Z"):
                    assert wave["cursor_from"][:19] <= when[:19] <= wave["cursor_to"][:19]


def test_the_sources_are_told_where_they_are(homes: Any) -> None:
    home, _, _ = homes
    with sample.serving(home) as variables:
        assert set(variables) == {"CRM_URL", "DROPS_ROOT", "MAILROOM_ROOT"}
        assert Path(variables["MAILROOM_ROOT"], "inbox").is_dir()
        assert Path(variables["DROPS_ROOT"], "events").is_dir()


def test_truth_explains_every_key_that_it_holds(homes: Any) -> None:
    home, _, _ = homes
    explained = truth.__doc__ or ""
    for kind in KINDS:
        assert f"| {kind}." in explained
        for key in truth.read_truth(home)[kind]:
            assert key in explained, f"{kind}.{key}"


def test_help_imports_no_library_that_makes_documents() -> None:
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom flows.cli import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "print(sorted({'fpdf', 'docx', 'pptx', 'PIL', 'blocks.sample.documents'} & set(sys.modules)))"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HALLMARK_")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"
