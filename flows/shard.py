"""One part of a large stream, landed and loaded by a pod of its own. It tests nothing and publishes nothing."""

from __future__ import annotations

from prefect import flow

from blocks import interrupt
from flows.context import make_context, sample_servers
from flows.shards import work


@flow(name="shard", flow_run_name="shard {source}.{stream} {number}")
def shard(
    source: str,
    stream: str,
    number: int,
    slot: str,
    run_id: str,
    attempt: int,
    sources: str | None = None,
    profile: str | None = None,
) -> int:
    """Do the part of this number, as the run that planned it wrote into `ops.shards`; how many loads it has."""
    context = make_context(slot, sources, profile, run_id, attempt)
    tagged = context.tagged(stream=f"{source}.{stream}", team=context.owner(source))
    with interrupt.heard(), sample_servers(context.settings), tagged:
        return work(source, stream, number, context)
