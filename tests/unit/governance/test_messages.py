"""What is said of an incident: the golden files of every kind, and what they must say."""

from __future__ import annotations

import shlex
from datetime import timedelta
from typing import get_args

import pytest
from typer.testing import CliRunner

from governance import messages, preview
from governance.errors import ConfigurationError
from governance.formats.body import Call
from governance.incidents.model import Incident, Kind
from governance.incidents.samples import NOW, entry, samples
from governance.remedies import actions_of, layer_of, stream_of
from tests.golden import FOLDER, rendered

REWRITE = "python -m tests.golden writes the golden files again; look at the difference"


@pytest.mark.parametrize(("path", "content"), [pytest.param(p, c, id=p.name) for p, c in rendered()])
def test_a_message_is_as_its_golden_file(path, content) -> None:  # type: ignore[no-untyped-def]
    assert path.exists(), REWRITE
    assert content == path.read_text("utf-8"), REWRITE


def test_no_golden_file_is_left_over() -> None:
    assert sorted(FOLDER.iterdir()) == sorted(path for path, _ in rendered()), REWRITE


def test_there_is_a_sample_of_every_kind_and_state() -> None:
    incidents = [a.incident for a in samples().values()]
    assert {i.kind for i in incidents} == set(get_args(Kind))
    assert {i.state for i in incidents} == {"open", "acknowledged", "resolved", "muted"}


@pytest.mark.parametrize("name", samples())
def test_every_message_says_what_somebody_needs_to_act(name: str) -> None:
    alert = samples()[name]
    text, incident = preview.as_text(alert), alert.incident
    for said in (incident.title, incident.owner, incident.dataset, incident.check_id, incident.severity, incident.id):
        assert said in text
    assert ("hallmark incident show" in text) == (incident.state != "resolved")
    for named in incident.blast.unpublished if incident.state != "resolved" else ():
        assert named in text
    assert not any(letter in text for letter in "\x1b\t"), "it is for any terminal"


def test_a_command_exists_and_takes_its_options() -> None:
    # Those of this part of the platform that the command line has; `incident`, `gate` and `hold` come with them.
    from flows.cli import app

    known = 0
    for alert in samples().values():
        for action in alert.actions:
            group, *rest = shlex.split(action.command)[1:]
            if group in ("incident", "gate", "hold"):
                continue
            words = (
                [w for w in rest if not w.startswith("-")][:1] if group in ("quarantine", "outbox", "stream") else []
            )
            shown = CliRunner().invoke(app, [group, *words, "--help"], env={"COLUMNS": "200"}).output
            for option in (w for w in rest if w.startswith("--")):
                assert option in shown, action.command
            known += 1
    assert known > 20


def test_a_name_cannot_break_out_of_a_command() -> None:
    evil = "x'; rm -rf ~; echo '\n$(id) `id` --reason"
    incident = samples()["opened"].incident
    seen = incident.latest.model_copy(update={"slot": evil})
    for kind in get_args(Kind):
        for dataset in ("silver.a", f"bronze.crm__{evil}", evil):
            changed = {"kind": kind, "check_id": evil, "dataset": dataset, "latest": seen}
            for action in actions_of(Incident.model_validate({**dict(incident), **changed})):
                words = shlex.split(action.command)
                assert words[0] == "hallmark" and "\n" not in action.command
                assert not {"rm", "-rf", "id", ";"} & set(words)


def test_whose_turn_it_is_is_said_once() -> None:
    alert = samples()["opened"]
    calls = [p for p in messages.summary(alert).parts if isinstance(p, Call)]
    assert [c.whom for c in calls] == [alert.mention]
    for state in ("acknowledged", "muted", "resolved"):
        other = alert.model_copy(update={"incident": alert.incident.model_copy(update={"state": state})})
        assert not [p for p in messages.summary(other).parts if isinstance(p, Call)]


def test_news_leaves_repetitions_out_and_puts_a_storm_into_a_line() -> None:
    entries = [entry(1, 0, "opened", "12 rows"), entry(2, 30, "repeated"),
               *(entry(3 + n, 31, "attached", f"c{n}") for n in range(39)),
               entry(50, 40, "acknowledged", actor="maria")]  # fmt: skip
    told = messages.news(entries)
    assert told == (
        "2026-11-22 06:12 UTC opened: 12 rows",
        "2026-11-22 06:43 UTC 39 incidents attached: c0; c1; c2; and 36 more",
        "2026-11-22 06:52 UTC acknowledged by maria",
    )
    assert messages.progress([entry(2, 30, "repeated")]) is None


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(0, "less than a minute"), (58, "58 min"), (60, "1 h"), (1500, "1 d 1 h"), (2881, "2 d 1 min")],
)
def test_durations_are_readable(minutes: int, said: str) -> None:
    assert messages.span(timedelta(minutes=minutes)) == said
    assert messages.moment(NOW) == "2026-11-22 06:12 UTC"


@pytest.mark.parametrize(
    ("dataset", "stream", "layer"),
    [("bronze.crm__projects", "crm.projects", "bronze"), ("bronze.drops__invoices__lines", "drops.invoices", "bronze"),
     ("silver.slv_projects", "", "silver"), ("gold.mrt_project", "", "gold"), ("batch", "", "bronze")],
)  # fmt: skip
def test_what_a_dataset_is_run_by(dataset: str, stream: str, layer: str) -> None:
    assert (stream_of(dataset), layer_of(dataset)) == (stream, layer)


def test_a_preview_names_the_samples_there_are() -> None:
    assert list(preview.sample_alerts("storm")) == ["storm"]
    with pytest.raises(ConfigurationError, match="opened, acknowledged"):
        preview.sample_alerts("strom")
    page = preview.as_page(preview.sample_alerts())
    assert page.count("<section>") == len(samples()) and "<script" not in page and 'src="' not in page
