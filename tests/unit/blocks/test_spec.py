"""sources.yml: what is valid, and what the error says of what is not."""

from datetime import timedelta
from pathlib import Path

import pytest

from blocks.settings import Settings, find_home
from blocks.sources.spec import load_sources
from governance.errors import ConfigurationError

GOOD = """
sources:
  crm:
    kind: postgres
    url: ${DB}
    owner: delivery
    streams:
      projects: {table: public.projects, primary_key: [id], cursor: updated, lateness: 2h}
  drops: {kind: files, root: ./in, owner: growth, streams: {c: {path: "*.csv", settle: 0s}}}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "sources.yml"
    path.write_text(text)
    return path


def test_a_relative_root_is_relative_to_the_file(tmp_path: Path) -> None:
    sources = load_sources(write(tmp_path, GOOD), {"DB": "postgresql://u:p@h/d"})
    assert sources["drops"].root == str(tmp_path / "in")
    assert sources["crm"].streams["projects"].lateness == timedelta(hours=2)
    assert sources["crm"].url is not None
    assert "p@h" not in repr(sources)


@pytest.mark.parametrize(
    ("change", "what", "remedy"),
    [
        (("table:", "tabel:"), "crm.streams.projects.tabel", "did you mean table?"),
        (("owner: delivery", "ownr: delivery"), "crm.ownr", "did you mean owner?"),
        (("kind: postgres", "kind: postgre"), "crm.kind", "correct it"),
        (("  drops:", "  my__drops:"), "source 'my__drops'", "single underscores"),
        (("streams: {c:", "streams: {C:"), "stream of drops 'C'", "lower case"),
        (("root: ./in", "root: ./in, url: x"), "drops", "correct it"),
        (("sources:", "source:"), "sources file", "see docs/sources.md"),
    ],
)
def test_an_error_names_the_key_and_the_remedy(tmp_path: Path, change: tuple[str, str], what: str, remedy: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_sources(write(tmp_path, GOOD.replace(*change, 1)), {"DB": "x"})
    assert what in caught.value.what
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    "option", ['delimiter: "::"', "delimiter: '\"'", "encoding: klingon", "encoding: base64", "settle: soon"]
)
def test_an_option_that_cannot_be_stops_before_anything_starts(tmp_path: Path, option: str) -> None:
    text = f"sources: {{d: {{kind: files, root: ., owner: x, streams: {{c: {{path: c.csv, {option}}}}}}}}}"
    with pytest.raises(ConfigurationError, match=option.partition(":")[0]):
        load_sources(write(tmp_path, text))


def test_an_unset_variable_stops_and_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"\$\{CRM_URL1\}"):
        load_sources(write(tmp_path, GOOD.replace("${DB}", "${CRM_URL1}")), {"CRM_URL": "x"})


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        load_sources(tmp_path / "none.yml")


def test_an_unknown_setting_names_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALLMARK_SLACK_TOKN", "xoxb-secret")
    with pytest.raises(ConfigurationError) as caught:
        Settings.load()
    assert caught.value.remedy == "use HALLMARK_SLACK_TOKEN"
    assert "xoxb" not in str(caught.value)


def test_the_home_is_found_upwards(tmp_path: Path) -> None:
    (tmp_path / ".hallmark").mkdir()
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert find_home(below) == tmp_path / ".hallmark"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("sources: {d: {kind: files, root: ., owner: x, streams: {c: {path: a}, c: {path: b}}}}", "c is given twice"),
        ("sources: {d: {kind: files, root: ., owner: x, streams: {}}}", "no streams"),
        ("sources: {d: {kind: files, root: ., owner: x, streams: {c: {path: a, primary_key: id}}}}", "must be a list"),
    ],
)
def test_what_would_be_lost_without_a_word_stops(tmp_path: Path, text: str, cause: str) -> None:
    with pytest.raises(ConfigurationError, match=cause):
        load_sources(write(tmp_path, text))
