"""A channel as text: its messages with what was called and edited, and their threads."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from tests.slack.workspace import Channel, Message

WIDTH = 100


def picture(channel: Channel) -> str:
    """Every message with its thread."""
    found = [f"#{channel.name}"]
    for root in channel.roots:
        found += ["", *drawn(root, "│ ")]
        for reply in channel.replies(root.ts):
            found += ["│", *drawn(reply, "│   └ ", "│     ")]
    return "\n".join(found) + "\n"


def drawn(message: Message, first: str, rest: str = "") -> Iterator[str]:
    """The lines of a message, as a reader sees them."""
    notes = [f"calls {' '.join(message.called)}"] if message.called else []
    notes += [f"edited {message.edits}×"] if message.edits else []
    rows = [row for block in message.blocks for row in _rows(block)] + ([f"({', '.join(notes)})"] if notes else [])
    for n, row in enumerate(rows):
        yield f"{first if n == 0 else rest or first}{row}".rstrip()


def _rows(block: dict[str, object]) -> Iterator[str]:
    fields = block.get("fields")
    if isinstance(fields, list):
        for field in fields:
            label, _, value = _read(field["text"]).partition("\n")
            yield f"{label.strip('*'):12} {value.strip('`')}"
        return
    holders = block.get("elements") or [block.get("text")]
    for holder in holders if isinstance(holders, list) else ():
        text = holder["text"]
        pieces = text.split("```")
        for n, piece in enumerate(pieces):
            for row in _read(piece).strip("\n").split("\n"):
                if row and n % 2:
                    yield f"    {row}"
                elif row:
                    yield from textwrap.wrap(row.strip("*"), WIDTH, break_long_words=False)


def _read(text: str) -> str:
    text = re.sub(r"<(https?://[^|>]+)\|([^>]+)>", r"\2 (\1)", text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
