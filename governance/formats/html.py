"""A message as HTML: a piece of a page, or a page of several. Nothing is loaded; every text is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch
from html import escape
from pathlib import Path

from governance.formats.body import SIGNS, Body, Call, Code, Commands, Facts, Grid, Items, LinkRow, Paragraph
from governance.formats.clean import line, lines
from governance.formats.links import safe
from governance.formats.text import handle

STYLE = Path(__file__).with_name("page.css")


def render(body: Body) -> str:
    """The piece of a page that is this message."""
    title = f"<h3>{SIGNS[body.tone]} {escape(line(body.title))}</h3>" if body.title else ""
    return f'<article class="message {body.tone}">{title}{"".join(map(part_html, body.parts))}</article>'


def page(title: str, sections: Mapping[str, str], more_style: str = "") -> str:
    """A whole page of pieces, each under a heading."""
    pieces = "\n".join(
        f"<section><h2>{escape(line(name))}</h2>\n{piece}\n</section>" for name, piece in sections.items()
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(line(title))}</title><style>{STYLE.read_text('utf-8')}\n{more_style}</style></head>\n"
        f"<body><h1>{escape(line(title))}</h1>\n{pieces}\n</body></html>\n"
    )


@singledispatch
def part_html(part: object) -> str:
    """One part."""
    raise TypeError(f"no part of a message: {type(part).__name__}")


@part_html.register
def _(part: Facts) -> str:
    items = "".join(f"<div><dt>{escape(line(k))}</dt><dd>{escape(line(v))}</dd></div>" for k, v in part.items)
    return f"<dl>{items}</dl>"


@part_html.register
def _(part: Paragraph) -> str:
    title = f"<strong>{escape(line(part.title))}:</strong> " if part.title else ""
    return f"<p>{title}{escape(line(part.text, 2000))}</p>"


@part_html.register
def _(part: Call) -> str:
    return f"<p>→ <strong>{escape(handle(part))}</strong> {escape(line(part.text))}</p>"


@part_html.register
def _(part: Items) -> str:
    items = [*(escape(line(i)) for i in part.items), *([f"… and {part.more:,} more"] if part.more else [])]
    return f"<p><strong>{escape(line(part.title))}</strong></p><ul>{''.join(f'<li>{i}</li>' for i in items)}</ul>"


@part_html.register
def _(part: Code) -> str:
    return f"<p><strong>{escape(line(part.title))}</strong></p><pre>{escape(lines(part.text))}</pre>"


@part_html.register
def _(part: Grid) -> str:
    head = "".join(f"<th>{escape(line(c, 60))}</th>" for c in part.columns)
    rows = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in part.rows)
    table = f'<div class="scroll"><table><tr>{head}</tr>{rows}</table></div>'
    return f"<p><strong>{escape(line(part.title))}</strong></p>{table}"


def _cell(value: str | None) -> str:
    return '<td class="null">NULL</td>' if value is None else f"<td>{escape(line(value, 200))}</td>"


@part_html.register
def _(part: LinkRow) -> str:
    links = (
        f'<a href="{escape(url)}">{escape(line(label))}</a>' for label, address in part.links if (url := safe(address))
    )
    return f"<p>{' · '.join(links)}</p>"


@part_html.register
def _(part: Commands) -> str:
    items = "\n".join(f"# {escape(line(what))}\n{escape(line(command, 1000))}" for what, command in part.items)
    return f"<p><strong>{escape(line(part.title))}</strong></p><pre>{items}</pre>"
