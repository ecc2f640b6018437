"""What Slack takes for a message: https://docs.slack.dev/reference/block-kit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

BLOCKS, TEXT, UPDATED_TEXT, METADATA = 50, 40_000, 4_000, 16_384
_LINK = re.compile(r"<(https?://[^\s|<>]+)(\|[^<>\n]+)?>")
_MENTION = re.compile(r"<(@[UW][A-Z0-9]+|#C[A-Z0-9]+|!subteam\^S[A-Z0-9]+|!(here|channel|everyone))(\|[^<>]*)?>")


class Refused(Exception):
    """`{"ok": false, "error": code}`, with the causes in response_metadata."""

    def __init__(self, code: str, *causes: str, **more: Any) -> None:
        super().__init__(code)
        self.code, self.causes, self.more = code, causes, more


def check_message(body: dict[str, Any], text_limit: int = TEXT) -> None:
    """Raises Refused for a message that Slack would not take."""
    text, blocks = body.get("text") or "", body.get("blocks")
    if not text and not blocks:
        raise Refused("no_text")
    if not isinstance(text, str) or len(text) > text_limit:
        raise Refused("msg_too_long")
    if blocks is not None:
        check_blocks(blocks)
    if body.get("metadata") is not None:
        check_metadata(body["metadata"])


def check_blocks(blocks: Any) -> None:
    """Raises Refused with every cause."""
    if not isinstance(blocks, list):
        raise Refused("invalid_blocks_format")
    if len(blocks) > BLOCKS:
        raise Refused("invalid_blocks", f"[ERROR] no more than {BLOCKS} items allowed [json-pointer:/blocks]")
    causes = [f"[ERROR] {cause} [json-pointer:/blocks/{n}]" for n, block in enumerate(blocks) for cause in wrong(block)]
    if causes:
        raise Refused("invalid_blocks", *causes)


def wrong(block: Any) -> Iterator[str]:
    """What is wrong with a block, of those that this project uses."""
    if not isinstance(block, dict):
        yield "must be an object"
        return
    kind, rest = block.get("type"), set(block) - {"type", "block_id"}
    match kind:
        case "header":
            yield from () if rest == {"text"} else ("header takes text",)
            yield from wrong_text(block.get("text"), 150, ("plain_text",))
        case "section":
            yield from () if rest and rest <= {"text", "fields", "expand"} else ("section takes text or fields",)
            if "text" in block:
                yield from wrong_text(block["text"], 3000)
            fields = block.get("fields", ["-"])
            yield from () if isinstance(fields, list) and 1 <= len(fields) <= 10 else ("fields: from 1 to 10",)
            for field in block.get("fields", ()):
                yield from wrong_text(field, 2000)
        case "context":
            elements = block.get("elements")
            yield from () if isinstance(elements, list) and 1 <= len(elements) <= 10 else ("elements: from 1 to 10",)
            for element in elements or ():
                yield from wrong_text(element, 3000)
        case "divider":
            yield from () if not rest else ("divider takes nothing",)
        case _:
            yield f"unsupported type: {kind}"


def wrong_text(text: Any, limit: int, kinds: tuple[str, ...] = ("plain_text", "mrkdwn")) -> Iterator[str]:
    """What is wrong with a text object."""
    if not isinstance(text, dict) or text.get("type") not in kinds:
        yield f"text must be one of {', '.join(kinds)}"
        return
    allowed = {"type", "text", "emoji"} if text["type"] == "plain_text" else {"type", "text", "verbatim"}
    if set(text) - allowed:
        yield f"{text['type']} takes no {', '.join(sorted(set(text) - allowed))}"
    said = text.get("text")
    if not isinstance(said, str) or not 1 <= len(said) <= limit:
        yield f"must be from 1 to {limit} characters [json-pointer:/text]"
        return
    yield from wrong_markup(said)
    if text["type"] == "mrkdwn" and said.count("```") % 2:
        yield "a code block must end"


def wrong_markup(text: str) -> Iterator[str]:
    """Stricter than Slack, which would show it somehow: what is neither a link nor a mention must be escaped."""
    bare = _MENTION.sub("", _LINK.sub("", text))
    if "<" in bare or ">" in bare or re.search(r"&(?!(amp|lt|gt);)", bare):
        yield "&, < and > must be escaped"
    if any(not c.isprintable() and c != "\n" for c in text):
        yield "no control characters"


def check_metadata(metadata: Any) -> None:
    """https://docs.slack.dev/messaging/message-metadata."""
    if not isinstance(metadata, dict) or set(metadata) != {"event_type", "event_payload"}:
        raise Refused("invalid_metadata_format")
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,254}", str(metadata["event_type"])):
        raise Refused("invalid_metadata_schema")
    if not isinstance(metadata["event_payload"], dict):
        raise Refused("invalid_metadata_schema")
    if len(json.dumps(metadata)) > METADATA:
        raise Refused("metadata_too_large")


def called(text: str) -> list[str]:
    """Who is called by a text."""
    return [found[1] for found in _MENTION.finditer(text)]
