"""The folder `mailroom`: mails with attachments, PDFs, office documents and pictures that customers send.

Which documents there are and what they say, counted as they are written. How bytes come about is in `mails.py` and
`papers.py`. Every document names its project; its sender is a contact of the project's customer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from blocks.sample import files, papers
from blocks.sample.mails import Attachment, Mail
from blocks.sample.plan import ANCHOR, Plan, Progress, nested
from blocks.sample.words import COMMENTS, PRODUCTS, SERVICES, customer_name

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
VARIANTS = ("plain", "html", "both", "pdf", "docx", "png", "encoded", "two", "latin1", "nested", "defective", "undated")
"""Of mail m, by m % 12; the last three come once and are the `_AGAIN` afterwards."""
_AGAIN = {"nested": "pdf", "defective": "plain", "undated": "both"}
_OF_A_WAVE = ("plain", "pdf", "encoded", "html")
_KINDS = ("mail", "pdf", "docx", "pptx", "image")
_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@dataclass
class Document:
    """A file, what it says, and what is to be counted of it."""

    path: str
    data: bytes
    says: dict[str, Any]
    facts: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class _Case:
    """Who writes about what, and when."""

    key: str
    number: int
    project: str
    customer: int
    product: str
    comment: str
    service: str
    when: datetime

    @property
    def sender(self) -> tuple[str, str]:
        return customer_name(self.customer), f"contact@customer-{self.customer:06d}.example"


def write_base(plan: Plan, folder: Path, progress: Progress) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write the documents of the base; gives the counts, and what each file says by its path."""
    total = sum(plan.documents.values())
    tally: Counter[str] = Counter()
    says: dict[str, Any] = {}
    for index, document in enumerate(_base(plan)):
        _write(folder, document, tally, says)
        progress("documents", index + 1, total)
    return nested(tally), says


