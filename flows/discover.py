"""A sources file made of what discovery proposes, and how a trial of its streams is told.

What there is to propose is found in `blocks/discovery`.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from blocks import discovery
from blocks.discovery.proposal import Proposal, ProposedSource
from blocks.discovery.trial import Trial
from blocks.sources.spec import load_sources
from flows.console import plain
from governance.errors import ConfigurationError
from governance.oncall import load_ownership

NOTE = 300


def find(target: str, name: str | None, owner: str | None, keep: int) -> tuple[Proposal, list[Trial], str]:
    """(proposal, trials of its streams, the team that owns it). Raises as `blocks.discovery.discover`."""
    ownership = load_ownership()
    if owner and owner not in ownership.teams:
        raise ConfigurationError(f"owner {owner}", "there is no such team", f"use one of {', '.join(ownership.teams)}")
    team = owner or ownership.default
    return *discovery.discover(target, team, name, keep), team


def declared(path: Path, keep: int) -> list[Trial]:
    """Trials of every stream of a sources file."""
    return [trial for spec in load_sources(path).values() for trial in discovery.try_declared(spec, keep)]


def as_document(proposal: Proposal, owner: str) -> dict[str, Any]:
    """The sources file as data."""
    return {
        "sources": {
            s.name: {**_head(s, owner), "streams": {t.name: dict(t.options) for t in s.streams}}
            for s in proposal.sources
        }
    }


def as_yaml(proposal: Proposal, owner: str) -> str:
    """The sources file as it is printed: one line for each stream, notes above it."""
    lines = ["# Proposed by `hallmark discover`. What the keys mean: docs/sources.md"]
    lines += [f"# Set before a run: {line}" for line in exports(proposal)]
    lines += ["sources:"]
    for source in proposal.sources:
        lines += [f"  {_flow(source.name)}:"]
        lines += [f"    {key}: {_flow(value)}" for key, value in _head(source, owner).items()]
        lines += ["    streams:"]
        for stream in source.streams:
            lines += [f"      # {plain(note, NOTE)}" for note in stream.notes]
            lines += [f"      {_flow(stream.name)}: {_flow(dict(stream.options))}"]
    if proposal.passed_over:
        lines += ["# Passed over:"]
        lines += [f"#   {line}" for line in passed_over(proposal)]
    return "\n".join(lines) + "\n"


def exports(proposal: Proposal) -> Iterator[str]:
    """The lines for a shell that set what the file names; the password is left to the reader."""
    for name, value in proposal.variables.items():
        yield f"export {name}={shlex.quote(plain(value, 2000))}"


def passed_over(proposal: Proposal) -> Iterator[str]:
    """What no stream brings, one line each."""
    for what, why in proposal.passed_over:
        yield f"{plain(what)}: {plain(why, NOTE)}"


def checked(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """The trials as rows of a table."""
    return [
        {
            "source": t.source, "stream": t.stream, "status": "ok" if t.ok else "failed", "columns": len(t.columns),
            "rows": t.rows, "quarantined": t.rejected, "duplicate_keys": t.duplicates, "everything": t.whole,
            "detail": f"{t.error.cause} ({t.error.remedy})" if t.error else t.reason,
        }
        for t in trials
    ]  # fmt: skip


def previewed(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """The first rows of each stream."""
    return [
        {
            "source": t.source, "stream": t.stream, "columns": [{"name": c.name, "type": c.type} for c in t.columns],
            "rows": list(t.first), "error": t.error.as_dict() if t.error else None,
        }
        for t in trials
    ]  # fmt: skip


def _head(source: ProposedSource, owner: str) -> Mapping[str, object]:
    return {"kind": source.kind, **source.place, "owner": owner}


def _flow(value: object) -> str:
    """A value on one line of YAML."""
    text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=float("inf"))
    text = text.removesuffix("\n").removesuffix("\n...")
    # PyYAML breaks a line at a line break within a text; JSON is YAML, and does not.
    return json.dumps(value) if "\n" in text else text
