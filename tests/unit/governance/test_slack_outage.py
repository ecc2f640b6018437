"""From the outbox to a channel while Slack is ill: what is told late is told once, and nothing is lost."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pytest

from governance.dispatcher import Dispatcher
from governance.incidents.model import Incident
from governance.outbox import Outbox
from tests.slack.server import Server
from tests.unit.governance.slack_support import Clock, World

ILL = ("429", "500", "503", "reset", "accept-then-die", "invalid_auth", "not-json", "fatal_error")


@pytest.mark.parametrize("seed", range(6))
def test_an_outage_delays_and_neither_loses_nor_doubles(tmp_path: Path, seed: int) -> None:
    clock, draw = Clock(), random.Random(seed)
    with (
        Server(now=lambda: clock.now().timestamp(), clock=clock) as server,
        Outbox(f"sqlite:///{tmp_path / 'state.db'}", clock=clock.now) as outbox,
    ):
        world = World(server, clock)
        for method in ("chat.postMessage", "chat.update", "conversations.*"):
            for nth in draw.sample(range(1, 30), 12):
                server.fail(method, draw.choice(ILL), nth)
        for n in range(6):
            other = Incident.model_validate({**dict(world.first), "id": f"b{n:09x}"})
            world.desk.incidents[other.id] = other
            outbox.put([world.event(other, "opened")], ["slack:#data-platform"])
        for verb, state in (
            ("opened", "open"),
            ("worsened", "open"),
            ("acknowledged", "acknowledged"),
            ("resolved", "resolved"),
        ):
            outbox.put([world.change(verb, state=state)], ["slack:#data-platform"])  # type: ignore[arg-type]
        for _ in range(60):
            transports = {"slack:#data-platform": world.anew()}
            dispatcher = Dispatcher(outbox, transports, clock=clock.now, sleep=clock.sleep, draw=draw.uniform)
            counts = dispatcher.drain(30)
            clock.at += timedelta(minutes=5).total_seconds()
            if not counts["waiting"]:
                break
        assert counts["waiting"] == counts["buried"] == 0
        roots = [m.metadata["event_payload"]["incident"] for m in server.channel().roots if m.metadata]
        assert sorted(roots) == sorted({*roots}) and len(roots) == 7
        last = next(m for m in server.channel().roots if "4be07ad215" in str(m.metadata))
        assert "Resolved" in str(last.blocks[0])
        for root in server.channel().roots:
            parts = [m.metadata["event_payload"]["part"] for m in server.channel().replies(root.ts) if m.metadata]
            assert parts.count("details") <= 1
