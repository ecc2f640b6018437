"""How each metric of truth.tsv that is about documents is held against what Hallmark made of a file."""

from __future__ import annotations

import json
import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from tests.integration.inputs_facts import All, fact, squeezed
from tests.integration.inputs_support import Input, Seen


def main(one: Input, found: Seen) -> dict[str, Any]:
    return next(r for r in found.rows if r["path"] == one.path)


def inside(one: Input, found: Seen) -> list[str]:
    """What the file holds, in bronze or in quarantine: names, the first step of each path only."""
    paths = [r["path"] for r in found.rows if r["path"] != one.path]
    paths += [re.sub(r"#\d+$", "", q["position"]) for q in found.quarantine]
    return sorted({p.removeprefix(one.path + "!").split("!")[0] for p in paths if p.startswith(one.path + "!")})


def holds(found: Seen, name: str) -> bool:
    paths = [r["path"] for r in found.rows] + [q["position"] for q in found.quarantine]
    return any(squeezed(name) in squeezed(p) for p in paths)


@fact("email.subject")
def _subject(one: Input, found: Seen, value: str, every: All) -> None:
    row = main(one, found)
    assert row["media_type"] == "message/rfc822"
    assert squeezed(row["title"])[:200] == ("" if value == "<absent>" else squeezed(value))


@fact("email.from")
def _author(one: Input, found: Seen, value: str, every: All) -> None:
    assert squeezed(main(one, found)["author"]) == ("" if value == "<absent>" else squeezed(value))


@fact("email.date")
def _date(one: Input, found: Seen, value: str, every: All) -> None:
    try:
        expected = parsedate_to_datetime(value)
    except (ValueError, TypeError):
        assert main(one, found)["created_at"] is None
        return
    kept = main(one, found)["created_at"]
    assert kept == (expected if expected.tzinfo else expected.replace(tzinfo=UTC))


@fact("email.message-id")
def _message_id(one: Input, found: Seen, value: str, every: All) -> None:
    kept = json.loads(main(one, found)["metadata"]).get("message-id")
    assert squeezed(kept) == ("" if value == "<absent>" else squeezed(value))


@fact("email.attachments (Content-Disposition: attachment)")
def _attachments(one: Input, found: Seen, value: str, every: All) -> None:
    assert len(inside(one, found)) >= int(value)


@fact("email.attachment_names")
def _names(one: Input, found: Seen, value: str, every: All) -> None:
    for name in value.split(" | "):
        assert holds(found, f"{one.path}!part-" if name == "<no name>" else f"!{name}"), inside(one, found)


@fact("email.defects")
def _defects(one: Input, found: Seen, value: str, every: All) -> None:
    row = main(one, found)
    assert row["status"] == "defective"
    assert [d for d in value.split(", ") if d not in row["metadata"]] == []


@fact("pdf.pages", "pypdf.pages", "pptx.slides")
def _pages(one: Input, found: Seen, value: str, every: All) -> None:
    if "pdf.needs_password" not in one.facts:
        assert main(one, found)["page_count"] == int(value)


@fact("pdf.phrase", "phrase")
def _phrase(one: Input, found: Seen, value: str, every: All) -> None:
    if "pdf.needs_password" not in one.facts:
        assert squeezed(value) in squeezed(main(one, found)["text"])


@fact("pdf.text_chars")
def _characters(one: Input, found: Seen, value: str, every: All) -> None:
    if "pdf.needs_password" in one.facts:
        return
    row = main(one, found)
    if value == "0":  # what is there comes from OCR, where it is installed
        assert row["status"] == "no_text" or row["text"]
    else:
        assert row["status"] == "ok" and len(squeezed(row["text"])) > 0


@fact("pdf.title")
def _title(one: Input, found: Seen, value: str, every: All) -> None:
    if not value.endswith(":") and ":" not in value:  # pdfinfo prints the next entry where there is no title
        assert squeezed(main(one, found)["title"]) == squeezed(value)


@fact("pdf.encrypted", "pdf.needs_password")
def _encrypted(one: Input, found: Seen, value: str, every: All) -> None:
    codes = [q["reason_code"] for q in found.quarantine]
    assert codes == (["encrypted"] if "pdf.needs_password" in one.facts else [])


@fact("pdf.attachments")
def _embedded(one: Input, found: Seen, value: str, every: All) -> None:
    assert all(holds(found, f"{one.path}!{name}") for name in value.split(" | ")), inside(one, found)


@fact("container")
def _office(one: Input, found: Seen, value: str, every: All) -> None:
    assert "officedocument" in main(one, found)["media_type"]


@fact("image.format", "image.size")
def _image(one: Input, found: Seen, value: str, every: All) -> None:
    row = main(one, found)
    kept = json.loads(row["metadata"])
    assert value in (row["media_type"].partition("/")[2].upper(), f"{kept['width']}x{kept['height']}")


@fact("zip.members")
def _members(one: Input, found: Seen, value: str, every: All) -> None:
    if one.kind == "archive":
        assert len(inside(one, found)) == int(value)
