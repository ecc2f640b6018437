"""From the outbox to the destinations, and the only retry policy there is.

How long to wait and how often to try depends on the type of failure; the wait is drawn evenly from zero to a limit that
doubles ("full jitter", https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). After the last try
an event is buried. Each destination has a thread of its own: none waits for another.

A destination that does not answer at all is left alone for a while (a circuit breaker): what waits for it costs neither
time nor tries.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from governance.errors import HallmarkError
from governance.model import Event
from governance.outbox import LEASE, Claim, Outbox
from governance.transports.base import Outage, Outcome, PermanentError, Reason, TransientError, Transport

log = logging.getLogger(__name__)
BATCH = 200
ASKED_LIMIT = 86_400.0
"""Seconds: no other side is believed that it needs more than a day."""
FIRST_PATIENCE = 2.0
"""Seconds that all others wait for retries of those that go before them."""
ABSENT_TRIES = 150
"""Of an event that waits for another one which itself is still on its way."""


@dataclass(frozen=True)
class Policy:
    """How one type of failure is tried again; seconds."""

    first: float
    cap: float
    tries: int

    def wait(self, attempts: int, draw: Callable[[float, float], float], at_least: float | None) -> float:
        """Seconds before the next try, after `attempts` tries; never less than the other side asked for."""
        limit = min(self.cap, self.first * 2 ** min(attempts - 1, 30))
        return max(draw(0.0, limit), min(at_least or 0.0, ASKED_LIMIT))


POLICIES: Mapping[Reason, Policy] = {
    # An outage lasts hours and must not bury anything for a day; what is broken on either side is seen sooner.
    "connection": Policy(1, 900, 150),
    "timeout": Policy(2, 900, 150),
    "throttled": Policy(2, 900, 300),
    "server": Policy(2, 900, 150),
    "auth": Policy(5, 900, 150),
    "absent": Policy(1, 300, 20),
    "conflict": Policy(0.2, 5, 20),
    "storage": Policy(1, 300, 300),
    "unexpected": Policy(2, 300, 8),
}
BREAKER = Policy(5, 300, 0)
"""How long a destination is left alone that does not answer, by how often it did not."""


@dataclass
class _Breaker:
    """Of a destination: how often in a row it did not answer, and until when it is not asked again."""

    failures: int = 0
    until: datetime | None = None


class Dispatcher:
    """Delivers what an outbox holds by transports, named as the destination or as what is before its colon."""

    def __init__(
        self,
        outbox: Outbox,
        transports: Mapping[str, Transport],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
        draw: Callable[[float, float], float] = random.uniform,
        lease: timedelta = LEASE,
        first: Sequence[str] = (),
    ) -> None:
        """`lease`: how long what a killed process had claimed stays its own; one at work renews it.

        `first` are destinations whose delivery makes deliveries to others: they go before these.
        """
        self._lease, self._first = lease, first
        self._outbox, self._transports = outbox, transports
        self._clock, self._sleep, self._draw = clock, sleep, draw
        self._breakers: dict[str, _Breaker] = {}

    def drain(
        self, deadline: float = 10.0, patience: float | None = None, only: Callable[[str], bool] = lambda _: True
    ) -> dict[str, int]:
        """Deliver what is due within `deadline` seconds, waiting for retries that fall into them.

        `patience` is how many seconds may be waited so; None: all of them. `only` says to which destinations.

        A destination that does not answer is not waited for; the same dispatcher asks it again some time later.

        Returns {delivered: in this call, waiting: still to deliver, buried: given up, ever}.
        """
        end = self._clock() + timedelta(seconds=deadline)
        spare = deadline if patience is None else patience
        first = [n for n in self._first if n in self._transports and only(n)]
        for name in first:  # what they make of it is counted where it arrives
            self._drain_one(name, end, min(spare, FIRST_PATIENCE))
        names = [n for n in self._outbox.destinations() if n not in first and only(n)]
        for name in [n for n in names if self._transport(n) is None]:
            log.warning("events wait for destination %s: no transport of that name is configured", name)
            names.remove(name)
        delivered = 0
        if names:
            with ThreadPoolExecutor(len(names), "deliver") as pool:
                delivered = sum(pool.map(lambda name: self._drain_one(name, end, spare), names))
        states = [s for counts in self._outbox.counts().values() for s in counts.items()]
        waiting = sum(n for state, n in states if state in ("pending", "claimed", "retry"))
        return {"delivered": delivered, "waiting": waiting, "buried": sum(n for s, n in states if s == "buried")}

    def _transport(self, destination: str) -> Transport | None:
        return self._transports.get(destination) or self._transports.get(destination.partition(":")[0])

    def _drain_one(self, destination: str, end: datetime, patience: float) -> int:
        transport, delivered = self._transport(destination), 0
        assert transport is not None
        breaker = self._breakers.setdefault(destination, _Breaker())
        while (now := self._clock()) <= end and not (breaker.until and now < breaker.until):
            claims = self._outbox.claim(destination, BATCH, self._lease)
            if claims:
                with self._held(claims):
                    outcomes = _deliver(transport, [c.event for c in claims])
                delivered += self._settle(self._tried(breaker, claims, outcomes), outcomes)
                continue
            due = self._outbox.next_due(destination)
            if due is None or due > end:
                break
            wait = max((due - now).total_seconds(), 0.01)
            patience -= wait
            if patience < 0:
                break
            self._sleep(wait)
        return delivered

    @contextmanager
    def _held(self, claims: Sequence[Claim]) -> Iterator[None]:
        """Let nobody else claim them while they are being delivered, however long that takes."""
        over = threading.Event()

        def renew() -> None:
            while not over.wait(self._lease.total_seconds() / 3):
                try:
                    self._outbox.renew(claims, self._lease)
                except HallmarkError as error:
                    log.warning("the claims of %s could not be renewed: %s", claims[0].destination, error)

        thread = threading.Thread(target=renew, name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _tried(self, breaker: _Breaker, claims: Sequence[Claim], outcomes: Mapping[str, Outcome]) -> Sequence[Claim]:
        """Those that the destination said something of; where it does not answer, the others go back as they were."""
        untried = {i: o.error for i, o in outcomes.items() if isinstance(o.error, Outage)}
        if not untried:
            breaker.failures, breaker.until = 0, None
            return claims
        outage = next(iter(untried.values()))
        breaker.failures += 1
        wait = BREAKER.wait(breaker.failures, self._draw, max(outage.retry_after or 0.0, BREAKER.first / 2))
        breaker.until = self._clock() + timedelta(seconds=wait)
        log.warning("%s does not answer, asked again in %.0f s: %s", claims[0].destination, wait, outage)
        self._outbox.release([c for c in claims if c.event.id in untried], f"{outage.reason}: {outage}")
        return [c for c in claims if c.event.id not in untried]

    def _settle(self, claims: Sequence[Claim], outcomes: Mapping[str, Outcome]) -> int:
        """Record each outcome; returns how many were delivered."""
        done = []
        for claim in claims:
            outcome = outcomes.get(claim.event.id)
            error = outcome.error if outcome else TransientError("unexpected", "the transport said nothing of it")
            if error is None:
                done.append(claim)
            elif isinstance(error, PermanentError):
                self._outbox.bury(claim, str(error))
                log.error("event %s to %s buried: %s", claim.event.id, claim.destination, error)
            else:
                self._again(claim, error)
        if done:
            self._outbox.ack(done)
        return len(done)

    def _again(self, claim: Claim, error: TransientError) -> None:
        policy, tries = POLICIES[error.reason], claim.attempts + 1
        limit = policy.tries
        if error.reason == "absent" and tries >= limit and self._outbox.others_wait(claim):
            limit = ABSENT_TRIES  # it may be what is waited for, and comes late itself
        if tries >= limit:
            self._outbox.bury(claim, f"{error} (gave up after {tries} tries)")
            log.error("event %s to %s buried after %d tries: %s", claim.event.id, claim.destination, tries, error)
            return
        wait = policy.wait(tries, self._draw, error.retry_after)
        self._outbox.retry(claim, self._clock() + timedelta(seconds=wait), f"{error.reason}: {error}")


def _deliver(transport: Transport, events: Sequence[Event]) -> dict[str, Outcome]:
    try:
        return {o.event_id: o for o in transport.deliver(events)}
    except Exception as error:  # a fault in one transport must not lose its events or stop the others
        log.exception("transport %s failed", type(transport).__name__)
        failure = TransientError("unexpected", f"{type(error).__name__} in {type(transport).__name__}, see the log")
        return {e.id: Outcome(e.id, failure) for e in events}
