"""What `hallmark incident preview` shows: a message of an incident in a terminal, and as a page with its Slack thread.

Of a real incident by its `Alert`, or of the samples of each kind, which no team gets by mistake.
"""

from __future__ import annotations

from collections.abc import Mapping

from governance import messages
from governance.errors import ConfigurationError
from governance.formats import html, slack, slack_preview, text
from governance.incidents.model import Alert
from governance.incidents.samples import samples


def sample_alerts(name: str | None = None) -> dict[str, Alert]:
    """The samples by name, or one of them. Raises ConfigurationError for a name that is none."""
    known = samples()
    if name is None:
        return known
    if name not in known:
        raise ConfigurationError(f"sample {name}", "there is none of this name", f"use one of {', '.join(known)}")
    return {name: known[name]}


def as_text(alert: Alert, width: int = text.WIDTH) -> str:
    """For a terminal: print it without markup."""
    return text.render(messages.whole(alert), width)


def slack_thread(alert: Alert) -> tuple[slack.SlackMessage, ...]:
    """The messages that a channel gets of it when it is told for the first time: the root, and its replies."""
    root = messages.summary(alert)
    if alert.incident.state == "resolved":
        return (slack.render(root),)
    news = messages.progress([e for e in alert.entries if e.verb not in ("opened", "attached")])
    return tuple(slack.render(body) for body in (root, messages.details(alert), news) if body)


def as_page(alerts: Mapping[str, Alert], title: str = "Messages of incidents") -> str:
    """A self-contained page: each alert as Slack's thread, and beside it as a mail would have it."""
    sections = {}
    for name, alert in alerts.items():
        root, *replies = slack_thread(alert)
        shown = slack_preview.thread(root, replies)
        sections[name] = f'<div class="pair">{shown}{html.render(messages.whole(alert))}</div>'
    return html.page(title, sections, slack_preview.STYLE.read_text("utf-8"))
