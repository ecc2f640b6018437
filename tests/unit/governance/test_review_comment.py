"""The comment on a pull request: its golden file, that data in it stays data, and what follows from two manifests."""

from __future__ import annotations

import re
from typing import Any

import pytest

from governance.contract_changes import ContractChange
from governance.model import LineageEdge
from governance.oncall import load_ownership
from governance.review import Review, broken_models, readers_of
from governance.review_comment import LIMIT, comment
from tests.golden import REVIEW
from tests.golden.reviews import HOSTILE, sample

GONE = ContractChange(
    dataset="gold.a", owner="finance", column="amount", breaking=True, what="the column is gone"
)  # fmt: skip


def test_it_is_as_its_golden_file() -> None:
    rewrite = "python -m tests.golden writes it again; look at the difference"
    assert comment(sample()) == REVIEW.read_text("utf-8"), rewrite


def test_data_in_it_is_no_markup() -> None:
    text = comment(sample())
    assert HOSTILE not in text and "<img" not in text and "@" not in text and "\x1b" not in text
    rows = [row for row in text.splitlines() if row.startswith("| ")]
    heads = [n for n, row in enumerate(rows) if re.fullmatch(r"(\| -+:? )+\|", row)]
    for at, head in enumerate(heads):
        end = heads[at + 1] - 1 if at + 1 < len(heads) else len(rows)
        assert {row.count("|") for row in rows[head - 1 : end]} == {rows[head].count("|")}


@pytest.mark.parametrize(
    ("update", "allowed", "said"),
    [
        ({}, False, "**2 contracts broken**, **not declared**"),
        ({}, True, "**2 contracts broken**, allowed by a label"),
        ({"changes": sample().changes[1:]}, False, "**1 contract broken**, their contracts declare it"),
        ({"changes": sample().changes[2:]}, False, "No contract breaks."),
        ({"changes": (), "tables": (), "readers": ()}, False, "no model changed, and no contract."),
        ({"failure": "a: ```no; b: yes"}, False, "### It cannot be built\n\n```text\na:    no\nb: yes\n```\n"),
    ],
)
def test_the_first_lines_say_what_matters(update: dict[str, Any], allowed: bool, said: str) -> None:
    assert said in comment(sample().model_copy(update=update), allowed)


def test_it_is_not_longer_than_github_takes() -> None:
    tables = tuple(t.model_copy(update={"dataset": f"gold.t{n}"}) for n in range(400) for t in sample().tables[:1])
    text = comment(sample().model_copy(update={"tables": tables}))
    assert LIMIT / 2 < len(text) < 65_536
    assert text.endswith("see `hallmark review --json`._\n")


def test_what_is_undeclared_is_told_from_what_is_declared() -> None:
    assert [c.dataset for c in sample().undeclared] == ["gold.dim_team"]
    assert [c.dataset for c in sample().breaking] == ["gold.dim_team", "gold.mrt_old"]
    assert Review(base="x", data=True).breaking == ()


def node(name: str, *parents: str, kind: str = "model") -> dict[str, Any]:
    """A node of a manifest."""
    group = "growth" if kind == "model" else None
    return {
        "resource_type": kind, "name": name, "schema": "gold", "columns": {}, "group": group,
        "depends_on": {"nodes": list(parents)}, "config": {"materialized": "table"}, "owner": {"name": "finance"},
    }  # fmt: skip


MANIFEST = {
    "nodes": {
        "a": node("a"), "reads": node("reads", "a"), "spared": node("spared", "a"), "far": node("far", "reads"),
    },
    "exposures": {"board": node("board", "a", kind="exposure"), "other": node("other", "spared", kind="exposure")},
}  # fmt: skip
EDGES = {
    "gold.reads": [LineageEdge(source="gold.a.amount", target="gold.reads.total", kind="indirect")],
    "gold.spared": [LineageEdge(source="gold.a.id", target="gold.spared.id")],
}


def test_of_a_column_only_those_who_read_it_are_named() -> None:
    found = readers_of([GONE], [MANIFEST], load_ownership(), EDGES)
    assert {r.name: (r.owner, r.of) for r in found} == {
        "gold.reads": ("growth", ("gold.a",)), "gold.far": ("growth", ("gold.a",)),
        "exposure.board": ("finance", ("gold.a",)),
    }  # fmt: skip
    assert {r.channel for r in found} == {"#growth-data", "#finance-data"}


def test_of_a_dataset_or_without_lineage_everybody_is_named() -> None:
    whole = GONE.model_copy(update={"column": None, "what": "the dataset is gone"})
    everybody = {"gold.reads", "gold.spared", "gold.far", "exposure.board", "exposure.other"}
    assert {r.name for r in readers_of([whole], [MANIFEST], load_ownership(), EDGES)} == everybody
    assert {r.name for r in readers_of([GONE], [MANIFEST], load_ownership(), {})} == everybody
    assert broken_models([GONE], MANIFEST) == {"gold.reads", "gold.spared", "exposure.board"}
    assert broken_models([whole], MANIFEST) == set()


def test_a_dropped_edge_is_found_in_the_other_manifest() -> None:
    after = {"nodes": {"reads": node("reads")}, "exposures": {}}
    whole = GONE.model_copy(update={"column": None})
    assert "gold.reads" in {r.name for r in readers_of([whole], [MANIFEST, after], load_ownership(), {})}
