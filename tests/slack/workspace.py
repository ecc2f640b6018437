"""The channels of a workspace and what is said in them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.slack.rules import UPDATED_TEXT, Refused, called, check_message


@dataclass
class Message:
    """A message of the app."""

    ts: str
    text: str
    blocks: list[dict[str, Any]]
    metadata: dict[str, Any] | None = None
    thread_ts: str | None = None
    edits: int = 0
    called: list[str] = field(default_factory=list)
    """Who was notified when it was posted: an edit notifies nobody."""


@dataclass
class Channel:
    """A channel, its messages in the order of their arrival."""

    id: str
    name: str
    member: bool = True
    archived: bool = False
    private: bool = False
    messages: list[Message] = field(default_factory=list)
    last: float = float("-inf")

    @property
    def roots(self) -> list[Message]:
        """Those outside of threads."""
        return [m for m in self.messages if m.thread_ts is None]

    def replies(self, ts: str) -> list[Message]:
        """Those in the thread of a message."""
        return [m for m in self.messages if m.thread_ts == ts]


class Workspace:
    """Answers methods; `now` is epoch seconds, `clock` what the rate is measured by."""

    def __init__(self, now: Callable[[], float], clock: Callable[[], float]) -> None:
        self.now, self.clock = now, clock
        self.channels: dict[str, Channel] = {}
        self.scopes = {"chat:write", "channels:read", "channels:history", "groups:read", "groups:history"}
        self.rate = 1.0
        """Messages a second that a channel takes."""
        self.page = 200
        self.lock = threading.RLock()
        self._count = 0

    def add(self, name: str, **more: Any) -> Channel:
        """A channel of this name, without #."""
        made = Channel(f"C{len(self.channels) + 1:08d}", name, **more)
        self.channels[made.id] = made
        return made

    def channel(self, given: str, by_name: bool = False) -> Channel:
        """By id; where Slack takes it, by name too. Raises Refused."""
        named = given.removeprefix("#")
        for channel in self.channels.values():
            if channel.id == given or (by_name and channel.name == named):
                if channel.archived:
                    raise Refused("is_archived")
                if not channel.member:
                    raise Refused("channel_not_found" if channel.private else "not_in_channel")
                return channel
        raise Refused("channel_not_found")

    def post(self, body: dict[str, Any], channel: Channel | None = None) -> dict[str, Any]:
        """chat.postMessage."""
        self.need("chat:write")
        found = channel or self.channel(str(body.get("channel") or ""), by_name=True)
        self.throttle(found)
        check_message(body)
        thread = body.get("thread_ts")
        if thread is not None and not any(m.ts == thread for m in found.roots):
            raise Refused("thread_not_found")
        self._count += 1
        text = str(body.get("text") or "")
        parts = [p["text"] for b in body.get("blocks") or () for p in (b.get("text"), *b.get("fields", ())) if p
                 and p["type"] == "mrkdwn"]  # fmt: skip
        made = Message(
            f"{int(self.now())}.{self._count:06d}", text, list(body.get("blocks") or ()), body.get("metadata"), thread,
            called=sorted({w for p in (text, *parts) for w in called(p)}),
        )  # fmt: skip
        found.messages.append(made)
        return {"ok": True, "channel": found.id, "ts": made.ts, "message": {"text": text, "ts": made.ts}}

    def update(self, body: dict[str, Any]) -> dict[str, Any]:
        """chat.update: by the channel's id."""
        self.need("chat:write")
        channel = self.channel(str(body.get("channel") or ""))
        message = next((m for m in channel.messages if m.ts == body.get("ts")), None)
        if message is None:
            raise Refused("message_not_found")
        check_message(body, UPDATED_TEXT)
        message.text, message.blocks = str(body.get("text") or ""), list(body.get("blocks") or ())
        message.metadata = body.get("metadata", message.metadata)
        message.edits += 1
        return {"ok": True, "channel": channel.id, "ts": message.ts, "text": message.text}

    def history(self, body: dict[str, Any], replies: bool = False) -> dict[str, Any]:
        """conversations.history, conversations.replies: the former newest first, by the channel's id."""
        channel = self.channel(str(body.get("channel") or ""))
        self.need("groups:history" if channel.private else "channels:history")
        if replies:
            thread = str(body.get("ts") or "")
            if not any(m.ts == thread for m in channel.roots):
                raise Refused("thread_not_found")
            found = [m for m in channel.messages if thread in (m.ts, m.thread_ts)]
        else:
            found = channel.roots[::-1]
        latest = float(body.get("latest") or "inf")
        oldest, whole = float(body.get("oldest") or 0), str(body.get("include_all_metadata")) in ("1", "True", "true")
        kept = [m for m in found if oldest < float(m.ts) < latest or (replies and m.thread_ts is None)]
        return self._paged("messages", [_shown(m, whole) for m in kept], body)

    def listed(self, body: dict[str, Any]) -> dict[str, Any]:
        """conversations.list."""
        types = str(body.get("types") or "public_channel").split(",")
        for kind, scope in (("public_channel", "channels:read"), ("private_channel", "groups:read")):
            if kind in types:
                self.need(scope)
        found = [
            {"id": c.id, "name": c.name}
            for c in self.channels.values()
            if not c.archived and (c.member or not c.private)
        ]
        return self._paged("channels", found, body)

    def need(self, scope: str) -> None:
        """Raises Refused without it."""
        if scope not in self.scopes:
            raise Refused("missing_scope", needed=scope, provided=",".join(sorted(self.scopes)))

    def throttle(self, channel: Channel) -> None:
        """Raises Refused for a second message in a second."""
        now = self.clock()
        if self.rate and now - channel.last < 1 / self.rate - 1e-6:
            raise Refused("ratelimited")
        channel.last = now

    def _paged(self, key: str, found: list[dict[str, Any]], body: dict[str, Any]) -> dict[str, Any]:
        start, size = int(body.get("cursor") or 0), min(int(body.get("limit") or 100), self.page)
        more = str(start + size) if start + size < len(found) else ""
        return {"ok": True, key: found[start : start + size], "response_metadata": {"next_cursor": more}}


def _shown(message: Message, whole: bool) -> dict[str, Any]:
    body: dict[str, Any] = {"type": "message", "ts": message.ts, "text": message.text, "blocks": message.blocks}
    if message.thread_ts:
        body["thread_ts"] = message.thread_ts
    if message.metadata:
        body["metadata"] = message.metadata if whole else {"event_type": message.metadata["event_type"]}
    return body
