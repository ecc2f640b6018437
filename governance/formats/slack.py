"""A message as Slack's Block Kit, within its limits (https://docs.slack.dev/reference/block-kit/blocks).

Text from outside stands where Slack reads no markup: in a `plain_text` object, or between backticks. `&`, `<` and `>`
are escaped everywhere, so that `<!channel>` calls nobody. Only a `Call` may call somebody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import singledispatch
from typing import Any

from governance.formats.body import SIGNS, Body, Call, Code, Commands, Facts, Grid, Items, LinkRow, Paragraph
from governance.formats.clean import line, lines
from governance.formats.links import safe
from governance.formats.text import grid
from governance.model import Frozen

BLOCKS = 50
SECTION, FIELD, HEADER, FALLBACK = 3000, 2000, 150, 3000
FIELDS = 10
LINK, BETWEEN = "link", " · "
GRID = 64
"""Letters of one width that a thread has room for, beside the channel."""
GRAVE = "\u02cb"
_SIGNS = str.maketrans({"*": "\u2217", "~": "\u223c", "`": GRAVE})
_WORDS = re.compile(r"(?:[^\W_]|[ ,.()×%+-]|(?<=\d):(?=\d)|:(?= ))+")
_MENTION = re.compile(r"<(@[UW][A-Z0-9]{2,30}|!subteam\^S[A-Z0-9]{2,30})>")
Block = dict[str, Any]


class SlackMessage(Frozen):
    """What `chat.postMessage`, `chat.update` and an incoming webhook take."""

    text: str
    """Of a notification, and for screen readers."""
    blocks: tuple[Block, ...]


def render(body: Body) -> SlackMessage:
    """The message; what is beyond fifty blocks is left out, and said so."""
    title = f"{SIGNS[body.tone]} {line(body.title)}" if body.title else ""
    blocks = [{"type": "header", "text": _plain(title, HEADER)}] if title else []
    for part in body.parts:
        blocks += [b for b in part_blocks(part) if "text" not in b or b["text"]["text"].strip()]
    if len(blocks) > BLOCKS:
        blocks = [*blocks[: BLOCKS - 1], _words("… there is more than a message of Slack can hold")]
    if not blocks:
        blocks = [_words("-")]
    return SlackMessage(text=_fallback(title, body), blocks=tuple(blocks))


def escaped(text: str, limit: int) -> str:
    """`&`, `<` and `>` as Slack wants them, at most `limit` characters afterwards."""
    found: list[str] = []
    size = 0
    for c in text:
        piece = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}.get(c, c)
        size += len(piece)
        if size > limit:
            return _shortened(found, limit)
        found.append(piece)
    return "".join(found)


def _shortened(pieces: list[str], limit: int) -> str:
    while pieces and sum(map(len, pieces)) > limit - 1:
        pieces.pop()
    return "".join(pieces) + "…"


@singledispatch
def part_blocks(part: object) -> list[Block]:
    """The blocks of one part."""
    raise TypeError(f"no part of a message: {type(part).__name__}")


@part_blocks.register
def _(part: Facts) -> list[Block]:
    fields = [_mrkdwn(f"*{_label(k, 100)}*\n{_inline(v, 500)}", FIELD) for k, v in part.items if line(v)]
    return [{"type": "section", "fields": fields[n : n + FIELDS]} for n in range(0, len(fields), FIELDS)]


@part_blocks.register
def _(part: Paragraph) -> list[Block]:
    text = f"{line(part.title)}: {line(part.text, 2000)}" if part.title else line(part.text, 2000)
    return [_words(text)] if text else []


@part_blocks.register
def _(part: Call) -> list[Block]:
    return [_section(f"{mention(part.whom)} {_label(part.text, 1000)}".strip())]


@part_blocks.register
def _(part: Items) -> list[Block]:
    items = [f"• {line(item)}" for item in part.items] + ([f"… and {part.more:,} more"] if part.more else [])
    return [_section(f"*{_label(part.title, 200)}*"), _words("\n".join(items))] if items else []


@part_blocks.register
def _(part: Code) -> list[Block]:
    return [_pre(part.title, lines(part.text))]


@part_blocks.register
def _(part: Grid) -> list[Block]:
    return [_pre(part.title, grid(part.columns, part.rows, GRID))]


@part_blocks.register
def _(part: LinkRow) -> list[Block]:
    rows: list[str] = []
    for label, address in part.links:
        link = _link(label, address)
        if rows and link and len(rows[-1]) + len(BETWEEN) + len(link) <= SECTION:
            rows[-1] += BETWEEN + link
        elif link:
            rows.append(link)
    return [{"type": "context", "elements": [_mrkdwn(row, SECTION)]} for row in rows]


@part_blocks.register
def _(part: Commands) -> list[Block]:
    rows = "\n".join(f"# {line(what)}\n{line(command, 1000)}" for what, command in part.items)
    return [_pre(part.title, rows)] if rows else []


def mention(whom: str) -> str:
    """A user's or user group's id calls them; anything else is text. Nobody can call a whole channel."""
    return whom if _MENTION.fullmatch(whom) else _label(whom, 100)


def _fallback(title: str, body: Body) -> str:
    """The title and whoever is called: what a notification shows."""
    called = [mention(p.whom) for p in body.parts if isinstance(p, Call)]
    said = [p.text if isinstance(p, Paragraph) else "; ".join(p.items) for p in body.parts
            if isinstance(p, Paragraph | Items)]  # fmt: skip
    text = title or line(next(iter(said), ""), 500)
    return " ".join([*called, escaped(text, FALLBACK // 2)]).strip() or "-"


def _words(text: str) -> Block:
    return {"type": "section", "text": _plain(text, SECTION)}


def _section(text: str) -> Block:
    return {"type": "section", "text": _mrkdwn(text, SECTION)}


def _pre(title: str, text: str) -> Block:
    head = f"*{_label(title, 200)}*\n"
    room = SECTION - len(head) - len("```\n\n```")
    return _section(f"{head}```\n{escaped(text.replace('```', chr(39) * 3), room)}\n```")


def _inline(value: str, limit: int) -> str:
    """Between backticks, where nothing is read, unless there is nothing that could be read as markup.

    A backtick itself becomes a letter that looks like it.
    """
    text = line(value, limit)
    return text if _WORDS.fullmatch(text) else f"`{escaped(line(value).replace('`', GRAVE), limit)}`"


def _label(text: str, limit: int) -> str:
    """Where Slack reads markup, the signs of it become letters that look like them."""
    return escaped(line(text).translate(_SIGNS), limit)


def _link(label: str, address: str) -> str:
    """Nothing where it may not be shown, or has no room once it is escaped: a part of an address leads nowhere."""
    url = (safe(address) or "").replace("|", "%7C").replace(">", "%3E").replace("<", "%3C")
    link = f"<{url.replace('&', '&amp;')}|{_label(label, 75) or LINK}>"
    return link if url and len(link) <= SECTION else ""


def _plain(text: str, limit: int) -> Block:
    return {"type": "plain_text", "text": escaped(text, limit), "emoji": False}


def _mrkdwn(text: str, limit: int) -> Block:
    if len(text) > limit:
        raise ValueError(f"{len(text)} characters where {limit} are allowed")
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def texts(message: SlackMessage) -> Iterable[str]:
    """Every text that is shown, for tests and previews."""
    for block in message.blocks:
        for holder in (block.get("text"), *block.get("fields", ()), *block.get("elements", ())):
            if holder:
                yield str(holder["text"])
