"""A message as plain text: for a terminal, a mail, a log. Nothing in it is markup: print it with markup off."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from functools import singledispatch

from governance.formats.body import SIGNS, Body, Call, Code, Commands, Facts, Grid, Items, LinkRow, Paragraph
from governance.formats.clean import line, lines
from governance.formats.links import safe

WIDTH = 100
CELL = 28


def render(body: Body, width: int = WIDTH) -> str:
    """Lines of at most `width` characters, but for commands, code and addresses: those are copied."""
    blocks = [wrapped(f"{SIGNS[body.tone]} {line(body.title)}", width)] if body.title else []
    blocks += ["\n".join(part_lines(part, width)) for part in body.parts]
    return "\n\n".join(b for b in blocks if b) + "\n"


def wrapped(text: str, width: int, indent: str = "") -> str:
    """A paragraph whose lines after the first are indented."""
    return textwrap.fill(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


@singledispatch
def part_lines(part: object, width: int) -> Iterator[str]:
    """The lines of one part."""
    raise TypeError(f"no part of a message: {type(part).__name__}")


@part_lines.register
def _(part: Facts, width: int) -> Iterator[str]:
    longest = max((len(line(label)) for label, _ in part.items), default=0)
    for label, value in part.items:
        yield wrapped(f"{line(label):{longest}}  {line(value)}", width, " " * (longest + 2))


@part_lines.register
def _(part: Paragraph, width: int) -> Iterator[str]:
    text = line(part.text, 2000)
    yield wrapped(f"{line(part.title)}: {text}" if part.title else text, width)


@part_lines.register
def _(part: Call, width: int) -> Iterator[str]:
    yield wrapped(" ".join(f"→ {handle(part)} {line(part.text)}".split()), width)


@part_lines.register
def _(part: Items, width: int) -> Iterator[str]:
    yield f"{line(part.title)}:"
    for item in part.items:
        yield wrapped(f"  - {line(item)}", width, "    ")
    if part.more:
        yield f"  … and {part.more:,} more"


@part_lines.register
def _(part: Code, width: int) -> Iterator[str]:
    yield f"{line(part.title)}:"
    yield textwrap.indent(lines(part.text), "    ")


@part_lines.register
def _(part: Grid, width: int) -> Iterator[str]:
    yield f"{line(part.title)}:"
    yield textwrap.indent(grid(part.columns, part.rows, width), "    ")


@part_lines.register
def _(part: LinkRow, width: int) -> Iterator[str]:
    known = [(line(label), url) for label, address in part.links if (url := safe(address))]
    longest = max((len(label) for label, _ in known), default=0)
    yield from (f"{label:{longest}}  {url}" for label, url in known)


@part_lines.register
def _(part: Commands, width: int) -> Iterator[str]:
    yield f"{line(part.title)}:"
    for what, command in part.items:
        yield f"  # {line(what)}"
        yield f"  {line(command, 1000)}"


def handle(part: Call) -> str:
    """Who is called, where it is a name; an id of Slack says nothing to a reader elsewhere."""
    return "" if part.whom.startswith("<") else line(part.whom)


def grid(columns: Sequence[str], rows: Sequence[Sequence[str | None]], width: int) -> str:
    """A table in letters of one width, cells cut; one line for each value where it would be wider than `width`."""
    table = [[line(c, CELL) for c in columns]]
    table += [["NULL" if v is None else line(v, CELL) for v in row] for row in rows]
    widths = [max(len(row[n]) for row in table if n < len(row)) for n in range(len(columns))]
    if sum(widths) + 2 * len(widths) > width:
        longest = max(map(len, table[0]))
        return "\n\n".join(
            "\n".join(f"{name:{longest}}  {v}" for name, v in zip(table[0], row, strict=False)) for row in table[1:]
        )
    table.insert(1, ["─" * w for w in widths])
    return "\n".join("  ".join(f"{v:{w}}" for v, w in zip(row, widths, strict=False)).rstrip() for row in table)
