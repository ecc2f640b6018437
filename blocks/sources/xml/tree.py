"""Which elements an XML document has: one `Element` for each path, what it holds, and which of them is the record.

Nothing here reads a file (`scan.py`) or knows columns (`layout.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

SPACE = " "
"""Stands between the namespace and the local name in the names that the parser gives."""

UNKNOWN = -1
"""Stands for a count that nobody made."""

LIST_SHARE = 0.5
"""Of the children of the element that holds the records, how many the records must be."""


@dataclass
class Element:
    """All elements of one path. Names are `namespace local`, or only the local name."""

    name: str
    count: int = 0
    """How many there are that end before the file breaks, or UNKNOWN."""
    text: bool = False
    """One of them has text of its own that is not blank."""
    hollow: bool = False
    """One of them has neither text nor children."""
    repeats: bool = False
    """One parent has several."""
    attributes: dict[str, None] = field(default_factory=dict)
    children: dict[str, Element] = field(default_factory=dict)
    last: int = 0
    """The parent's `count` when it was last seen: how the scan finds what repeats."""

    @property
    def local(self) -> str:
        """The name without its namespace."""
        return local_name(self.name)

    @property
    def empty(self) -> bool:
        """None of them holds anything at all."""
        return not (self.text or self.attributes or self.children)


def local_name(name: str) -> str:
    """The name of an element or attribute without its namespace."""
    return name.rpartition(SPACE)[2]


def united(elements: Iterable[Element]) -> Element:
    """One tree of what all of them hold; `count` is the sum. Raises ValueError for none."""
    elements = list(elements)
    result = Element(elements[0].name)
    for other in elements:
        result.count += other.count
        result.text |= other.text
        result.hollow |= other.hollow
        result.repeats |= other.repeats
        result.attributes |= other.attributes
    for name in dict.fromkeys(n for e in elements for n in e.children):
        result.children[name] = united(e.children[name] for e in elements if name in e.children)
    return result


def walk(element: Element, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Element]]:
    """(path below the element, element) of all that it holds, in document order; without itself."""
    for name, child in element.children.items():
        yield (*path, name), child
        yield from walk(child, (*path, name))


def find_record(root: Element) -> tuple[str, ...]:
    """Path of the element that most likely is a record, from the root.

    The most frequent child that repeats and makes up half of its parent's children; the parent is the root, or what
    elements that hold nothing else wrap. `Invoices` with one `Invoice` holds one record: its name says that it is a
    list. Otherwise the document is one record: the root, or the one element that it wraps.
    """
    path: tuple[str, ...] = (root.name,)
    element = root
    while True:
        children = list(element.children.values())
        if element is not root and element.attributes:
            return path[:2]
        best = max((c for c in children if c.repeats), key=lambda c: c.count, default=None)
        if best and best.count >= LIST_SHARE * sum(c.count for c in children):
            return (*path, best.name)
        is_wrapper = len(children) == 1 and not best and not element.text and children[0].children
        if not is_wrapper:
            return path[:2]
        path, parent, element = (*path, children[0].name), element, children[0]
        if parent.local.lower().startswith(element.local.lower()):
            return path


def declared_record(root: Element, record: str) -> tuple[str, ...] | None:
    """Path of the record that a stream declares, by local names (`/Invoices/Invoice`); None if it cannot be there.

    A single name (`Invoice`) is the root, or the least deep element of that name. A path whose last element is
    missing from a parent that holds no element is a list without records.
    """
    names = [local_name(n.rpartition(":")[2]) for n in record.strip("/").split("/")]
    if len(names) == 1 and not record.startswith("/") and root.local != names[0]:
        found = [path for path, e in walk(root) if e.local == names[0]]
        return (root.name, *min(found, key=len)) if found else None
    if root.local != names[0]:
        return None
    path: tuple[str, ...] = (root.name,)
    element = root
    for at, name in enumerate(names[1:], 2):
        matching = [c for c in element.children.values() if c.local == name]
        if not matching:
            return (*path, name) if at == len(names) and not element.children else None
        element = max(matching, key=lambda c: c.count)
        path = (*path, element.name)
    return path


def at_path(root: Element, path: Sequence[str]) -> Element | None:
    """The element of a path from the root, if there is one."""
    element: Element | None = root if path and path[0] == root.name else None
    for name in path[1:]:
        element = element.children.get(name) if element else None
    return element
