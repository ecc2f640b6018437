"""Links of an alert lead to what they name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args
from urllib.parse import unquote, urlsplit

import pytest

from blocks.settings import Settings
from flows.links import links_of
from governance.incidents.model import Incident, Kind
from governance.incidents.samples import samples
from tests.openmetadata.server import Server
from tests.unit.governance.openmetadata.test_incidents import ours
from tests.unit.governance.openmetadata.world import ORDERS, World, check

RUNBOOK = Path(__file__).parents[3] / "docs" / "oncall.md"
ONE: Incident = samples()["opened"].incident


@pytest.fixture
def world() -> Iterator[World]:
    with Server() as server:
        made = World(server)
        yield made
        made.close()


def test_without_addresses_there_are_no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_UI_URL", raising=False)
    assert not any(links_of(Settings(), ONE).model_dump().values())


@pytest.mark.parametrize("kind", get_args(Kind))
def test_the_runbook_has_a_section_for_each_kind(kind: str) -> None:
    one = ONE.model_copy(update={"kind": kind})
    link = links_of(Settings(runbook_url="https://docs.example/oncall.md"), one).runbook
    anchors = re.findall(r"^### (.+)$", RUNBOOK.read_text(encoding="utf-8"), re.M)
    assert urlsplit(link).fragment in anchors


def test_the_catalog_has_the_case_that_is_linked(world: World) -> None:
    world.push(ORDERS)
    world.checks(check(1, success=False))
    link = links_of(Settings(openmetadata_url=world.server.url), ours()).catalog
    _, page, case, tab = urlsplit(link).path.split("/")
    assert (page, tab) == ("test-case", "issues")
    assert world.bot.named("dataQuality/testCases", unquote(case))["name"] == ours().check_id


def test_a_flow_is_no_case_of_the_catalog() -> None:
    flow = ONE.model_copy(update={"kind": "flow", "dataset": "batch"})
    assert links_of(Settings(openmetadata_url="http://127.0.0.1:1/api"), flow).catalog == ""


def test_the_report_and_the_run_are_those_of_the_newest_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_UI_URL", "https://prefect.example/")
    found = links_of(Settings(report_url="https://reports.example/"), ONE)
    assert unquote(found.report) == f"https://reports.example/{ONE.latest.slot}.html"
    assert found.run == f"https://prefect.example/runs/flow-run/{ONE.latest.run_id}"
