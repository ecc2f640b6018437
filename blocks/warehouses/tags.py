"""What the work of this thread is done for: Snowflake keeps it with every query, and the cost is counted by it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_TAGS: ContextVar[dict[str, str]] = ContextVar("tags", default={})  # noqa: B039 - it is never changed in place


@contextmanager
def tagged(**tags: str) -> Iterator[None]:
    """Add slot, layer, stream, flow_run to the statements within."""
    token = _TAGS.set({**_TAGS.get(), **tags})
    try:
        yield
    finally:
        _TAGS.reset(token)


def query_tag() -> str:
    """The tags as the JSON that stands in QUERY_TAG."""
    return json.dumps(_TAGS.get(), separators=(",", ":"))
