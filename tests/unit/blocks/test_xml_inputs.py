"""Every XML file of the shared inputs, held against what other parsers counted in it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from blocks.sources.xml import convert, merge, scan
from blocks.sources.xml.tree import Element, walk
from tests.unit.blocks.xml_support import rows

INPUTS = Path(__file__).parents[4] / "shared" / "inputs"

pytestmark = pytest.mark.skipif(not (INPUTS / "truth.tsv").is_file(), reason=f"{INPUTS} is not here")


def _truth() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    if (INPUTS / "truth.tsv").is_file():
        with (INPUTS / "truth.tsv").open(newline="") as file:
            for name, metric, value, *_ in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                if name.startswith("xml/"):
                    found.setdefault(name, {})[metric] = value
    return found


TRUTH = _truth()


@pytest.mark.parametrize("name", TRUTH)
def test_a_file_is_what_other_parsers_say(name: str, tmp_path: Path) -> None:
    truth = TRUTH[name]
    found = scan(INPUTS / name, None, name)
    assert (truth["xml.expat"] == "well-formed") == (found.broken is None)
    assert found.root is not None
    assert found.root.local == truth["xml.root"]
    elements: list[Element] = [found.root, *(e for _, e in walk(found.root))]
    assert sum(e.count for e in elements) == int(truth["xml.elements"])
    counts = {m.removeprefix("xml.count:"): int(v) for m, v in truth.items() if m.startswith("xml.count:")}
    assert {n: sum(e.count for e in elements if e.local == n) for n in counts} == counts
    layout = merge([found], ())
    file = convert(found.path, found, layout, tmp_path)
    assert [len(rows(file))] == list(counts.values())
    assert not file.faults


@pytest.mark.parametrize("name", TRUTH)
def test_no_text_is_lost(name: str, tmp_path: Path) -> None:
    """Every word of the records that another parser reads is in some value."""
    from lxml import etree

    found = scan(INPUTS / name, None, name)
    file = convert(found.path, found, merge([found], ()), tmp_path)
    values = {str(v) for t in file.tables for r in rows(file, t) for v in r.values()}
    held = " ".join(values)
    parser = etree.XMLParser(load_dtd=False, no_network=True, resolve_entities=False)
    words = {w for text in etree.parse(INPUTS / name, parser).getroot().itertext("*") for w in text.split()}
    assert len(words) > 100
    assert not {w for w in words if w not in held}
