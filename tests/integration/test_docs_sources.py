"""Each kind of source has a page, and its example gives what the page shows; so do the five lines of the README."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest

from blocks.sources.spec import SourceSpec, StreamSpec
from docs import examples
from tests.homes import parsed

ROOT = Path(__file__).resolve().parents[2]
DUMP = ROOT.parent / "shared" / "inputs" / "oltp" / "pthom__northwind_psql" / "northwind.sql"
PAGES = examples.pages()
pytestmark = pytest.mark.timeout(1200)  # two batches, and the installation of a connector
README = (ROOT / "README.md").read_text("utf-8")
YOUR_DATA = README[README.index("## Your own data") :]


@pytest.fixture(scope="module")
def newcomer(
    database: Callable[[str, str | bytes], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, subprocess.Popen[str]]]:
    """(its folder, a shell that runs the five lines of the README)."""
    if not DUMP.exists():
        pytest.skip("the Northwind dump of ../shared/inputs is not here")
    folder = tmp_path_factory.mktemp("newcomer")
    server = database("northwind", DUMP.read_bytes()).rpartition("/")[0]
    (lines,) = re.findall(r"^```sh\n(.*?)^```", YOUR_DATA[: YOUR_DATA.index("\n## ", 1)], re.S | re.M)
    given, script = lines.count("\n"), re.sub(r"postgresql://\S+", f"{server}/northwind", lines)
    assert given == 5
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HALLMARK_", "PREFECT_"))}
    environment = {
        **kept, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "100", "NO_COLOR": "1",
        "HALLMARK_HOME": str(folder / ".hallmark"),
    }  # fmt: skip
    with (folder / "output").open("w") as output:
        process = subprocess.Popen(
            ["bash", "-euc", script], cwd=folder, text=True, stdout=output, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, env=environment,
        )  # fmt: skip
    yield folder, process
    process.wait(timeout=600)


def test_the_five_lines_begin(newcomer: tuple[Path, subprocess.Popen[str]]) -> None:
    """They take as long as the batch of the examples, on another core; what they said is looked at last."""
    assert newcomer[1].poll() is None


@pytest.fixture(scope="module")
def printed(postgres: str, connectors: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[Path, dict[str, str]]:
    """What the commands of all examples print, by page: one batch for all of them."""
    return examples.run(tmp_path_factory.mktemp("examples"), postgres, connectors, parsed())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path.stem)
def test_a_page_shows_what_its_example_gives(page: examples.Page, printed: dict[Path, dict[str, str]]) -> None:
    assert page.text == page.filled(printed[page.path]), "it prints something else: `make pictures`"
    assert re.search(r"^  \w+\.\w+: [1-9]\d* read, [1-9]\d* published", page.text, re.M)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path.stem)
def test_a_page_says_what_holds(page: examples.Page) -> None:
    headings = re.findall(r"^## (.*)$", page.text, re.M)
    assert [h for h in headings if h in ("Options", "Guarantees", "Limits", "Example")] == [
        "Options", "Guarantees", "Limits", "Example",
    ]  # fmt: skip
    assert not [line for block in examples.CONSOLE.findall(page.text) for line in block.splitlines() if len(line) > 105]


def test_every_kind_and_format_has_a_page() -> None:
    overview = (ROOT / "docs" / "sources.md").read_text("utf-8")
    linked = set(re.findall(r"\(sources/(\w+)\.md\)", overview[: overview.index("```")]))
    assert linked == {page.path.stem for page in PAGES}
    declared = [spec for page in PAGES for spec in page.sources.values()]
    kinds = set(get_args(SourceSpec.model_fields["kind"].annotation))
    assert {spec["kind"] for spec in declared} == kinds
    formats = get_args(get_args(StreamSpec.model_fields["format"].annotation)[0])
    assert (kinds - {"files"}) | set(formats) <= linked


def test_the_five_lines_of_the_readme_bring_northwind(newcomer: tuple[Path, subprocess.Popen[str]]) -> None:
    folder, process = newcomer
    code, printed = process.wait(timeout=600), (folder / "output").read_text("utf-8")
    assert code == 0, printed
    shown = {
        name: lines_of(text)
        for name, text in re.findall(r"^<!-- (northwind\S*) -->\n```\w+\n(.*?)^```", YOUR_DATA, re.S | re.M)
    }
    proposed, said = lines_of((folder / "northwind.yml").read_text("utf-8")), lines_of(printed)
    assert [line for line in proposed if line in shown["northwind.yml"]] == shown["northwind.yml"]
    assert set(shown["northwind"]) <= set(said)
    assert min(map(len, shown.values())) >= 5
    assert len(re.findall(r"^  northwind\.\w+: \d+ read", printed, re.M)) == 14


def lines_of(text: str) -> list[str]:
    """The lines without blanks at their ends; `…` stands for what a page leaves out."""
    return [line.rstrip() for line in text.splitlines() if line.strip() not in ("", "…")]
