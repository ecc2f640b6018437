"""What the documentation shows and names is there: outputs, pictures, links, commands, options, examples."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
from typer.testing import CliRunner

from blocks.sources.spec import SourceSpec, StreamSpec, load_sources
from flows.cli import app
from governance.oncall import load_ownership

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def names(path: Path) -> str:
    """How a page is called in a test's name."""
    return path.relative_to(ROOT).as_posix()


def code(page: Path) -> Iterator[str]:
    """Lines of shell blocks and inline code of a page."""
    text = page.read_text("utf-8")
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.S | re.M):
        yield from block.splitlines()
    yield from re.findall(r"^\$ (.*)$", text, re.M)
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.S | re.M))


def test_pages_show_what_was_printed() -> None:
    block = re.compile(r"<!-- (docs/output/\S+) -->\n```text\n(.*?)```\n", re.S)
    shown = [found for page in PAGES for found in block.findall(page.read_text("utf-8"))]
    assert {"docs/output/first-run.txt", "docs/output/capacity.txt"} <= dict(shown).keys()
    for name, text in shown:
        assert text == (ROOT / name).read_text("utf-8"), f"{name} is another: `make pictures`"


@pytest.mark.drift
def test_the_simulated_batch_is_that_of_today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    printed = CliRunner().invoke(app, ["plan", "--simulate"]).stdout
    shown = (ROOT / "docs/output/capacity.txt").read_text("utf-8")
    assert [line.rstrip() for line in printed.splitlines()] == shown.splitlines(), "`make pictures`"


def test_the_printed_run_has_a_gate_that_failed() -> None:
    text = (ROOT / "docs/output/first-run.txt").read_text("utf-8")
    assert re.search(r"^ silver +published +\d+ +[1-9]", text, re.M)
    assert re.search(r"^ \S+ +warning +[1-9]\d* ", text[text.index("Failed checks") :], re.M)
    assert not [line for line in text.splitlines() if len(line) > 80]
    assert "\x1b" not in text


def test_the_readme_stays_short() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert len(re.sub(r"^```text\n.*?^```\n", "", text, flags=re.S | re.M).splitlines()) <= 150


def test_the_picture_of_the_report_is_one() -> None:
    data = (ROOT / "docs/images/report.png").read_bytes()
    width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
    assert (data[:8], width) == (b"\x89PNG\r\n\x1a\n", 1400)
    assert 800 <= height <= 1200


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8"))
    relative = [t.partition("#")[0] for t in targets if not re.match(r"[a-z]+:|#", t)]
    assert not [t for t in relative if not (page.parent / t).exists()]


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_commands_exist(page: Path) -> None:
    root = typer.main.get_command(app)
    unknown = [line for line in code(page) if line.split()[:1] == ["hallmark"] and not known(root, line.split()[1:])]
    assert not unknown


def known(command: Any, words: list[str]) -> bool:
    """Whether the words lead through groups to a command that has the options among them."""
    while words and (group := getattr(command, "commands", {})) and not words[0].startswith("-"):
        if words[0] not in group:
            return False
        command, words = group[words[0]], words[1:]
    options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    return {word for word in words if word.startswith("--")} <= options


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    named = {words[1] for line in code(page) if (words := line.split())[:1] == ["make"] and len(words) > 1}
    assert named <= targets


def test_the_overview_declares_every_kind_of_source(tmp_path: Path) -> None:
    (text,) = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "docs/sources.md").read_text("utf-8"), re.S | re.M)
    file = tmp_path / "sources.yml"
    file.write_text(text, encoding="utf-8")
    variables = dict.fromkeys(re.findall(r"\$\{(\w+)\}", text), "postgresql://reader@localhost/db")
    sources = load_sources(file, variables)
    assert {spec.kind for spec in sources.values()} == set(get_args(SourceSpec.model_fields["kind"].annotation))
    assert {spec.owner for spec in sources.values()} <= set(load_ownership().teams)
    assert Path(sources["drops"].root or "").parent == tmp_path


def test_every_option_is_described_and_exists() -> None:
    text = (ROOT / "docs/sources.md").read_text("utf-8")
    rows = re.findall(
        r"^\| ((?:`[a-z_]+`(?:, )?)+) \|", text[text.index("## Options") : text.index("## What bronze")], re.M
    )
    described = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}
    assert described == (set(SourceSpec.model_fields) | set(StreamSpec.model_fields)) - {"name", "streams"}