def write_wave(
    plan: Plan, folder: Path, wave: int, before: datetime, after: datetime
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write the mails that a wave brings, sent between two times; gives `{new, counts}`, and what each says."""
    tally: Counter[str] = Counter()
    says: dict[str, Any] = {}
    for index, variant in enumerate(_OF_A_WAVE):
        number = plan.documents["mail"] + (wave - 1) * len(_OF_A_WAVE) + index
        when = before + (after - before) * (index + 1) / (len(_OF_A_WAVE) + 1)
        _write(folder, _mail(_case(plan, "mail", number, when.replace(microsecond=0)), variant), tally, says)
    return {"new": list(says), "counts": nested(tally)}, says


def _write(folder: Path, document: Document, tally: Counter[str], says: dict[str, Any]) -> None:
    files.write(folder / document.path, document.data)
    tally.update(document.facts)
    tally.update(("files", f"files_by_kind.{document.says['kind']}"))
    says[document.path] = document.says


def _base(plan: Plan) -> Iterator[Document]:
    """The documents of the base; the copy of the first mail is the last of them."""
    counts = plan.documents
    makers = {"pdf": _pdf, "docx": _docx, "pptx": _pptx, "image": _image}
    first: Document | None = None
    for number in range(1, counts["mail"]):
        variant = VARIANTS[(number - 1) % len(VARIANTS)]
        variant = _AGAIN.get(variant, variant) if number > len(VARIANTS) else variant
        document = _mail(_case(plan, "mail", number, _when(number, counts["mail"])), variant)
        first = first or document
        yield document
    for kind, make in makers.items():
        for number in range(1, counts[kind] + 1):
            yield make(_case(plan, kind, number, _when(number, counts[kind] + 1)))
    assert first
    yield Document("inbox/copies/mail (1).eml", first.data, {**first.says, "copy_of": first.path}, Counter(("copies",)))


def _when(number: int, of: int) -> datetime:
    return (START + (ANCHOR - START) * number / of).replace(microsecond=0)


def _case(plan: Plan, kind: str, number: int, when: datetime) -> _Case:
    rng = plan.random(7, _KINDS.index(kind) << 32 | number)
    project = 1 + rng.randrange(plan.projects)
    product, comment = PRODUCTS[rng.randrange(len(PRODUCTS))], COMMENTS[rng.randrange(len(COMMENTS))]
    service = SERVICES[rng.randrange(len(SERVICES))][0]
    customer = plan.customer_of(project)
    return _Case(f"{kind}-{number:04d}", number, f"P{project:06d}", customer, product, comment, service, when)


def _said(case: _Case, kind: str, title: str | None, **more: Any) -> dict[str, Any]:
    return {
        "kind": kind, "title": title, "project_id": case.project, "customer_id": case.customer,
        "created_at": case.when.isoformat(), **more,
    }  # fmt: skip


def _mail(case: _Case, variant: str) -> Document:
    """A mail; every fourth names its project in the text only."""
    subject = f"{case.product} for {case.project}" if case.number % 4 else f"{case.product}: next steps"
    if variant in ("encoded", "latin1"):
        subject = f"Größe und Schriften: {case.product} für {case.project}"
    text = (
        f"Hello,\n\nabout {case.project}, {case.service}: {case.comment}.\nRésumé attached if needed.\n\nBest regards\n"
    )
    attachments = _attachments(case, variant)
    form = variant if variant in ("html", "both", "latin1") else "plain"
    when = None if variant == "undated" else case.when
    mail = Mail(case.key, case.sender, subject, text, when, form, attachments, is_cut=variant == "defective")
    names = [one.name for one in attachments]
    says = _said(case, "mail", subject, sender=case.sender[1], attachments=names)
    says["created_at"] = when.isoformat() if when else None
    facts = Counter(("rows", "mails.rows", f"mails.variant.{variant}"))
    facts["mails.with_attachments"] += bool(attachments)
    facts["mails.encoded_subject"] += not subject.isascii()
    for one in attachments:
        _count_attachment(facts, one)
    return Document(f"inbox/{case.when:%Y-%m}/mail_{case.number:04d}.eml", mail.to_bytes(), says, facts)


def _attachments(case: _Case, variant: str) -> tuple[Attachment, ...]:
    title, author = f"Notes on {case.project}", case.sender[0]

    def paper(page: str) -> Attachment:
        data = papers.pdf(title, author, [f"{title}\n{case.comment}", page], case.when)
        return Attachment(f"notes {case.project}.pdf", "application/pdf", data)

    def picture() -> Attachment:
        data = papers.image([f"Sketch {case.number} for {case.project}", case.product])
        return Attachment(f"sketch_{case.project}.png", "image/png", data)

    match variant:
        case "pdf":
            return (paper("Page two"),)
        case "docx":
            data = papers.docx(title, author, [case.comment], [("Service", "Product"), (case.service, case.product)],
                               case.when)  # fmt: skip
            return (Attachment(f"Übersicht {case.project}.docx", _WORD, data),)
        case "png":
            return (picture(),)
        case "two":
            return (paper("With a sketch"), picture())
        case "defective":
            return (Attachment("note.txt", "text/plain", f"Do not lose this note on {case.project}.\n".encode()),)
        case "nested":
            text = f"As we said about {case.project}.\n"
            earlier = case.when - timedelta(days=2)
            inner = Mail(f"{case.key}-inner", case.sender, f"First thoughts on {case.project}", text, earlier,
                         attachments=(paper("Forwarded"),))  # fmt: skip
            return (Attachment(f"first thoughts {case.project}.eml", "message/rfc822", inner),)
    return ()


def _count_attachment(facts: Counter[str], one: Attachment) -> None:
    kind = Path(one.name).suffix[1:]
    facts.update(("rows", "attachments.rows", f"attachments.kind.{kind}"))
    facts["pages"] += 2 * (kind == "pdf")
    facts["image_only"] += kind == "png"
    if isinstance(one.data, Mail):
        for inner in one.data.attachments:
            facts["attachments.nested"] += 1
            _count_attachment(facts, inner)


def _pdf(case: _Case) -> Document:
    """A contract: the first is a scan, the second cannot be read without its password."""
    title, author = f"Contract for {case.project}", case.sender[0]
    path = f"contracts/contract_{case.number:04d}.pdf"
    pages = [
        f"{title}\n\nPage {n + 1}\n\n{author}: {case.service}, {case.product}." for n in range(1 + case.number % 3)
    ]
    if case.number == 1:
        says = _said(case, "pdf", title, author=author, pages=1)
        data = papers.scanned_pdf(title, author, [title, case.product], case.when)
        return Document(path, data, says, Counter(("rows", "pages", "image_only")))
    data = papers.pdf(title, author, pages, case.when, encrypted=case.number == 2)
    if case.number == 2:
        return Document(path, data, {**_said(case, "pdf", None), "encrypted": True}, Counter(("encrypted",)))
    says = _said(case, "pdf", title, author=author, pages=len(pages))
    return Document(path, data, says, Counter({"rows": 1, "pages": len(pages)}))


def _docx(case: _Case) -> Document:
    title, author = f"Brief for {case.project}", case.sender[0]
    paragraphs = [f"{author} asks for {case.product}, {case.service}.", f"Note: {case.comment} – café."]
    rows = [("Item", "Value"), ("Project", case.project), ("Customer", str(case.customer))]
    data = papers.docx(title, author, paragraphs, rows, case.when)
    return Document(
        f"briefs/brief_{case.number:04d}.docx", data, _said(case, "docx", title, author=author), Counter(("rows",))
    )


def _pptx(case: _Case) -> Document:
    title, author = f"Kick-off {case.project}", case.sender[0]
    slides = [(title, author), ("Goals", f"{case.product}\n{case.service}"), ("Next steps", case.comment)]
    data = papers.pptx(title, author, slides, case.when)
    says = _said(case, "pptx", title, author=author, slides=[heading for heading, _ in slides])
    return Document(f"decks/deck_{case.number:04d}.pptx", data, says, Counter({"rows": 1, "slides": len(slides)}))


def _image(case: _Case) -> Document:
    """A picture of text; every fourth is a JPEG."""
    kind, suffix = ("JPEG", "jpg") if case.number % 4 == 0 else ("PNG", "png")
    lines = [f"Whiteboard {case.number}: {case.project}", case.product, case.service]
    says = {**_said(case, "image", None, lines=lines), "created_at": None}
    data = papers.image(lines, kind)
    return Document(f"scans/scan_{case.number:04d}.{suffix}", data, says, Counter(("rows", "image_only")))
