"""What discovery proposes: sources and streams in the words of sources.yml, and what it passed over."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from blocks.sources.spec import SourceSpec, StreamSpec

NAME_LENGTH = 60


@dataclass(frozen=True)
class ProposedStream:
    """A stream as its line in sources.yml."""

    name: str
    options: Mapping[str, object]
    """Keys of `StreamSpec` with plain values."""
    notes: Sequence[str] = ()
    """What a person should look at."""

    def with_options(self, **more: object) -> ProposedStream:
        """The same with more options."""
        return replace(self, options={**self.options, **more})

    def with_notes(self, *more: str) -> ProposedStream:
        """The same with more notes."""
        return replace(self, notes=(*self.notes, *more))

    def spec(self) -> StreamSpec:
        """As a reader takes it."""
        return StreamSpec.model_validate({**self.options, "name": self.name})


@dataclass(frozen=True)
class ProposedSource:
    """A source as its block in sources.yml."""

    name: str
    kind: str
    place: Mapping[str, str]
    """`url` or `root`, as it is printed."""
    streams: Sequence[ProposedStream]
    secret_url: str | None = field(default=None, repr=False)
    """The URL itself, where what is printed names a variable."""

    def spec(self, owner: str) -> SourceSpec:
        """As a reader takes it; this one holds the password."""
        place = {"url": self.secret_url} if self.secret_url else dict(self.place)
        streams = {s.name: s.spec() for s in self.streams}
        return SourceSpec.model_validate(
            {"name": self.name, "kind": self.kind, "owner": owner, **place, "streams": streams}
        )


@dataclass(frozen=True)
class Proposal:
    """Everything that was found at one place."""

    sources: Sequence[ProposedSource]
    passed_over: Sequence[tuple[str, str]] = ()
    """(what, why) of each thing that no stream brings."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Variable that must be set → what to set it to, without the password."""


def valid_name(text: str, fallback: str = "data") -> str:
    """A name of a source or stream: `^[a-z][a-z0-9_]*$`, no `__`."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", plain)  # OrderDetails → order_details
    name = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")[:NAME_LENGTH].strip("_")
    if not name:
        return fallback
    return name if name[0].isalpha() else f"{fallback}_{name}"


def unique_names(candidates: Sequence[Sequence[str]]) -> list[str]:
    """One name for each, from its own candidates in their order; all that clash take their next one, at last `_2`."""
    levels = [0] * len(candidates)

    def at(number: int) -> str:
        return candidates[number][min(levels[number], len(candidates[number]) - 1)]

    while True:
        names = [at(n) for n in range(len(candidates))]
        counts: dict[str, int] = {}
        for name in names:
            counts[name] = counts.get(name, 0) + 1
        movable = [n for n, name in enumerate(names) if counts[name] > 1 and levels[n] + 1 < len(candidates[n])]
        if not movable:
            break
        for n in movable:
            levels[n] += 1
    taken: set[str] = set()
    unclashed = {name for name, count in counts.items() if count == 1}
    result = []
    for name in names:
        chosen, number = name, 1
        while chosen in taken or (number > 1 and chosen in unclashed):
            number += 1
            chosen = f"{name}_{number}"
        taken.add(chosen)
        result.append(chosen)
    return result
