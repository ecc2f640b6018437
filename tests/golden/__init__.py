"""Every message of an incident as it is rendered: kinds and states × formats, in `messages/`; a review, in `review.md`.

`python -m tests.golden` writes them again; look at what changed with `git diff tests/golden` before you commit it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from governance import messages, preview
from governance.formats import html, slack
from governance.review_comment import comment
from tests.golden.reviews import sample

FOLDER = Path(__file__).parent / "messages"
REVIEW = Path(__file__).parent / "review.md"


def rendered() -> Iterator[tuple[Path, str]]:
    """Each file, and what it must hold."""
    for name, alert in preview.sample_alerts().items():
        whole = messages.whole(alert)
        thread = [m.model_dump(mode="json") for m in preview.slack_thread(alert)]
        yield FOLDER / f"{name}.txt", preview.as_text(alert)
        yield FOLDER / f"{name}.html", html.render(whole).replace("><", ">\n<") + "\n"
        yield FOLDER / f"{name}.slack.json", json.dumps(thread, indent=1, ensure_ascii=False) + "\n"
        hook = slack.render(whole).model_dump(mode="json")
        yield FOLDER / f"{name}.slack-webhook.json", json.dumps(hook, indent=1, ensure_ascii=False) + "\n"


def write() -> None:
    """All of them, and none beside them."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    for path, content in rendered():
        path.write_text(content, "utf-8")
    REVIEW.write_text(comment(sample()), "utf-8")
