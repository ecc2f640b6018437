"""What stands upstream and downstream of a dataset, as it was told, and what an incident on it reaches. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from governance.incidents.model import Blast
from governance.incidents.store import Known


class Graph:
    """Which datasets are made of which."""

    def __init__(self, known: Mapping[str, Known]) -> None:
        self.known = known
        self._inputs = {name: one.inputs for name, one in known.items()}
        self._outputs: dict[str, list[str]] = {}
        for one in known.values():
            for name in one.inputs:
                self._outputs.setdefault(name, []).append(one.name)

    def upstream(self, dataset: str) -> set[str]:
        """All that it is made of, directly or not; not itself."""
        return _reached(dataset, self._inputs)

    def downstream(self, dataset: str) -> set[str]:
        """All that is made of it, directly or not; not itself."""
        return _reached(dataset, self._outputs)

    def blast(self, dataset: str, owner: str, unpublished: Iterable[str] = ()) -> Blast:
        """What an incident on it reaches, and whose that is."""
        below = [self.known[n] for n in sorted(self.downstream(dataset)) if n in self.known]
        owners = {owner, *(k.owner for k in below)} - {""}
        return Blast(
            datasets=tuple(k.name for k in below if k.kind != "exposure"),
            dashboards=tuple(k.name.removeprefix("exposure.") for k in below if k.kind == "exposure"),
            owners=tuple(sorted(owners)), unpublished=tuple(unpublished),
        )  # fmt: skip


def _reached(start: str, edges: Mapping[str, Iterable[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for name in edges.get(waiting.pop(), ()):
            if name not in found and name != start:
                found.add(name)
                waiting.append(name)
    return found
