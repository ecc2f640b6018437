"""How the records of a file are written, as one regular expression that nothing else matches.

A record has a fixed set of paths, so that RE2 tells in one pass whether a piece of a file holds such records only:
no other element, attribute, order or repetition, nothing within a text, and all of it well-formed. What matches needs
no parser to be known. Names are as they are written, with their prefix. What the elements are worth is in `tree.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from xml.parsers import expat

BLANK = r"[ \t\r\n]"
_CONTROL = r"\x00-\x08\x0b\x0c\x0e-\x1f"
_COMMENT = rf"<!--(?:[^\-{_CONTROL}]|-[^\-{_CONTROL}])*-->"
_ENTITY = "&(?:amp|lt|gt|quot|apos|#[0-9]+|#x[0-9a-fA-F]+);"
"""The number is another's to prove."""
_SECTION = rf"<!\[CDATA\[(?:[^\]{_CONTROL}]|\][^\]{_CONTROL}]|\]\]+[^>\]{_CONTROL}])+\]\]+>"
_VALUE = "(?:" + "|".join(f"{q}(?:[^{q}<&{_CONTROL}]|{_ENTITY})*{q}" for q in "\"'") + ")"
LONGEST = 12_000
"""Characters of an expression for which RE2 has the memory; a longer one may take it fifty times as long."""


class UnorderedError(Exception):
    """What is written in any order, in namespaces of its own or in too many ways has no such expression."""


@dataclass
class Form:
    """All elements of one path, as they are written."""

    name: str
    children: dict[str, Form] = field(default_factory=dict)
    text: bool = False
    """One of them has text of its own that is not blank."""
    blank: bool = False
    """One of them holds blanks only."""
    hollow: bool = False
    """One of them holds nothing."""
    repeats: bool = False
    """One parent has several, next to each other."""
    comments: bool = False
    """Of the document: there are comments."""
    sections: bool = False
    """Of the document: there are CDATA sections."""
    after: dict[str, set[str]] = field(default_factory=dict)
    """Child → the children that stand right before it."""
    attributes_after: dict[str, set[str]] = field(default_factory=dict)

    def forms(self) -> Iterator[Form]:
        """All that is below it."""
        for child in self.children.values():
            yield child
            yield from child.forms()

    def records(self, record: Form) -> str:
        """Of the document: what matches a piece that holds such records only. Raises UnorderedError."""
        gap = f"(?:{BLANK}|{_COMMENT})*" if self.comments else f"{BLANK}*"
        # A section, or a text, that holds nothing is no text; `]]>` ends the one and is not allowed in the other.
        part = rf"[^<&>\]{_CONTROL}]|{_ENTITY}" + (f"|{_SECTION}" if self.sections else "")
        pattern = record._pattern(gap, rf"(?:(?:\]*(?:{part})|\]?>)+\]*|\]+)")
        if len(pattern) > LONGEST:
            raise UnorderedError
        return rf"\A{gap}(?:{pattern}{gap})*\z"

    def _pattern(self, gap: str, text: str) -> str:
        """What matches one such element; `gap` is what may stand between elements."""
        if any(a.partition(":")[0] == "xmlns" for a in self.attributes_after):
            raise UnorderedError  # another namespace would make other names of it
        name = re.escape(self.name)
        given = "".join(f"(?:{BLANK}+{re.escape(a)}{BLANK}*={BLANK}*{_VALUE})?" for a in _order(self.attributes_after))
        ends = []
        if self.children:
            if self.text:
                raise UnorderedError  # mixed content
            inner = "".join(
                f"(?:{child._pattern(gap, text)}{gap}){'*' if child.repeats else '?'}"
                for child in (self.children[n] for n in _order(self.after))
            )
            ends += [f">{gap}{inner}</{name}{BLANK}*>", "/>"]
        else:
            ends += [f">{text}</{name}{BLANK}*>"] if self.text else []
            ends += [f">{BLANK}+</{name}{BLANK}*>"] if self.blank else []
            ends += [f"></{name}{BLANK}*>", "/>"] if self.hollow else []
        return f"<{name}{given}{BLANK}*(?:{'|'.join(ends)})"


def _order(after: dict[str, set[str]]) -> Iterable[str]:
    try:
        return list(TopologicalSorter(after).static_order())
    except CycleError:
        raise UnorderedError from None


def watch_form(parser: expat.XMLParserType, document: Form) -> None:
    """Set the handlers of a parser that knows no namespaces, to fill what is below `document`."""
    parser.ordered_attributes = True
    parser.buffer_text = True
    stack: list[tuple[Form, list[str]]] = [(document, [])]
    """Open elements, and their children so far: only the last one, for the others follow from the order."""
    content: list[str] = []

    def start(name: str, attributes: list[str]) -> None:
        content.clear()
        parent, before = stack[-1]
        form = parent.children.get(name) or parent.children.setdefault(name, Form(name))
        earlier = parent.after.setdefault(name, set())
        if before and before[0] == name:
            form.repeats = True
        elif before:
            earlier.add(before[0])
        before[:] = [name]
        last = ""
        for attribute in attributes[::2]:
            preceding = form.attributes_after.setdefault(attribute, set())
            if last:
                preceding.add(last)
            last = attribute
        stack.append((form, []))

    def end(_: str) -> None:
        form, before = stack.pop()
        if not before:
            form.hollow |= not content
            form.blank |= bool(content) and not any(content)
        content.clear()

    def text(data: str) -> None:
        stack[-1][0].text |= (said := not data.isspace())
        content.append("x" if said else "")

    def comment(_: str) -> None:
        document.comments = True

    def section() -> None:
        document.sections = True

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.CommentHandler = comment
    parser.StartCdataSectionHandler = section
