"""What Terraform tells the function by its environment: no secret is in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Config:
    """The table of terraform/modules/secrets/rotation.tf, and the times."""

    table: Mapping[str, Mapping[str, Any]]
    """Name of a secret → its kind, and what that kind needs."""
    topic: str
    rotation_days: int
    overlap_hours: int

    @classmethod
    def of_environment(cls, environment: Mapping[str, str]) -> Config:
        """Raises KeyError for a variable that is missing."""
        return cls(
            json.loads(environment["TABLE"]), environment["TOPIC_ARN"], int(environment["ROTATION_DAYS"]),
            int(environment["OVERLAP_HOURS"]),
        )  # fmt: skip

    def row(self, name: str) -> Mapping[str, Any]:
        """What is known of a secret. Raises ValueError for one that is not in the table."""
        if name not in self.table:
            raise ValueError(f"{name} is not one of {', '.join(sorted(self.table))}")
        return self.table[name]

    def of_kind(self, kind: str) -> list[str]:
        """The names of all secrets of a kind."""
        return sorted(name for name, row in self.table.items() if row["kind"] == kind)
