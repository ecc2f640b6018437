"""What a sample of N rows and seed S consists of, and the counting of what was put into it.

Every row is a pure function of (seed, its number): nothing is held in memory, and any row can be made again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from typing import Any

ANCHOR = datetime(2026, 10, 31, 18, tzinfo=UTC)
"""The newest cursor value of the base; waves come after it."""
FIRST_DAY = date(2023, 1, 1)
TEAMS = 24
PEOPLE = 200
SESSION = 5
"""Product events of a session."""
Progress = Callable[[str, int, int], None]
"""Called with (step, done, total)."""


@dataclass(frozen=True)
class Plan:
    """How much of everything there is."""

    rows: int
    seed: int

    @property
    def projects(self) -> int:
        """Distinct projects of the base, numbered from 1."""
        return max(1, self.rows * 2 // 5)

    @property
    def customers(self) -> int:
        """Customers, numbered from 1; engagement c is customer c's first, so that each of them is in the files."""
        return min(self.projects, max(20, self.rows // 40))

    @property
    def files(self) -> int:
        """Files of the base: no more than 100,000 records each."""
        return max(4, -(-self.rows // 100_000))

    @property
    def sessions(self) -> int:
        """Sessions of `SESSION` product events each, numbered from 1."""
        return max(12, self.rows * 4 // SESSION)

    @property
    def invoices(self) -> int:
        """Invoices of the base, numbered from 1; the last one is cut off."""
        return max(24, self.rows // 25)

    @property
    def documents(self) -> dict[str, int]:
        """Files of the mailroom by kind; the mails include the copy of one."""
        shares = {"mail": (13, 36), "pdf": (4, 12), "docx": (1, 5), "pptx": (1, 3), "image": (1, 4)}
        return {kind: max(least, self.rows * share // 50_000) for kind, (least, share) in shares.items()}

    def customer_of(self, project: int) -> int:
        """The customer that a project belongs to."""
        return 1 + (project - 1) % self.customers

    def random(self, kind: int, number: int) -> Random:
        """The random numbers of one row.

        Kind 1 engagements, 2 projects, 3 time entries, 4 waves, 5 sessions, 6 invoices, 7 documents.
        """
        return Random((self.seed * 8 + kind) << 48 | number)

    def pick(self, table: tuple[str, ...], number: int, salt: int) -> str:
        """An entry of a table, going round it: any len(table) rows in succession hold each entry once."""
        return table[(number * salt + self.seed) % len(table)]


def table(**weights: int) -> tuple[str, ...]:
    """Names repeated by weight; the lengths used are primes, so that two tables do not move in step."""
    return tuple(name for name, weight in weights.items() for _ in range(weight))


def nested(tally: Counter[str]) -> dict[str, Any]:
    """Counts under dotted keys as nested dicts, sorted; `x_in_cents` becomes `x`, a decimal string."""
    result: dict[str, Any] = {}
    for key in sorted(tally):
        *path, leaf = key.split(".")
        level = result
        for step in path:
            level = level.setdefault(step, {})
        if leaf.endswith("_in_cents"):
            level[leaf.removesuffix("_in_cents")] = f"{tally[key] // 100}.{tally[key] % 100:02d}"
        else:
            level[leaf] = tally[key]
    return result


def added(*bodies: dict[str, Any]) -> dict[str, Any]:
    """The sum of several results of `nested`."""
    result: dict[str, Any] = {}
    for key in sorted({key for body in bodies for key in body}):
        found = [body[key] for body in bodies if key in body]
        if isinstance(found[0], dict):
            result[key] = added(*found)
        else:
            result[key] = str(sum(map(Decimal, found))) if isinstance(found[0], str) else sum(found)
    return result
