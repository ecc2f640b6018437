"""Any records that are written as XML are read as they were, plain or not, by both of the ways they can go."""

from __future__ import annotations

import tempfile
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.blocks.xml_support import converted, rows

TEXT = st.text(
    st.characters(blacklist_categories=("Cs", "Cc", "Cn")) | st.sampled_from("\n\t&<>\"' ]"), max_size=12
).filter(lambda t: "\ufffe" not in t and "\uffff" not in t)
LINE = st.fixed_dictionaries({"no": TEXT, "text": TEXT})
RECORD = st.fixed_dictionaries(
    {"id": TEXT, "name": st.none() | TEXT, "city": st.none() | TEXT, "lines": st.none() | st.lists(LINE, max_size=3)}
)


def _element(name: str, value: object) -> str:
    return "" if value is None else f"<{name}>{escape(str(value))}</{name}>"


def _document(records: list[dict[str, object]], gap: str) -> str:
    body = ""
    for r in records:
        lines = r["lines"]
        inner = ""
        if isinstance(lines, list):
            inner = "".join(f"{gap}<Line no={quoteattr(i['no'])}>{_element('Text', i['text'])}</Line>" for i in lines)
            inner = f"<Lines>{inner}</Lines>"
        where = "" if r["city"] is None else f"<Where>{gap}{_element('City', r['city'])}</Where>"
        body += f"<R id={quoteattr(str(r['id']))}>{gap}{_element('Name', r['name'])}{where}{inner}{gap}</R>{gap}"
    return f"<Rs>{gap}{body}</Rs>"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(RECORD, max_size=5), st.sampled_from(["", "\n  ", "<!-- > -->"]), st.booleans())
def test_records_come_back(records: list[dict[str, object]], gap: str, odd: bool) -> None:
    document = ("<!DOCTYPE Rs>" if odd else "") + _document(records, gap)
    with tempfile.TemporaryDirectory() as folder:
        (file,) = converted(Path(folder), document, record="/Rs/R", known=["line"])
        assert not file.faults
        found = rows(file)
        assert len(found) == len(records)
        for number, (row, r) in enumerate(zip(found, records, strict=True), 1):
            expected = {"_record": number, "id": r["id"], "name": r["name"], "where_city": r["city"]}
            assert {k: row.get(k) for k in expected} == expected
        lines = [
            (number, index, line["no"], line["text"])
            for number, r in enumerate(records, 1)
            for index, line in enumerate(r["lines"] or [])  # type: ignore[arg-type, var-annotated]
        ]
        children = rows(file, "line") if "line" in file.tables else []
        assert [(c["_parent"], c["_index"], c["no"], c["text"]) for c in children] == lines
