"""Entities (`&nbsp;`) of a text: none is expanded, none is fetched."""

from __future__ import annotations

from collections.abc import Callable
from xml.parsers import expat


def keep_entities(parser: expat.XMLParserType, text: Callable[[str], None]) -> None:
    """Hand entities (`&nbsp;`) on as they are written, whoever declares them.

    Only with a default handler expat expands none.
    """
    parser.DefaultHandler = lambda _: None
    parser.SkippedEntityHandler = lambda name, is_parameter: None if is_parameter else text(f"&{name};")

    def outside(context: str, *_: str | None) -> int:
        """One that stands for a file or an address: its name is the last in the context. It is not fetched."""
        text(f"&{context.rpartition(chr(12))[2]};")
        return 1

    parser.ExternalEntityRefHandler = outside
