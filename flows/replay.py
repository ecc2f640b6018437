"""Quarantined rows read again by today's rules, into a load of its own.

Each selected row moves: to bronze, or to a new quarantine row of the replay's load. Earlier accounts stay as they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import BinaryIO

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from blocks.landing import Landing, sha256_of
from blocks.lock import exclusive
from blocks.settings import Settings
from blocks.sources.airbyte import RECORD
from blocks.sources.base import Manifest, Planned
from blocks.sources.files import FilesReader
from blocks.sources.spec import SourceSpec, load_sources
from blocks.warehouses import bronze_again, open_warehouse
from blocks.warehouses.base import StreamLoad
from flows.context import Context, sample_servers, sources_path
from flows.load import after_publish, load_and_gate, publish, record_failure
from flows.replay_groups import Group, Row, copy_row, groups, in_their_files
from flows.runs import part
from governance.errors import ConfigurationError, HallmarkError, SourceError

Counts = dict[str, int]


@flow(name="replay")
def replay(
    source: str | None = None,
    stream: str | None = None,
    reason_code: str | None = None,
    ids: Sequence[str] = (),
    sources: str | None = None,
) -> Counts:
    """Replay what is in quarantine and not replayed yet; rows that today's rules refused before are left.

    Raises the first error of a group after all groups had their turn.
    """
    settings = Settings.load()
    total: Counts = {"selected": 0, "published": 0, "still_quarantined": 0}
    failed: list[HallmarkError] = []
    with exclusive(settings.home / "batch.lock", "the batch"), sample_servers(settings):
        declared = load_sources(sources_path(sources))
        with open_warehouse(settings) as warehouse:
            found = warehouse.ledger.quarantined(source, stream, reason_code, ids)
        chosen = untried([r for r in found if r["byte_to"]], declared)  # without bytes there is nothing to read
        if not chosen:
            return total
        with part(settings, "replay", sources) as run:
            for key, rows in chosen.items():
                spec = declared[key[0]].streams[key[1]]
                rules = spec.fingerprint
                at = RECORD if declared[key[0]].kind == "airbyte" else spec.record
                # They may all be refused again.
                spec = spec.model_copy(update={"record": at, "max_quarantine_share": 1})
                for group, members in groups(rows, declared[key[0]], spec, run.context.landing).items():
                    one = replay_rows.with_options(name=".".join(key))
                    try:
                        counts = one(key[0], group, members, rules, run.context)
                    except HallmarkError as error:  # its rows stay as they are; the others are not to wait for them
                        failed.append(error)
                    else:
                        total = {name: total[name] + counts[name] for name in total}
            run.state = "failed" if failed else "completed"
    if failed:
        raise failed[0]
    return total


def untried(rows: Sequence[Row], declared: Mapping[str, SourceSpec]) -> dict[tuple[str, str], list[Row]]:
    """(source, stream) → its rows that today's rules have not refused yet.

    Raises ConfigurationError for a stream that is not declared.
    """
    found: dict[tuple[str, str], list[Row]] = {}
    for key in sorted({(r["source"], r["stream"]) for r in rows}):
        if key[0] not in declared or key[1] not in declared[key[0]].streams:
            raise ConfigurationError(f"stream {'.'.join(key)}", "it is not declared", "declare it in sources.yml")
        rules = declared[key[0]].streams[key[1]].fingerprint
        if mine := [r for r in rows if (r["source"], r["stream"]) == key and r["tried_rules"] != rules]:
            found[key] = mine
    return found


@task(cache_policy=NO_CACHE)
def replay_rows(source: str, group: Group, rows: Sequence[Row], rules: str, context: Context) -> Counts:
    """One load of a group: land the rows again as they were, then the way of every load.

    Raises SourceError, and publishes nothing, when reading does not give each row back as one.
    """
    spec = group.spec
    ids = sorted(r["id"] for r in rows)
    digest = hashlib.sha256("\n".join([*ids, rules]).encode()).hexdigest()
    planned = Planned(f"{source}.{spec.name}:replay:{digest}")
    load = StreamLoad(source, spec, context.batch, (planned,), replays=tuple(ids), rules=rules)
    reader = FilesReader(context.sources[source])
    try:
        with open_warehouse(context.settings) as warehouse, warehouse.transaction():
            warehouse.ledger.plan(load)
        manifest = land_rows(reader, group, planned, rows, context.landing)
        manifest = replace(manifest, again=tuple(sorted({r["load_id"] for r in rows})))
        ready = load_and_gate(reader, load, [manifest], context)
        read = sum(ready[0].staged.read.values())
        if read < len(rows) or (read > len(rows) and not group.alone):
            raise SourceError(
                f"stream {source}.{spec.name}, replay", f"{len(rows)} rows went in and {read} came out",
                "nothing was published; replay them one by one, by id",
            )  # fmt: skip
        if group.load_id and ready[0].staged.columns:  # its rows are as new as the load that they were kept back of
            with open_warehouse(context.settings) as warehouse:
                found = bronze_again.history(warehouse, source, spec.name)
                bronze_again.keep_newer(warehouse, load, found, {planned.load_id: found.seq(group.load_id)})
        account = publish(ready, context)[0][planned.load_id]
    except Exception as error:
        record_failure(load, error, context)
        raise
    after_publish(ready, context)
    return {"selected": len(rows), "published": account.published, "still_quarantined": account.quarantined}


def land_rows(reader: FilesReader, group: Group, planned: Planned, rows: Sequence[Row], landing: Landing) -> Manifest:
    """The rows as they stood in their landed files, as a file that the reader lands like any other."""
    source, name = reader.spec, f"replay/{planned.load_id}{group.suffix}"
    copy = landing.incoming(source.name, group.spec.name) / f"replay{group.suffix}"
    line = bool(group.head) or group.suffix == ".ndjson"

    def write(out: BinaryIO) -> None:
        out.write(group.head)
        for _, row, file in in_their_files(rows, source, group.spec, landing):
            copy_row(file, row, out, line)

    landing.put(copy, write)
    size, digest = sha256_of(copy)
    return reader.land(group.spec, replace(planned, path=name, size=size, digest=digest, copy=copy), landing)
