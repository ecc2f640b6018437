"""Block Kit as HTML, much as Slack shows it: to look at a message without a Slack. Not what Slack itself renders."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape, unescape
from pathlib import Path
from typing import Any

from governance.formats.slack import SlackMessage

STYLE = Path(__file__).with_name("slack.css")
_TOKEN = re.compile(
    r"```\n?(?P<pre>.*?)\n?```|`(?P<code>[^`\n]+)`|\*(?P<bold>[^*\n]+)\*|<(?P<url>https?://[^|>]+)\|(?P<label>[^>]+)>"
    r"|<(?P<who>[@!][^>]+)>",
    re.S,
)


def thread(root: SlackMessage, replies: Sequence[SlackMessage] = (), app: str = "Hallmark") -> str:
    """A message, with its replies below it."""
    count = f'<p class="count">{len(replies)} repl{"y" if len(replies) == 1 else "ies"}</p>' if replies else ""
    below = "".join(_message(reply, app) for reply in replies)
    return f'<div class="slack">{_message(root, app)}{count}<div class="replies">{below}</div></div>'


def _message(message: SlackMessage, app: str) -> str:
    blocks = "".join(map(_block, message.blocks))
    return (
        f'<div class="said"><span class="face">H</span><div><b>{escape(app)}</b> <small>APP</small>{blocks}</div></div>'
    )


def _block(block: dict[str, Any]) -> str:
    match block["type"]:
        case "header":
            return f'<p class="head">{_text(block["text"])}</p>'
        case "section" if "fields" in block:
            return f'<div class="fields">{"".join(f"<div>{_text(f)}</div>" for f in block["fields"])}</div>'
        case "context":
            return f'<p class="context">{" ".join(map(_text, block["elements"]))}</p>'
        case _:
            return f'<div class="section">{_text(block["text"])}</div>'


def _text(text: dict[str, Any]) -> str:
    """What Slack escaped is read, then escaped as HTML wants it."""
    if text["type"] == "plain_text":
        return _shown(text["text"])
    found, at, whole = [], 0, str(text["text"])
    for token in _TOKEN.finditer(whole):
        found += [_shown(whole[at : token.start()]), _marked(token)]
        at = token.end()
    return "".join((*found, _shown(whole[at:]))).replace("<br><pre>", "<pre>").replace("</pre><br>", "</pre>")


def _marked(token: re.Match[str]) -> str:
    if token["pre"] is not None:
        return f"<pre>{escape(unescape(token['pre']))}</pre>"
    if token["code"]:
        return f"<code>{escape(unescape(token['code']))}</code>"
    if token["bold"]:
        return f"<b>{_shown(token['bold'])}</b>"
    if token["url"]:
        return f'<a href="{escape(unescape(token["url"]))}">{_shown(token["label"])}</a>'
    return f'<span class="mention">@{escape(token["who"].rpartition("^")[2].lstrip("@!"))}</span>'


def _shown(text: str) -> str:
    return escape(unescape(text)).replace("\n", "<br>")
