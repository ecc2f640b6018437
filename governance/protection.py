"""What dbt's YAML declares of who may see what of a table: personal columns, rows of teams, readers.

Only what is declared; the statements that make it so are the warehouse's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from governance.manifest import dataset_name, meta_of
from governance.model import Frozen


class Protection(Frozen):
    """What is declared of one table, or of a view in bronze."""

    personal: Mapping[str, str] = {}
    """column → what it says of a person (`email`, `name`, …)."""
    teams: tuple[str, ...] = ()
    """All teams, where a row is seen by its own only."""
    team_column: str | None = None
    """The column that names a row's team."""
    readers: tuple[str, ...] = ()
    """Roles that may read it."""
    cluster_by: tuple[str, ...] = ()
    """The columns by which its rows are kept together."""

    def personal_of(self, columns: Iterable[str]) -> dict[str, str]:
        """Of these columns the personal ones; `<name>__<type>` is what `name` was, or could not be, in another type."""
        found = {}
        for column in columns:
            names = (n for n in self.personal if column == n or column.startswith(f"{n}__"))
            if name := max(names, key=len, default=None):
                found[column] = self.personal[name]
        return found


OPEN = Protection()
"""Of a table of which nothing is declared."""


def protections(manifest: Mapping[str, Any]) -> dict[str, Protection]:
    """dataset → what is declared of it, of bronze's tables and of models; of those that have anything."""
    teams = tuple(sorted({str(group["name"]) for group in manifest["groups"].values()}))
    found = {}
    for node in (*manifest["sources"].values(), *manifest["nodes"].values()):
        if node["resource_type"] in ("source", "model"):
            meta = meta_of(node)
            column = meta.get("row_access")
            one = Protection(
                personal=personal_columns(node),
                teams=teams if column else (),
                team_column=column,
                readers=tuple((node["config"].get("grants") or {}).get("select") or ()),
                cluster_by=tuple(meta.get("cluster_by") or ()),
            )
            if one != OPEN:
                found[dataset_name(node)] = one
    return found


def personal_columns(node: Mapping[str, Any]) -> dict[str, str]:
    """column → what it says of a person."""
    found = {column["name"].lower(): meta_of(column).get("pii") for column in node["columns"].values()}
    return {name: "personal" if pii is True else str(pii) for name, pii in found.items() if pii}
