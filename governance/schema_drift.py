"""Where the columns of a source, of its table and of the declaration differ, and how bad that is. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from governance.model import Frozen, Severity

_ORDER: tuple[Severity, ...] = ("info", "warning", "critical")


class Difference(Frozen):
    """One side has what another has not."""

    severity: Severity
    what: str


def differences(
    declared: Collection[str], found: Collection[str], *, refused: str = "", untaken: Collection[str] = ()
) -> list[Difference]:
    """Of one dataset, the worst first.

    `refused`: why the source's new shape is not taken at all; `untaken`: columns of the source that its policy keeps
    out. A column more than is declared harms nobody: it is evolving, and to be declared when somebody needs it.
    """
    lines: list[Difference] = []
    if refused:
        lines.append(Difference(severity="critical", what=f"the source has another shape: {refused}"))
    if missing := sorted(set(declared) - set(found)):
        lines.append(Difference(severity="warning", what=f"declared, not in the warehouse: {', '.join(missing)}"))
    if untaken:
        named = ", ".join(sorted(untaken))
        lines.append(Difference(severity="warning", what=f"in the source, kept out by the stream's policy: {named}"))
    if more := sorted(set(found) - set(declared)):
        lines.append(Difference(severity="info", what=f"in the warehouse, not declared: {', '.join(more)}"))
    return lines


def worst(found: Sequence[Difference]) -> Severity:
    """The severity of a check that fails by these; of one that passes, which has none, warning."""
    return max((d.severity for d in found), key=_ORDER.index, default="warning")
