"""A review as the Markdown of a comment on a pull request. Pure.

Text from outside, as values and names are, is data: GitHub reads no markup and calls nobody by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from governance.formats.clean import line
from governance.review import Review, TableReview

LIMIT = 60_000
"""GitHub takes 65,536 characters."""
CELL = 80
SAFE = frozenset(" .,:;/-→…–'%$?=")


def comment(review: Review, allowed: bool = False) -> str:
    """The whole comment; `allowed`: somebody has said that contracts may break."""
    parts = ["## Data review\n", f"{_summary(review, allowed)}\n"]
    if review.failure:
        parts.append(f"### It cannot be built\n\n{text(review.failure, 2000)}\n")
    parts += _contracts(review)
    parts += _rows(review)
    parts += [_examples(t) for t in review.tables if t.examples]
    whole, cut = "", False
    for part in parts:
        cut = cut or len(whole) + len(part) > LIMIT
        whole += "" if cut else part + "\n"
    return whole + ("_More was found than a comment holds: see `hallmark review --json`._\n" if cut else "")


def text(value: object, limit: int = CELL) -> str:
    """Text as it stands, whatever it holds."""
    return "".join(c if c.isalnum() or c in SAFE else f"&#{ord(c)};" for c in line(value, limit))


def name(value: str) -> str:
    """A name of a table or column, as code."""
    return f"`{line(value).replace('`', '').replace('|', '')}`"


def _summary(review: Review, allowed: bool) -> str:
    said = f"Compared with {name(review.base[:12])}"
    if not review.tables and not review.changes and not review.failure:
        return f"{said}: no model changed, and no contract."
    count = {how: sum(t.how == how for t in review.tables) for how in ("modified", "new", "gone", "downstream")}
    counted = ", ".join(f"{n} {how}" for how, n in count.items() if n) or "no model changed"
    if not review.breaking:
        return f"{said}: {counted}. No contract breaks."
    if not review.undeclared:
        verdict = "their contracts declare it"
    elif allowed:
        verdict = "allowed by a label"
    else:
        verdict = "**not declared**: raise the major of `contract_version`, or label the pull request `breaking-change`"
    broken = sorted({c.dataset for c in review.breaking})
    return f"{said}: {counted}. **{_number(len(broken), 'contract')} broken**, {verdict}."


def _number(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")


def _contracts(review: Review) -> list[str]:
    parts = []
    if review.breaking:
        rows = [
            (name(c.dataset), name(c.column) if c.column else "", text(c.what), text(c.owner),
             "in the contract" if c.declared else "no")
            for c in review.breaking
        ]  # fmt: skip
        parts += ["### Contracts that break\n", _table(("dataset", "column", "what", "owner", "declared"), rows)]
        readers = [
            (name(r.name), text(r.owner), text(r.channel), ", ".join(name(d) for d in r.of)) for r in review.readers
        ]
        if readers:
            parts += ["#### Downstream of them\n", _table(("who reads", "owner", "told in", "breaks by"), readers)]
    if others := [c for c in review.changes if not c.breaking]:
        listed = [(name(c.dataset), name(c.column) if c.column else "", text(c.what)) for c in others]
        parts += ["### Contracts that change\n", _table(("dataset", "column", "what"), listed)]
    return parts


def _rows(review: Review) -> list[str]:
    if not review.tables:
        return []
    if not review.data:
        rows = [(name(t.dataset), t.how, text(t.owner)) for t in review.tables]
        return ["### Models\n", _table(("dataset", "how", "owner"), rows)]
    shown = [
        (name(t.dataset), t.how, text(t.owner), *map(_count, (t.rows_before, t.rows_after)),
         *map(_count, (t.only_before, t.only_after, t.changed)), _remark(t))
        for t in review.tables
    ]  # fmt: skip
    head = ("dataset", "how", "owner", "rows before", "after", "only before", "only after", "changed", "")
    return ["### Rows, on the sample data\n", _table(head, shown, numbers=range(3, 8))]


def _count(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _remark(table: TableReview) -> str:
    said = [
        *(f"without {name(c)}" for c in table.columns_gone),
        *(f"with {name(c)}" for c in table.columns_new),
        *([text(table.note, 200)] if table.note else []),
    ]
    return ", ".join(said) or ("equal" if table.equal else "")


def _examples(table: TableReview) -> str:
    rows = [
        (text(c.key), name(c.column) if c.column else "the whole row", _value(c.before), _value(c.after))
        for c in table.examples
    ]
    key = ", ".join(table.key)
    body = _table((text(key), "column", "before", "after"), rows)
    return f"<details><summary>{text(table.dataset)}: examples</summary>\n\n{body}\n</details>\n"


def _value(value: str | None) -> str:
    return "" if value is None else text(value)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int] = ()) -> str:
    right = set(numbers)
    rule = ["---:" if n in right else "---" for n in range(len(head))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)) + "\n"
