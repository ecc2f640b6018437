"""Runs that Prefect leaves where they are: one whose pod does not start, and one whose pod is gone.

Prefect's hooks run beside the flow, so that of a pod that is gone nobody tells. Whoever goes on (`hallmark deliver
--follow`, the watch) looks here: such a run is ended, told of, and started once more under its own id, by which the
ledger goes on where it stopped. The second time it stays ended. The Job of such a run is deleted while its pod is not
over: a pod that starts later would do the work beside the next one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun, State
from prefect.events.filters import EventFilter, EventNameFilter, EventOccurredFilter, EventResourceFilter
from prefect.settings import get_current_settings
from prefect.states import AwaitingRetry, Crashed, Running
from prefect.types._datetime import now as prefect_now

from blocks.automations import SIGN, SILENT
from blocks.kubernetes import jobs
from blocks.settings import Settings
from flows.hooks import AGAIN, GONE, crashed
from flows.state import announce
from governance.errors import HallmarkError
from governance.model import Event

LOG = logging.getLogger("hallmark")
START_SECONDS = 90
"""A pod that was asked for and does not run its flow after so long does not start, unless it waits for room."""
ROOM_SECONDS = 900
"""So long a pod may wait for a node, or for its image to be pulled."""
CRASHED_SECONDS = 40
"""Within this time its Job makes another pod of a crashed run, or it gives a sign of life: one is due every 30 s."""
PAUSE_SECONDS = 20
"""By then Prefect's worker has seen that the Job is gone; a run that is Pending when it sees that, it ends."""
RECENT = timedelta(hours=1)
TOLD = "hallmark:told"
PART = "shard"
"""The tag of the deployment whose runs are parts of a stream."""
NOT_STARTED = "its pod did not start"


def sweep(settings: Settings, now: datetime | None = None) -> int:
    """Look once; for how many runs something was due. Does nothing where no Prefect API is configured."""
    if not get_current_settings().api.url:
        return 0
    done = 0
    with get_client(sync_client=True) as client:
        for run in _candidates(client):
            done += _mend(client, settings, run, now or prefect_now("UTC"))
    return done


def _candidates(client: SyncPrefectClient) -> Iterator[FlowRun]:
    """Runs of our deployments that wait for a pod or ended without a word; those of a cluster for who may ask it."""
    wanted = {"tags": {"all_": ["hallmark"]}, "state": {"type": {"any_": ["PENDING", "CRASHED"]}}}
    since = prefect_now("UTC") - RECENT
    for run in client.read_flow_runs(flow_run_filter=FlowRunFilter.model_validate(wanted)):
        due = run.state is not None and (run.state.is_pending() or run.state.timestamp > since)
        if due and run.deployment_id and (jobs.reachable() or not _is_job(run)):
            yield run


def _is_job(run: FlowRun) -> bool:
    return ":" in (run.infrastructure_pid or "")


def _mend(client: SyncPrefectClient, settings: Settings, run: FlowRun, now: datetime) -> bool:
    """The next step with a run, if one is due."""
    state = run.state
    assert state is not None
    age = (now - state.timestamp).total_seconds()
    if state.is_pending() and age > START_SECONDS:
        held = _waiting(run)
        if _has_time(held, age):
            return False
        _over(client, settings, run, f"{NOT_STARTED}: {held.why if held else f'{START_SECONDS} s are over'}")
    elif state.is_crashed() and TOLD not in run.tags and age > CRASHED_SECONDS:
        if state.message == SILENT and lives(client, run) and _as_seen(client, run):  # Prefect's server missed them
            client.set_flow_run_state(run.id, Running(message="it gives signs of life"), force=True)
            return True
        held = _waiting(run)
        if _has_time(held, age):  # the next pod of its Job
            return False
        _over(client, settings, run, f"{NOT_STARTED}: {held.why}" if held else state.message or GONE)
    else:
        return False
    return True


def _has_time(held: jobs.Waiting | None, age: float) -> bool:
    """Whether a pod may begin by itself, and is waited for no longer than that takes."""
    return held is not None and not held.hopeless and age <= ROOM_SECONDS


def _waiting(run: FlowRun) -> jobs.Waiting | None:
    """The pod of its Job that has not begun since it is in its state; none where the cluster does not say."""
    if not run.infrastructure_pid or not _is_job(run) or not run.state:
        return None
    try:
        return jobs.waiting(run.infrastructure_pid, run.state.timestamp)
    except HallmarkError as error:
        LOG.warning("the pods of run %s: %s: %s", run.name, error.what, error.cause)
        return None


def lives(client: SyncPrefectClient, run: FlowRun) -> bool:
    """Whether it gave a sign of life since it counts as crashed."""
    assert run.state is not None
    wanted = EventFilter(
        event=EventNameFilter(name=[SIGN]), resource=EventResourceFilter(id=[f"prefect.flow-run.{run.id}"]),
        occurred=EventOccurredFilter(since=run.state.timestamp),
    )  # fmt: skip
    body = {"filter": wanted.model_dump(mode="json", exclude_unset=True), "limit": 1}
    return bool(client.request("POST", "/events/filter", json=body).raise_for_status().json()["events"])


def _over(client: SyncPrefectClient, settings: Settings, run: FlowRun, cause: str) -> None:
    """Take its Job away and tell of its end; start it once more, where that is safe and was not done yet."""
    if not _as_seen(client, run):
        return
    if run.state is None or not run.state.is_crashed():  # else Prefect's worker, which sees the Job go, would end it
        client.set_flow_run_state(run.id, Crashed(message=cause), force=True)
    gone, is_part = _withdrawn(run), PART in run.tags
    if not is_part:  # who planned the stream does a part again, and tells
        _tell(settings, crashed(client.read_flow(run.flow_id).name, run, cause, settings))
    again = gone and not is_part and AGAIN not in run.tags
    if again:
        due = prefect_now("UTC") + timedelta(seconds=PAUSE_SECONDS)
        _set(client, run, AwaitingRetry(scheduled_time=due, message=f"started once more: {cause}"), {*run.tags, AGAIN})
    else:
        _set(client, run, Crashed(message=cause), {*run.tags, TOLD})
    LOG.error("run %s is over: %s; %s", run.name, cause, "it is started once more" if again else "it stays so")


def _tell(settings: Settings, event: Event) -> None:
    """A state database that does not answer keeps no run from being started again."""
    try:
        announce(settings, event)
    except HallmarkError as error:
        LOG.error("nobody hears of %s: %s: %s", event.subject, error.what, error.cause)


def _as_seen(client: SyncPrefectClient, run: FlowRun) -> bool:
    """Whether it still is in the state in which it was found: another sweep or a new pod may have been quicker."""
    state = client.read_flow_run(run.id).state
    return state is not None and run.state is not None and state.id == run.state.id


def _withdrawn(run: FlowRun) -> bool:
    """Whether no pod of it can start any more."""
    if run.infrastructure_pid and _is_job(run):
        try:
            jobs.withdraw(run.infrastructure_pid)
        except HallmarkError as error:
            LOG.error("the Job of run %s stays: %s: %s. Remedy: %s", run.name, error.what, error.cause, error.remedy)
            return False
    return True


def _set(client: SyncPrefectClient, run: FlowRun, state: State[object], tags: set[str]) -> None:
    client.update_flow_run(run.id, tags=sorted(tags))
    client.set_flow_run_state(run.id, state, force=True)
