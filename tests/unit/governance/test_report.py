"""The page as text: what is on it, escaped and cut. How it behaves in a browser is in tests/integration."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from governance.layered_layout import Size, arrange
from governance.lineage_picture import Node, draw
from governance.manifest import TableEdge
from governance.model import CheckResult, Column, Dataset, LineageEdge
from governance.report import (
    CheckReport,
    DatasetReport,
    EventCounts,
    LayerReport,
    QuarantineCount,
    ReportData,
    StreamReport,
    render,
)

NOW = datetime(2026, 11, 22, 6, 3, tzinfo=UTC)
EVIL = """<script>alert(1)</script>"'&{{7*7}}\u2028"""


class Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def check(success: bool, severity: str = "critical", dataset: str = "gold.g") -> CheckReport:
    result = CheckResult(
        check_id=f"{dataset}.id.unique", layer="gold", dataset=dataset, column="id", type="unique",
        severity=severity, success=success, observed="3 of 10", failed_rows=0 if success else 3,
    )  # type: ignore[arg-type]  # fmt: skip
    return CheckReport(result=result)


def data(**changes: object) -> ReportData:
    silver = Dataset(name="silver.s", layer="silver", owner="delivery", columns=(Column(name="id", type="BIGINT"),))
    gold = Dataset(name="gold.g", layer="gold", owner="finance", columns=(Column(name="id", pii="email"),))
    exposure = Dataset(name="exposure.e", layer="gold", kind="exposure", owner="finance")
    known: dict[str, object] = {
        "slot": "2026-11-22T06:00:00Z", "run_id": "run-1", "state": "completed", "generated_at": NOW,
        "streams": (StreamReport(source="crm", stream="p", status="published", read=1000, quarantined=10),),
        "layers": (LayerReport(layer="gold", status="published", checks=1),),
        "datasets": (
            DatasetReport(dataset=silver, status="published", rows_before=5, rows_after=12345),
            DatasetReport(dataset=gold, status="published", rows_after=7, checks=(check(True),)),
            DatasetReport(dataset=exposure),
        ),
        "table_edges": (TableEdge(source="silver.s", target="gold.g"), TableEdge(source="gold.g", target="exposure.e")),
        "column_edges": (
            LineageEdge(source="silver.s.id", target="gold.g.id", expression="ABS(s.id)", model="gold.g"),
            LineageEdge(source="silver.s.x", target="gold.g.id", kind="indirect", model="gold.g"),
        ),
    }  # fmt: skip
    return ReportData.model_validate({**known, **changes})


def with_gold(**changes: object) -> ReportData:
    page = data()
    silver, gold, exposure = page.datasets
    return page.model_copy(update={"datasets": (silver, gold.model_copy(update=changes), exposure)})


def node_status(html: str, name: str) -> str:
    for tag, attributes in Page(html).tags:
        if tag == "a" and attributes.get("data-name") == name:
            return str(attributes["class"])
    raise AssertionError(name)


def test_a_good_batch_says_so_and_shows_everything() -> None:
    html = render(data())
    text = Page(html).text
    assert "Nothing needs attention" in text and "12\u202f345 rows" in text
    for name in ("silver.s", "gold.g", "exposure.e", "crm.p"):
        assert name in text
    assert "node-ok" in node_status(html, "exposure.e")


@pytest.mark.parametrize(
    ("changes", "own", "exposure"),
    [
        ({"checks": (check(False),)}, "node-failed", "node-stale"),
        ({"checks": (check(False, "warning"),)}, "node-warning", "node-ok"),
        ({"checks": (check(False, "info"),)}, "node-ok", "node-ok"),
        ({"status": "blocked"}, "node-failed", "node-stale"),
        ({"stale": True, "data_as_of": "2026-11-22T00:00:00Z"}, "node-stale", "node-stale"),
    ],
)
def test_a_dataset_is_coloured_by_its_worst(changes: dict[str, object], own: str, exposure: str) -> None:
    html = render(with_gold(**changes))
    assert own in node_status(html, "gold.g")
    assert exposure in node_status(html, "exposure.e")


def test_a_waived_check_and_a_held_stream_are_shown_as_what_they_are() -> None:
    failed = check(False)
    waived = failed.model_copy(update={"result": failed.result.model_copy(update={"waived": "by ann: known"})})
    held = StreamReport(source="crm", stream="p", status="held", warning="held by ben until noon: half a file")
    html = render(with_gold(checks=(waived,)).model_copy(update={"streams": (held,)}))
    text = " ".join(Page(html).text.split())
    assert "node-warning" in node_status(html, "gold.g") and "node-ok" in node_status(html, "exposure.e")
    assert "critical, waived by ann: known: 3 rows" in text and "critical waived by ann: known" in text
    assert "Stream crm.p is not read held by ben until noon: half a file" in text


def test_what_needs_attention_comes_first_and_links_to_it() -> None:
    html = render(with_gold(checks=(check(False),), stale=True, data_as_of="2026-11-22T00:00:00Z"))
    html = html[html.index('id="attention"') : html.index('id="lineage"')]
    assert re.findall(r'<li class="is-(\w+)"><a href="#(d-gold\.g)"', html) == [
        ("failed", "d-gold.g"),
        ("stale", "d-gold.g"),
    ]
    assert "gold.g.id.unique" in html and "data of 2026-11-22T00:00:00Z" in html


