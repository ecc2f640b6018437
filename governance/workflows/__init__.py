"""OpenMetadata's own ingestion workflows, as it reads them: one YAML file each, and what is filled into it.

`${name}` stands for a value that is needed, `${name?}` for one that may be absent: then its key is left out. A text
that is one placeholder takes the value as it is, a number or a secret too. Nothing here runs anything.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import yaml
from pydantic import SecretStr

from governance.errors import ConfigurationError

Value = str | int | SecretStr | None
FOLDER = Path(__file__).parent
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.yml")))
MASK = "***"
_PLACE = re.compile(r"\$\{(\w+)(\?)?\}")
_ABSENT = object()


@dataclass(frozen=True)
class Filled:
    """A workflow's configuration, secrets in clear: for the memory of the one process that runs it."""

    config: dict[str, Any]
    secrets: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Filled({MASK})"

    def masked(self, text: str) -> str:
        """A text that may hold a secret, as it may be shown."""
        for secret in self.secrets:
            text = text.replace(secret, MASK)
        return text


def filled(name: str, values: Mapping[str, Value]) -> Filled:
    """The workflow of this name with the values in it.

    Raises ConfigurationError for a placeholder that nobody knows, and for a value that is needed and absent.
    """
    config = _fill(yaml.safe_load((FOLDER / f"{name}.yml").read_text(encoding="utf-8")), name, values)
    found = {v.get_secret_value() for v in values.values() if isinstance(v, SecretStr)}
    return Filled(config, tuple(sorted(_forms(found), key=len, reverse=True)))


def _fill(node: Any, workflow: str, values: Mapping[str, Value]) -> Any:
    if isinstance(node, dict):
        pairs = ((k, _fill(v, workflow, values)) for k, v in node.items())
        return {k: v for k, v in pairs if v is not _ABSENT}
    if isinstance(node, list):
        return [v for v in (_fill(x, workflow, values) for x in node) if v is not _ABSENT]
    if not isinstance(node, str):
        return node
    if whole := _PLACE.fullmatch(node):
        return _value(whole, workflow, values)
    return _PLACE.sub(lambda place: str(_value(place, workflow, values)), node)


def _value(place: re.Match[str], workflow: str, values: Mapping[str, Value]) -> Any:
    name, optional = place.groups()
    if name not in values:
        near = difflib.get_close_matches(name, values, 1, 0.5)
        remedy = f"use {near[0]}" if near else f"use one of {', '.join(values)}"
        raise ConfigurationError(f"governance/workflows/{workflow}.yml", f"nothing is called ${{{name}}}", remedy)
    value = values[name]
    if value is None and not optional:
        raise ConfigurationError(f"workflow {workflow}", f"{name} is not set", f"set HALLMARK_{name.upper()}")
    if value is None:
        return _ABSENT
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _forms(secrets: Iterable[str]) -> Iterator[str]:
    """How a secret may look in a message: as it is, as in a URL, and the lines of a key one by one."""
    for secret in secrets:
        forms = {secret, quote(secret, safe=""), quote_plus(secret), repr(secret)[1:-1]}
        lines = {line for line in secret.splitlines() if len(line) > 7 and not line.startswith("-----")}
        yield from (form for form in forms | lines if form)
