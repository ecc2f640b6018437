"""ops.shards of the ledger: which process lands and loads which of a stream's loads."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from blocks.warehouses.base import StreamLoad, now

Execute = Callable[[str, Sequence[object]], list[tuple[Any, ...]]]
_KEY = "run_id = ? AND attempt = ? AND source = ? AND stream = ?"


@dataclass(frozen=True)
class Shard:
    """A part of a stream's loads."""

    number: int
    load_ids: tuple[str, ...]
    facts: dict[str, Any] | None = None
    """What it found, once it is loaded."""


def plan(execute: Execute, load: StreamLoad, shards: Sequence[Sequence[str]]) -> None:
    """Write the parts as planned, in the place of those that an earlier run left; who calls it has the transaction."""
    execute("DELETE FROM ops.shards WHERE source = ? AND stream = ?", (load.source, load.stream.name))
    for number, ids in enumerate(shards):
        execute(
            "INSERT INTO ops.shards (run_id, attempt, source, stream, shard, load_ids, status, planned_at) "
            "VALUES (?, ?, ?, ?, ?, ?, 'planned', ?)",
            (*_key(load), number, json.dumps(list(ids)), now()),
        )  # fmt: skip


def read(execute: Execute, load: StreamLoad) -> list[Shard]:
    """The parts of this load, in order; none where another run has planned it anew."""
    rows = execute(f"SELECT shard, load_ids, facts FROM ops.shards WHERE {_KEY} ORDER BY shard", _key(load))
    return [Shard(int(n), tuple(json.loads(ids)), json.loads(facts) if facts else None) for n, ids, facts in rows]


def loaded(execute: Execute, load: StreamLoad, number: int, facts: dict[str, Any]) -> None:
    """A part is landed and loaded; what another try of it has loaded stays."""
    mine = f"{_KEY} AND shard = ? AND facts IS NULL"
    sql = f"UPDATE ops.shards SET status = 'loaded', facts = ?, loaded_at = ? WHERE {mine}"
    execute(sql, (json.dumps(facts), now(), *_key(load), number))


def _key(load: StreamLoad) -> tuple[object, ...]:
    return (load.batch.run_id, load.batch.attempt, load.source, load.stream.name)
