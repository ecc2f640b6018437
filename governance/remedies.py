"""What a person can do about an incident, as commands: which ones help depends on what failed. Pure.

A command is pasted into a shell, so every name in it is quoted as the shell wants it.
"""

from __future__ import annotations

import shlex
from datetime import timedelta

from governance.formats.clean import visible
from governance.incidents.model import Action, Incident

LAYERS = ("bronze", "silver", "gold")
WAIVED = timedelta(hours=24)


def actions_of(incident: Incident) -> tuple[Action, ...]:
    """The first is the likeliest to help; taking the incident, or ending it, comes last."""
    if incident.state == "resolved":
        return ()
    own = [] if incident.root else _of_kind(incident)
    taking = [("Say that you have it", f"hallmark incident ack {incident.id}")] if incident.state == "open" else []
    looking = [("See all of it", f"hallmark incident show {incident.id}")]
    return tuple(Action(title=title, command=command) for title, command in (*own, *taking, *looking))


def _of_kind(incident: Incident) -> list[tuple[str, str]]:
    slot, stream, layer = incident.latest.slot, stream_of(incident.dataset), layer_of(incident.dataset)
    at = f" --slot {_word(slot)}" if slot else ""
    only = f" --stream {_word(stream)}" if stream else ""
    look = ("See the rows that were kept back", f"hallmark quarantine list{only}")
    row = ("See one of them", "hallmark quarantine show ID")
    again = ("Run again from this layer", f"hallmark run{at} --from {layer}")
    match incident.kind:
        case "gate":
            until = f"{incident.last_seen + WAIVED:%Y-%m-%dT%H:%M:00Z}"
            check = _word(incident.check_id)
            waive = f"hallmark gate waive {check}{at} --reason 'WHY' --until {until}"
            held = (
                [("Publish nevertheless, for a day", waive)]
                if incident.severity == "critical" and not incident.latest.waived
                else []
            )
            return [*([look, row] if stream else []), again, *held]
        case "quarantine":
            return [look, row, ("Read them again by today's rules", f"hallmark quarantine replay{only}")]
        case "schema" if stream:
            accept = ("Adopt the new shape", f"hallmark stream accept {_word(stream)} --reason 'WHY'")
            return [accept, ("Then run the slot again", f"hallmark run{at}")]
        case "load" | "freshness" | "volume" if stream:
            read = ("Read the stream again", f"hallmark run{at}{only}")
            hold = ("Hold it until it is clear", f"hallmark hold {_word(stream)} --until WHEN")
            return [("See what came last", "hallmark status"), read, *([hold] if incident.kind == "volume" else [])]
        case "freshness" | "volume" | "schema":
            return [("See what ran last", "hallmark status"), again]
        case "delivery":
            drop = _word(incident.dataset)
            return [
                ("See what waits and why", f"hallmark outbox list --destination {drop}"),
                ("Deliver what was given up", f"hallmark outbox retry --destination {drop}"),
            ]
        case "deadline":
            return [("See how far it is", "hallmark status"), ("Go on where it stopped", f"hallmark run{at}")]
        case _:
            return [("Go on where it stopped", f"hallmark run{at}"), ("Look for what is wrong", "hallmark doctor")]


def stream_of(dataset: str) -> str:
    """`bronze.crm__projects` is `crm.projects`, a child table its stream's; empty for what is not of bronze."""
    schema, _, table = dataset.partition(".")
    parts = table.split("__")
    return f"{parts[0]}.{parts[1]}" if schema == "bronze" and len(parts) > 1 else ""


def layer_of(dataset: str) -> str:
    """The layer that makes a dataset; the first one for what is no dataset."""
    schema = dataset.partition(".")[0]
    return schema if schema in LAYERS else LAYERS[0]


def _word(text: str) -> str:
    return shlex.quote(visible(text))
