"""Whose a dataset is, and who hears of an event: exactly one team, at least one destination, for every name."""

from __future__ import annotations

from datetime import UTC, datetime, time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import ConfigurationError
from governance.model import Dataset, Event
from governance.oncall import Ownership, load_ownership
from governance.routing import Destination, route

TEAMS = {"data-platform", "customer-success", "delivery", "growth", "client-services", "finance"}


@pytest.fixture(scope="module")
def ownership() -> Ownership:
    datasets = [
        Dataset(name="gold.dim_customer", layer="gold", owner="customer-success"),
        Dataset(name="gold.mrt_customer", layer="gold", domain="finance"),
        Dataset(name="gold.orphan", layer="gold", owner="nobody"),
    ]
    known = load_ownership(datasets=datasets)
    return known.model_copy(
        update={"owners": {**known.owners, "bronze": "growth", "gold.dim_customer.email": "finance"}}
    )


def test_the_teams_of_the_design_are_there(ownership: Ownership) -> None:
    assert set(ownership.teams) == TEAMS
    assert all(t.slack.startswith("#") for t in ownership.teams.values())


@pytest.mark.parametrize(
    ("name", "team"),
    [
        ("gold.dim_customer.email", "finance"),  # column
        ("gold.dim_customer.name", "customer-success"),  # its dataset
        ("bronze.crm__projects.id", "growth"),  # its schema
        ("gold.mrt_customer", "finance"),  # its domain
        ("gold.orphan", "data-platform"),  # an owner that is no team
        ("silver.unheard_of", "data-platform"),
        ("", "data-platform"),
    ],
)
def test_ownership_goes_from_the_column_to_the_default(ownership: Ownership, name: str, team: str) -> None:
    assert ownership.team_of(name).name == team


def test_an_owner_that_is_given_comes_first(ownership: Ownership) -> None:
    assert ownership.team_of("crm.projects", owner="delivery").name == "delivery"
    assert ownership.team_of("crm.projects", owner="nobody").name == "data-platform"
    assert ownership.unknown == (("gold.orphan", "nobody"),)


@given(subject=st.text(), type_=st.text(), owner=st.none() | st.text())
def test_every_event_has_a_route_and_every_name_a_team(subject: str, type_: str, owner: str | None) -> None:
    known = load_ownership()
    event = Event.of(type_, subject, "cause", datetime(2026, 11, 22, tzinfo=UTC), owner=owner)
    assert route(event, known) == [Destination(transport="file")]
    assert known.team_of(subject, owner).name in TEAMS


def test_a_destination_is_named_by_transport_and_address() -> None:
    assert Destination(transport="file").name == "file"
    assert Destination(transport="slack", address="#data").name == "slack:#data"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("default: x\nteams: {a: {slack: '#a'}}", "default 'x' is no team; the teams are a"),
        ("default: a\nteams: {a: {slack: '#a', pager: 1}}", "teams.a.pager"),
        ("teams: [", "not YAML"),
        ("", "not of the form"),
        ("default: a\nteams: {a: {slack: '#a'}, a: {slack: '#b'}}", "key a is given twice at line 2"),
        ("default: a\nteams: {a: {slack: 'not a channel!!'}}", "teams.a.slack"),
        (f"default: a\nteams: {{a: {{slack: '#a', key: {'0f' * 16}}}}}", "teams.a.key: not a name of a Prefect block"),
        ("default: a\nteams: {a: {slack: '#a', key: R0UT1NGKEY}}", "teams.a.key: not a name of a Prefect block"),
        ("default: a\nteams: {a: {slack: '#a', escalate: {to: b}}}", r"\.yml: teams\.a\.escalate\.to: b is no team"),
        ("default: a\nteams: {a: {slack: '#a', hours: {since: 1200}}}", r"teams\.a\.hours\.since: no time of the day"),
        ("default: a\nteams: {a: {slack: '#a', hours: {since: '08:00Z'}}}", r"teams\.a\.hours\.since: no time of the"),
        (
            "default: a\nteams: {a: {slack: '#a'}}\n"
            "maintenance: [{name: m, begin: 2026-12-06T00:00:00Z, end: 2026-12-05T00:00:00Z}]",
            r"maintenance\.0: m: its end is not after its begin",
        ),
        ("[]", "not of the form"),
    ],
)
def test_a_wrong_file_is_one_clear_error(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "oncall.yml").write_text(text)
    with pytest.raises(ConfigurationError, match=said):
        load_ownership(tmp_path / "oncall.yml")
    with pytest.raises(ConfigurationError, match="does not exist"):
        load_ownership(tmp_path / "none.yml")


def test_a_time_of_the_day_needs_no_quotes(tmp_path: Path) -> None:
    (tmp_path / "oncall.yml").write_text(
        "default: a\nteams: {a: {slack: '#a', key: pager-a, hours: {since: 9:00, until: 17:30}}}\n"
        'quiet: [{name: nights, since: 20:00, until: "08:00"}]\n'
    )
    known = load_ownership(tmp_path / "oncall.yml")
    hours, [night] = known.teams["a"].hours, known.quiet
    assert (hours.since, hours.until) == (time(9), time(17, 30)) and (night.since, night.until) == (time(20), time(8))
    assert known.quiet_until("a", "warning", datetime(2026, 11, 24, 21, tzinfo=UTC)) is not None
