"""Which values of a connector's configuration are secret, and how they are kept out of every text."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "****"
SHORTEST = 4
"""A shorter secret is not masked: it would take half of every text along, and protects nothing."""
_KEY = re.compile(
    r"secret|token|passw|passphrase|api_?key|private_?key|access_?key|credential|authorization|bearer|refresh|cookie",
    re.IGNORECASE,
)
# Long, without blanks, of letters and digits mixed: what keys and tokens look like; names, dates and paths do not.
_LOOKS = re.compile(r"(?=\S*[A-Za-z])(?=\S*[0-9])[A-Za-z0-9_\-+/=.~|]{20,}")
_PLAIN = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.Z+-]+|[0-9a-z.-]+\.[a-z]{2,}|/(?:[^/]+/)+[^/]*", re.IGNORECASE)
# Tokens that a connector was given by its partner are in no configuration.
_SPOKEN = re.compile(
    r"(?P<before>(?:access_token|refresh_token|id_token|client_secret|api_?key|password|secret|signature)"
    r"(?:[\"']\s*:\s*[\"']|=|%3D)|\b(?:Bearer|Basic)\s+|://[^\s/:@]*:)(?P<value>[^\s\"'&,;)}@]+)",
    re.IGNORECASE,
)


def secrets_of(config: Any, specification: Mapping[str, Any]) -> set[str]:
    """The secret values: by `airbyte_secret` of the specification, by the name of their key, by their look."""
    return {text for value in _secret(config, [specification]) for text in _texts(value)}


def without_secrets(config: Any, specification: Mapping[str, Any]) -> Any:
    """The configuration with every secret masked that is declared as one, or whose key says so."""
    hidden = {text for value in _secret(config, [specification], by_look=False) for text in _texts(value)}

    def walk(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {k: walk(v) for k, v in value.items()}
        if isinstance(value, list):
            return [walk(v) for v in value]
        return MASK if str(value) in hidden else value

    return walk(config)


class Mask:
    """Replaces secrets in a text, in the forms that they take in URLs, JSON, Python and basic authentication."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Mask these too."""
        for secret in secrets:
            lines = [secret, *secret.splitlines()]
            self._known |= {f for line in lines if len(line) >= SHORTEST for f in _forms(line)}
        longest_first = sorted(self._known, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, text: str) -> str:
        """The text without secrets."""
        text = self._pattern.sub(MASK, text) if self._pattern else text
        return _SPOKEN.sub(lambda found: found["before"] + MASK, text)


def _secret(value: Any, schemas: list[Mapping[str, Any]], named: bool = False, by_look: bool = True) -> Iterator[Any]:
    named = named or any(s.get("airbyte_secret") for s in schemas)
    schemas = [*schemas, *(o for s in schemas for k in ("oneOf", "anyOf", "allOf") for o in s.get(k, ()))]
    if isinstance(value, Mapping):
        for key, inner in value.items():
            below = [s["properties"][key] for s in schemas if key in (s.get("properties") or {})]
            yield from _secret(
                inner, below, named or any(s.get("airbyte_secret") for s in below) or _is_key(key, inner)
            )
    elif isinstance(value, list):
        below = [s["items"] for s in schemas if isinstance(s.get("items"), Mapping)]
        for inner in value:
            yield from _secret(inner, below, named, by_look)
    elif named or (by_look and isinstance(value, str) and _looks_secret(value)):
        yield value


def _is_key(key: str, value: Any) -> bool:
    """A group of settings is called `credentials` too: its values are judged one by one."""
    return isinstance(value, str | int) and not isinstance(value, bool) and bool(_KEY.search(key))


def _looks_secret(value: str) -> bool:
    return bool(_LOOKS.fullmatch(value) and not _PLAIN.fullmatch(value)) or "-----BEGIN" in value


def _texts(value: Any) -> Iterator[str]:
    if value is not None and not isinstance(value, bool) and len(str(value)) >= SHORTEST:
        yield str(value)
        if isinstance(value, str) and (inner := re.search(r"://[^/:@]*:([^@]+)@", value)):
            yield inner[1]


def _forms(text: str) -> Iterator[str]:
    encoded = base64.b64encode(text.encode()).decode()
    yield from (text, quote(text, safe=""), quote(text), quote_plus(text), repr(text)[1:-1], encoded)
    yield from (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1])