def evil_reports() -> Iterator[ReportData]:
    dataset = Dataset(
        name=f"gold.{EVIL}", layer="gold", owner=EVIL, description=EVIL, tags=(EVIL,), tier=EVIL, domain=EVIL,
        columns=(Column(name=EVIL, type=EVIL, description=EVIL, pii=EVIL),),
    )  # fmt: skip
    result = CheckResult(check_id=EVIL, layer="gold", dataset=EVIL, column=EVIL, type=EVIL, severity="critical",
                         success=False, observed=EVIL, threshold=EVIL, failed_rows=1)  # fmt: skip
    edge = LineageEdge(source=f"{EVIL}.x", target=f"gold.{EVIL}.{EVIL}", expression=EVIL)
    indirect = edge.model_copy(update={"kind": "indirect"})
    checks = (CheckReport(result=result, description=EVIL, history=({"slot": EVIL, "success": False},)),)  # type: ignore[arg-type]
    yield data(
        slot=EVIL, run_id=EVIL, state=EVIL,
        streams=(StreamReport(source=EVIL, stream=EVIL, status="failed", owner=EVIL, error=EVIL),),
        layers=(LayerReport(layer=EVIL, status="blocked"),),
        datasets=(
            DatasetReport(dataset=dataset, status=EVIL, data_as_of=EVIL, freshness=EVIL, stale=True, checks=checks),
        ),
        quarantine=(QuarantineCount(source=EVIL, stream=EVIL, reason_code=EVIL, reason=EVIL, rows=1),),
        column_edges=(edge, indirect), steps=({"name": EVIL, "started_at": NOW, "seconds": 1, "state": EVIL},),
        table_edges=(TableEdge(source=EVIL, target=f"gold.{EVIL}"),), events=EventCounts(buried=3),
    )  # fmt: skip


def test_no_text_becomes_markup() -> None:
    (evil,) = evil_reports()
    html = render(evil)
    page = Page(html)
    assert sum(tag == "script" for tag, _ in page.tags) == 2
    assert "alert(1)</script>" not in html and "49" not in re.sub(
        r"\d{3,}|[#.][\da-f]+", "", page.text.split("const all")[0]
    )
    assert not [a for _, a in page.tags if any(k.startswith("on") or k in ("src", "srcdoc") for k in a)]
    assert "<script>alert(1)</script>" in page.text  # as text


def test_long_text_is_cut() -> None:
    html = render(with_gold(dataset=Dataset(name="gold.g", layer="gold", description="x" * 100_000)))
    assert len(html) < len(render(data())) + 5_000


def test_nothing_is_loaded_from_anywhere() -> None:
    html = render(data())
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", html)
    links = [str(a["href"]) for _, a in Page(html).tags if a.get("href")]
    assert all(x.startswith("#") or x == "data:," for x in links)
    ids = {a["id"] for _, a in Page(html).tags if a.get("id")}
    assert {x[1:] for x in links if x.startswith("#")} <= ids


def test_an_empty_batch_is_a_page_too() -> None:
    html = render(ReportData(slot="s", run_id="r", state="completed", generated_at=NOW))
    assert "No stream was read" in html and "No row was kept back" in html


# --- the picture -------------------------------------------------------------------------------------


def test_the_picture_goes_from_left_to_right_without_overlap() -> None:
    size = Size()
    columns = {f"{c}-{i}": c for c in range(6) for i in range(5)}
    edges = [(f"{c}-{i}", f"{d}-{(i * 3 + d) % 5}") for c in range(5) for d in range(c + 1, 6) for i in range(5)]
    layout = arrange(columns, edges, size)
    for a, (xa, ya) in layout.places.items():
        for b, (xb, yb) in layout.places.items():
            if a < b and xa == xb:
                assert abs(ya - yb) >= size.height + size.gap_y - 0.01, (a, b)
    for (source, target), points in layout.routes.items():
        xs = [x for x, _ in points]
        assert xs == sorted(xs), (source, target)
        for (x0, y0), (x1, _) in zip(points[1:-1:2], points[2::2], strict=True):  # through a column: past its boxes
            inside = [n for n, (x, y) in layout.places.items() if x0 <= x < x1 and y - 1 < y0 < y + size.height + 1]
            assert not inside, (source, target, inside)


def test_a_chain_within_a_layer_gets_columns_of_its_own_and_a_cycle_ends() -> None:
    nodes = [Node(n, "silver", n, "", "ok", n) for n in "abc"] + [Node("x", "gold", "x", "", "none", "x")]
    edges = [("a", "b"), ("b", "c"), ("c", "x"), ("c", "a"), ("gone", "a")]
    svg = str(draw(nodes, edges))
    places = {m[1]: float(m[2]) for m in re.finditer(r'data-name="(\w)".*?class="box" x="([\d.]+)"', svg)}
    assert places["x"] > max(places["a"], places["b"], places["c"])
    assert len(set(places.values())) >= 3
