"""Slack's interface as the transport needs it: paced calls by `slack_sdk`, and what a refusal means for an event.

Methods, limits and errors: https://docs.slack.dev/reference/methods and https://docs.slack.dev/apis/web-api/rate-limits.
The SDK neither retries nor logs here: its log would hold bodies and the address of a webhook, which is a secret.
"""

from __future__ import annotations

import http.client
import logging
import re
import time
import urllib.error
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from governance.errors import HallmarkError
from governance.formats.clean import line
from governance.formats.slack import SlackMessage
from governance.transports.base import Outage, PermanentError, TransientError
from governance.transports.waits import retry_after

if TYPE_CHECKING:
    from slack_sdk import WebClient

URL = "https://slack.com/api/"
EVENT_TYPE = "hallmark_incident"
INTERVAL = 1.0
"""Seconds between two messages in one channel: Slack allows one a second."""
LONGEST_WAIT = 5.0
"""Seconds that a call waits for its turn; beyond that the event comes again."""
PAGE, PAGES = 200, 10
_SECRET = re.compile(r"[!-~]+")
_WEB = re.compile(r"https?://[!-~]+", re.I)
QUIET = logging.Logger("slack_sdk.unheard", logging.CRITICAL + 1)
_THROTTLED = {"ratelimited", "rate_limited", "message_limit_exceeded"}
_SERVER = {
    "internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org", "rollup_error",
}  # fmt: skip
_AUTH = {
    "invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "no_permission",
    "missing_scope", "access_denied", "org_login_required", "ekm_access_denied", "not_allowed_token_type",
    "team_access_not_granted", "invalid_token", "no_service", "no_service_id", "no_active_hooks", "no_team",
    "action_prohibited",
}  # fmt: skip
_REMEDIES = {
    "channel_not_found": "name a channel that exists in oncall.yml, and invite the app if it is private",
    "not_in_channel": "invite the app to the channel: /invite @hallmark",
    "is_archived": "unarchive the channel, or name another one in oncall.yml",
    "channel_is_archived": "unarchive the channel, or name another one in oncall.yml",
    "restricted_action": "let the app post in the channel: its posting permissions",
}
_CONTENT = ("invalid_blocks", "msg_", "no_text", "invalid_metadata", "metadata_", "invalid_payload", "invalid_arg",
            "message_not_found", "thread_not_found", "cant_update_message", "edit_window_closed")  # fmt: skip


class Refusal(PermanentError):
    """Slack refuses what was asked, and would again."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Pace:
    """At most one message a second in a channel, and none before the time that Slack asked to wait for."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    free_at: float = float("-inf")

    def wait(self) -> None:
        """Until it is the next one's turn; raises TransientError where that is too long."""
        left = self.free_at - self.clock()
        if left > LONGEST_WAIT:
            raise TransientError("throttled", f"Slack asked to wait {left:.0f} s more", left)
        if left > 0:
            self.sleep(left)

    def leave(self, seconds: float = INTERVAL) -> None:
        """No message for so long from now on. Counted from the answer: on its way a message may be overtaken."""
        self.free_at = max(self.free_at, self.clock() + seconds)


