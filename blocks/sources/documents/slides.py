"""Texts of the slides of a presentation in their order, with their notes.

Only the parts that hold text are opened: how a presentation looks (layouts, themes) is ten times as many.
The elements are those of ECMA-376, part 1: 19.3 (PresentationML) and 21.1 (DrawingML).
"""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from io import BytesIO
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from blocks.sources.documents.archive import BROKEN
from blocks.sources.documents.kinds import Unreadable

PRESENTATION = "ppt/presentation.xml"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_R = f"{{{_OFFICE}}}"
_SHAPES = f"{_P}cSld/{_P}spTree"


def slides(data: bytes) -> list[str]:
    """The text of each slide. Raises Unreadable: `unreadable_document`."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            parts = {part: target for part, (_, target) in _related(archive, PRESENTATION).items()}
            order = _parsed(archive, PRESENTATION).iterfind(f"{_P}sldIdLst/{_P}sldId")
            return ["\n\n".join(_slide(archive, parts[slide.attrib[f"{_R}id"]])) for slide in order]
    except (*BROKEN, ElementTree.ParseError) as error:
        raise Unreadable("unreadable_document", f"its slides cannot be read: {error}") from None


def _parsed(archive: zipfile.ZipFile, part: str) -> Element:
    return ElementTree.fromstring(archive.read(part))  # noqa: S314 - it fetches nothing, and bounds what entities grow to


def _related(archive: zipfile.ZipFile, part: str) -> dict[str, tuple[str, str]]:
    """Id → (type, part) of the parts that a part names."""
    folder, name = posixpath.split(part)
    path = f"{folder}/_rels/{name}.rels"
    if path not in archive.NameToInfo:
        return {}
    return {
        one.attrib["Id"]: (
            one.attrib["Type"],
            posixpath.normpath(posixpath.join(folder, one.attrib["Target"])).lstrip("/"),
        )
        for one in _parsed(archive, path)
        if one.get("TargetMode") != "External"
    }


def _slide(archive: zipfile.ZipFile, part: str) -> Iterator[str]:
    texts = list(_texts(_parsed(archive, part).find(_SHAPES)))
    notes = [target for type_, target in _related(archive, part).values() if type_ == f"{_OFFICE}/notesSlide"]
    if notes:
        for shape in _parsed(archive, notes[0]).iterfind(f"{_SHAPES}/{_P}sp"):
            place = shape.find(f"{_P}nvSpPr/{_P}nvPr/{_P}ph")
            if place is not None and place.get("type") == "body":
                texts.append(_text(shape.find(f"{_P}txBody")))
                break
    yield from (cleaned for text in texts if (cleaned := text.strip()))


def _texts(shapes: Element | None) -> Iterator[str]:
    """Texts of shapes, of tables (cells parted by tabs), and of shapes in groups."""
    for shape in shapes if shapes is not None else ():
        if shape.tag == f"{_P}grpSp":
            yield from _texts(shape)
        elif shape.tag == f"{_P}sp":
            yield _text(shape.find(f"{_P}txBody"))
        elif shape.tag == f"{_P}graphicFrame":
            for row in shape.iterfind(f"{_A}graphic/{_A}graphicData/{_A}tbl/{_A}tr"):
                yield "\t".join(_text(cell.find(f"{_A}txBody")) for cell in row.iterfind(f"{_A}tc"))


def _text(body: Element | None) -> str:
    """Paragraphs of a text, by lines."""
    if body is None:
        return ""
    return "\n".join("".join(map(_run, paragraph)) for paragraph in body.iterfind(f"{_A}p"))


def _run(run: Element) -> str:
    if run.tag == f"{_A}br":
        return "\n"
    return run.findtext(f"{_A}t", "") if run.tag in (f"{_A}r", f"{_A}fld") else ""
