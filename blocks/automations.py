"""What the Prefect server does by itself about a run whose process is gone: it is Crashed, and no longer Running.

A run gives a sign of life every 30 s (PREFECT_FLOWS_HEARTBEAT_FREQUENCY in deploy/kubernetes). What is then told of it,
and that it is started once more, is in flows/stuck.py: an automation knows no more than the events of Prefect.
"""

from __future__ import annotations

from datetime import timedelta

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

SILENT_SECONDS = 75
"""Without a sign of life for so long a run is over: two of them were missed."""
SILENT = f"its process gave no sign of life for {SILENT_SECONDS} s"
SIGN = "prefect.flow-run.heartbeat"
SIGNS = (
    "Completed",
    "Failed",
    "Cancelled",
    "Crashed",
    "AwaitingRetry",
    "Cancelling",
    "Paused",
    "Suspended",
    "Scheduled",
    "Pending",
    "Running",
)
NAME = "hallmark: a run without a sign of life"


def silent_runs() -> AutomationCore:
    """Of a run that gave signs of life and gives none any more, and that told no end."""
    return AutomationCore(
        name=NAME,
        description=f"Ends a run as Crashed whose process gave no sign of life for {SILENT_SECONDS} s.",
        tags=["hallmark"],
        trigger=EventTrigger(
            after={SIGN},
            expect={SIGN, *(f"prefect.flow-run.{state}" for state in SIGNS)},
            match={"prefect.resource.id": "prefect.flow-run.*"},
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=SILENT_SECONDS),
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, message=SILENT)],
    )


def put(client: SyncPrefectClient) -> dict[str, str]:
    """Put it on the server, or in the place of the one that is there."""
    wanted, status = silent_runs(), "kept"
    found = client.read_automations_by_name(NAME)
    if not found:
        client.create_automation(wanted)
        status = "created"
    else:
        client.update_automation(found[0].id, wanted)
    return {"kind": "automation", "name": NAME, "status": status}
