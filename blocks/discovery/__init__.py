"""Looking at a database or a folder that nobody declared yet, and proposing the streams that would bring it.

Every proposed stream was tried by its own reader. Nothing is written; how a proposal is printed is in
`flows/discover.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from blocks.discovery import folder, postgres
from blocks.discovery.proposal import Proposal, ProposedSource, ProposedStream
from blocks.discovery.trial import Trial, try_files, try_table
from blocks.sources.drops import Dropped, Drops, drops_of, matcher
from blocks.sources.spec import SourceSpec
from governance.errors import ConfigurationError, HallmarkError

PREVIEW = 5


def discover(target: str, owner: str, name: str | None = None, keep: int = PREVIEW) -> tuple[Proposal, list[Trial]]:
    """(what would bring the tables of a URL or the files of a folder, what came of each stream that was tried).

    A stream that no run could bring is among what was passed over. Raises ConfigurationError for a target that is
    not there or not valid, UnreachableError for a database that does not answer, and HallmarkError where nothing
    was found.
    """
    if target.partition("://")[0] in postgres.SCHEMES and "://" in target:
        proposal = postgres.discover(target, name)
        files: Mapping[str, Sequence[Dropped]] = {}
        drops: Drops | None = None
    else:
        root, called, only = _place(target)
        drops = _drops(root)
        proposal, files = folder.discover(root, drops, name or called, only)
    trials = []
    sources = []
    passed_over = list(proposal.passed_over)
    for source in proposal.sources:
        spec = source.spec(owner)
        kept = []
        for stream in source.streams:
            found = _try(spec, stream.name, drops, files.get(f"{source.name}.{stream.name}", ()), keep)
            trials.append(found)
            if found.error:
                what = str(stream.options.get("table") or stream.options["path"])
                passed_over.append((what, f"{found.error.cause}; {found.error.remedy}"))
            else:
                kept.append(improved(source, stream, found))
        if kept:
            sources.append(replace(source, streams=kept))
    if not sources:
        why = "; ".join(f"{what}: {why}" for what, why in passed_over[:5]) or "there is nothing in it"
        raise HallmarkError("discover", f"nothing was found that could be read ({why})", "give another URL or folder")
    return replace(proposal, sources=sources, passed_over=passed_over), trials


def try_declared(spec: SourceSpec, keep: int = PREVIEW) -> list[Trial]:
    """What comes of each stream of a declared source."""
    if spec.kind == "airbyte":
        return [Trial(spec.name, s, reason="a connector's streams are not tried") for s in spec.streams]
    if spec.kind == "postgres":
        return [_try(spec, name, None, (), keep) for name in spec.streams]
    try:
        drops = drops_of(spec)
        entries = folder.visible(drops.matching("**/*", "discover"))
    except HallmarkError as error:
        return [Trial(spec.name, name, error=error) for name in spec.streams]
    return [
        _try(spec, name, drops, [e for e in entries if matcher(stream.path or "").match(e.path)], keep)
        for name, stream in spec.streams.items()
    ]


def improved(source: ProposedSource, stream: ProposedStream, trial: Trial) -> ProposedStream:
    """A proposed stream with what its rows told."""
    orders = {order for order in trial.dates.values() if order}
    if len(orders) == 1:
        stream = stream.with_options(date_order=orders.pop())
    elif trial.dates:
        stream = stream.with_notes(f"add date_order (dmy or mdy): {', '.join(trial.dates)} can be read both ways")
    if source.kind != "documents" and trial.keys and not stream.options.get("primary_key"):
        if source.kind == "files" and trial.whole:
            stream = stream.with_options(primary_key=[trial.keys[0]])
        else:
            stream = stream.with_notes(f"{trial.keys[0]} is different in each row that was tried: a primary_key?")
    if trial.rejected:
        rows = trial.rows + trial.rejected
        stream = stream.with_notes(f"{trial.rejected} of {rows} rows that were tried go to quarantine: {trial.reason}")
    elif trial.reason:
        stream = stream.with_notes(trial.reason)
    return stream


def _try(spec: SourceSpec, name: str, drops: Drops | None, entries: Sequence[Dropped], keep: int) -> Trial:
    stream = spec.streams[name]
    if drops is None:
        return try_table(spec, stream, keep)
    return try_files(spec, stream, drops, entries, keep)


def _place(target: str) -> tuple[str, str, str]:
    """(root as a sources file says it, a name for the source, pattern of what is asked for)."""
    scheme, _, rest = target.partition("://")
    if rest and scheme == "s3":
        return target.rstrip("/"), rest.strip("/").rpartition("/")[2], "**/*"
    if "://" in target:
        valid = "give a folder, or a URL that begins with postgresql:// or s3://"
        raise ConfigurationError("discover", f"{re.sub(r'[^a-z0-9+]', '?', scheme)}:// is not read", valid)
    path = Path(target).resolve()
    if "${" in str(path):
        raise ConfigurationError(f"folder {path}", "its name holds ${, which is a variable", "rename it")
    if path.is_file():
        return str(path.parent), path.parent.name, path.name
    if not path.is_dir():
        raise ConfigurationError(f"folder {path}", "it does not exist", "give a folder, or a postgresql:// URL")
    return str(path), path.name, "**/*"


def _drops(root: str) -> Drops:
    return drops_of(SourceSpec(kind="files", owner="", root=root, streams={}))