class SlackClient:
    """Calls with a bot's token. `token` is asked for every delivery; it and the address are in no error."""

    def __init__(self, token: Callable[[], str | None], url: str, timeout: float, pace: Pace) -> None:
        self._token, self._url, self._timeout, self.pace = token, url, timeout, pace
        self._web: WebClient | None = None

    def open(self) -> None:
        """Take the token as it is now."""
        from slack_sdk import WebClient  # 0.15 s that a command without Slack need not spend

        token = secret(self._token, _SECRET, "the token of Slack")
        if not _WEB.fullmatch(self._url):
            raise Outage("connection", "the address of Slack is no URL")
        self._web = WebClient(token, self._url, timeout=self._timeout, logger=QUIET, retry_handlers=[])  # type: ignore[arg-type]

    def post(
        self, channel: str, message: SlackMessage, payload: dict[str, Any], thread: str | None = None
    ) -> dict[str, Any]:
        """Send a message; the answer holds its `ts` and the channel's id."""
        return self._call(
            "chat_postMessage", paced=True, channel=channel, thread_ts=thread, unfurl_links=False, unfurl_media=False,
            **_content(message, payload),
        )  # fmt: skip

    def update(self, channel: str, ts: str, message: SlackMessage, payload: dict[str, Any]) -> None:
        """Put this in the place of a message; nobody is notified."""
        self._call("chat_update", paced=True, channel=channel, ts=ts, **_content(message, payload))

    def channel_id(self, name: str) -> str | None:
        """Of a channel that is known by its name; None if there is none that the bot can see."""
        wanted, types = name.removeprefix("#"), "public_channel,private_channel"
        pages = self._pages("conversations_list", "channels", types=types, exclude_archived=True)
        return next((c["id"] for c in pages if c.get("name") == wanted), None)

    def told(
        self, channel: str, incident: str, oldest: float, latest: float, thread: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """What this app told of an incident between these times (epoch seconds), with each message's payload.

        Roots, or replies in a thread. What a channel said later is not read: it could be more than is ever read.
        """
        more = {"ts": thread} if thread else {}
        method = "conversations_replies" if thread else "conversations_history"
        times = {"oldest": f"{oldest:.6f}", "latest": f"{latest:.6f}"}
        known = {"channel": channel, **times, "include_all_metadata": True, **more}
        for message in self._pages(method, "messages", **known):
            metadata = message.get("metadata") or {}
            payload = metadata.get("event_payload") or {}
            if metadata.get("event_type") == EVENT_TYPE and payload.get("incident") == incident:
                yield {**payload, "ts": message["ts"]}

    def _pages(self, method: str, key: str, **asked: Any) -> Iterator[dict[str, Any]]:
        cursor = ""
        for _ in range(PAGES):
            answer = self._call(method, limit=PAGE, cursor=cursor or None, **asked)
            yield from answer.get(key) or ()
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return

    def _call(self, method: str, paced: bool = False, **asked: Any) -> dict[str, Any]:
        from slack_sdk.errors import SlackApiError

        assert self._web is not None, "open() comes first"
        if paced:
            self.pace.wait()
        try:
            answer = getattr(self._web, method)(**{k: v for k, v in asked.items() if v is not None})
        except SlackApiError as error:
            found = error.response
            body = found.data if isinstance(found.data, dict) else {}
            raise self.refused(found.status_code, str(body.get("error") or ""), found.headers, body, method) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise unanswered(error) from None
        finally:
            if paced:
                self.pace.leave()
        return answer.data if isinstance(answer.data, dict) else {}

    def refused(
        self, status: int, code: str, headers: Any, body: dict[str, Any], what: str
    ) -> TransientError | PermanentError:
        """The error of an answer; one that asks to wait keeps the channel silent for so long."""
        error = failure(status, code, headers, body, what)
        if isinstance(error, TransientError) and error.reason == "throttled":
            self.pace.leave(error.retry_after or INTERVAL)
        return error


def failure(status: int, code: str, headers: Any, body: dict[str, Any], what: str) -> TransientError | PermanentError:
    """What an answer that is no success means: whether trying again can help."""
    said = line(code, 100) or "no reason"
    message = f"Slack: {what.replace('_', '.', 1)}: {status} {said}"
    if status == 429 or code in _THROTTLED:
        return TransientError("throttled", message, retry_after(_header(headers)))
    if status >= 500 or code in _SERVER:
        return TransientError("server", message, retry_after(_header(headers)))
    if code in _AUTH or status == 401:
        needed = f"; it needs the scope {line(body['needed'], 100)}" if body.get("needed") else ""
        return Outage("auth", f"{message}{needed}; renew what Slack is reached by, or install the app again")
    if code in _REMEDIES or code.startswith("restricted_action"):
        return Refusal(code, f"{message}; {_REMEDIES.get(code, _REMEDIES['restricted_action'])}")
    if code.startswith(_CONTENT):
        causes = (body.get("response_metadata") or {}).get("messages") or body.get("errors") or ()
        return Refusal(code, line(f"{message} {'; '.join(map(str, causes))}", 500))
    if "non-JSON" in code or 300 <= status < 400:
        return Outage("connection", f"Slack: what answers is another server ({status})")
    return TransientError("unexpected", message)


def _header(headers: Any) -> str | None:
    return next((str(v) for k, v in dict(headers or {}).items() if str(k).lower() == "retry-after"), None)


def unanswered(error: Exception) -> TransientError:
    """There was no answer: what was sent may have arrived."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return Outage("timeout", "Slack did not answer in time")
    named = cause.strerror if isinstance(cause, OSError) and cause.strerror else type(cause).__name__
    return Outage("connection", f"Slack: {line(named, 100)}")


def secret(read: Callable[[], str | None], form: re.Pattern[str], what: str) -> str:
    """A secret as it is now. Raises Outage for none, and for one that a library would name in its error."""
    try:
        text = (read() or "").strip()
    except HallmarkError as error:
        raise Outage("auth", str(error)) from None
    if not form.fullmatch(text):
        raise Outage("auth", f"{what} is not set, or of a form that none has")
    return text


def _content(message: SlackMessage, payload: dict[str, Any]) -> dict[str, Any]:
    metadata = {"event_type": EVENT_TYPE, "event_payload": payload}
    return {"text": message.text, "blocks": list(message.blocks), "metadata": metadata}
