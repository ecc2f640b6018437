"""Texts from outside, made fit to be shown: nothing is obeyed, nothing is endless. A format escapes them further.

A control character (the escape of a terminal, an override of the direction) is shown as Python writes it, not sent.
"""

from __future__ import annotations


def line(text: object, limit: int = 300) -> str:
    """One line of at most `limit` characters."""
    return cut(visible(" ".join(str(text).split())), limit)


def lines(text: object, limit: int = 2000) -> str:
    """Several lines of at most `limit` characters together; tabs are spaces."""
    whole = str(text).replace("\r\n", "\n").expandtabs(4).strip("\n")
    return cut("\n".join(visible(row).rstrip() for row in whole.split("\n")), limit)


def visible(text: str) -> str:
    """Every character that is not printable, as Python writes it."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, the last an ellipsis where something is missing."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
