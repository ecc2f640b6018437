"""The invoices of the sample, read again by lxml, against what was counted while they were written."""

from __future__ import annotations

import io
import re
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from blocks.sample import invoices
from blocks.sample.plan import Plan
from blocks.sample.words import customer_name

PLAN = Plan(1200, 7)
Json = dict[str, Any]


def silent(step: str, done: int, total: int) -> None:
    assert 0 < done <= total


def form_of(text: str, forms: dict[str, str]) -> str:
    return next(name for name, pattern in forms.items() if re.fullmatch(pattern, text))


@pytest.fixture
def issued(tmp_path: Path) -> tuple[Json, Path]:
    return invoices.write_base(PLAN, tmp_path, silent), tmp_path


def read_invoices(data: bytes) -> tuple[list[Json], bool]:
    """The complete invoices of a file, and whether it breaks off."""
    found: list[Json] = []
    try:
        for _, one in etree.iterparse(io.BytesIO(data), tag="Invoice"):
            lines = [{c.tag: c.text or "" for c in line} for line in one.iter("Line")]
            texts = {c.tag: c.text or "" for c in one if c.tag not in ("Lines", "Customer")}
            found.append({
                **one.attrib, **texts, "id": one.find("Customer").get("id"), "name": one.findtext("Customer/Name"),
                "lines": lines, "raw": etree.tostring(one, with_tail=False),
            })  # fmt: skip
    except etree.XMLSyntaxError:
        return found, True
    return found, False


def invoice_facts(found: list[Json]) -> Json:
    totals: dict[str, dict[str, Decimal]] = {}
    for one in found:
        of = totals.setdefault(one["currency"], {})
        of[one["status"]] = of.get(one["status"], Decimal(0)) + Decimal(one["Total"])
    lines = [line for one in found for line in one["lines"]]
    for line in lines:
        quantity = Decimal(line["Quantity"].replace(",", "."))
        assert quantity * Decimal(line["Price"]) == Decimal(line["Amount"])
    dates = {"iso": r"\d{4}-\d\d-\d\d", "dmy": r"\d\d/\d\d/\d{4}"}
    ids = {"plain": r"[1-9]\d{0,4}", "zeros": r"0\d{5}", "blank": "", "unknown": r"9000\d{5}"}
    sums = [(Decimal(one["Total"]), sum(Decimal(line["Amount"]) for line in one["lines"])) for one in found]
    return {
        "status": Counter(one["status"] for one in found), "currency": Counter(one["currency"] for one in found),
        "customer_id": Counter(form_of(one["id"], ids) for one in found),
        "issued": Counter(form_of(one["Issued"], dates) for one in found),
        "due": Counter(form_of(one["Due"], dates) for one in found),
        "total": Counter("adds_up" if total == summed else "differs" for total, summed in sums),
        "totals": {c: {s: str(amount) for s, amount in of.items()} for c, of in totals.items()},
        "without_line": sum(not one["lines"] for one in found),
        "lines": {
            "rows": len(lines), "amount": str(sum(Decimal(line["Amount"]) for line in lines)),
            "quantity": Counter(
                form_of(line["Quantity"], {"whole": r"\d+", "comma": r"\d+,5", "point": r"\d+\.5"}) for line in lines
            ),
        },
    }  # fmt: skip


def test_invoices_hold_the_dirt_that_is_told(issued: tuple[Json, Path]) -> None:
    told, folder = issued
    paths = sorted(folder.iterdir())
    read = [read_invoices(path.read_bytes()) for path in paths]
    assert [is_cut for _, is_cut in read] == [False] * (len(paths) - 1) + [True]
    found = [one for every, _ in read for one in every]
    assert (told["files"], told["truncated"]) == (len(paths), 1)
    assert told["rows_good"] == len(found) == told["rows_total"] - 1
    newest = {one["number"]: one for one in found}
    assert told["distinct"] == len(newest) == PLAN.invoices - 1
    assert told["superseded"] == len(found) - len(newest) > 0
    for part, of in ((told, found), (told["latest"], list(newest.values()))):
        descriptions = part["lines"]["description"]
        assert sum(descriptions.values()) == part["lines"]["rows"]
        expected = invoice_facts(of)
        expected["lines"]["description"] = descriptions
        assert {key: part[key] for key in expected} == expected
    raw = b"".join(path.read_bytes() for path in paths[:-1])
    assert raw.count(b"<![CDATA[") > 0 < raw.count(b"&#10;")
    for one in found:
        project = int(one["Project"][1:])
        assert one["name"] == customer_name(PLAN.customer_of(project))
        assert one["id"] in (
            "",
            *(f"{n}" for n in (PLAN.customer_of(project), PLAN.customer_of(project) + 900_000_000)),
        ) or (int(one["id"]) == PLAN.customer_of(project))
    for key in ("status", "currency", "customer_id", "issued", "due", "total"):
        assert len(told[key]) == {"status": 4, "customer_id": 4}.get(key, 2)


def test_files_differ_in_their_encoding_but_not_in_what_they_say(issued: tuple[Json, Path]) -> None:
    _, folder = issued
    heads = [path.read_bytes()[:60] for path in sorted(folder.iterdir())[:3]]
    assert b"ISO-8859-1" in heads[1]
    assert heads[2].startswith(b"\xef\xbb\xbf<?xml")
    names = {one["name"] for path in folder.iterdir() for one in read_invoices(path.read_bytes())[0]}
    assert {"<script>alert(1)</script>", "[red]"} < names
    assert any("Señal" in name for name in names)
    latin = (folder / "invoices_002.xml").read_bytes()
    assert b"Se\xf1al" in latin or b"Cr\xe8me" in latin


def test_what_is_loaded_last_is_the_newest_version(issued: tuple[Json, Path]) -> None:
    told, folder = issued
    content = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    newest = {one["number"]: one for data in content.values() for one in read_invoices(data)[0]}
    for wave in (1, 2, 3):
        done = invoices.write_wave(PLAN, folder, wave)
        now = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
        assert [name for name in content if content[name] != now[name]] == done["changed"]
        assert sorted(now.keys() - content.keys()) == done["identical"]
        assert now[done["identical"][0]] == content["invoices_001.xml"]
        before, after = ({o["number"]: o for o in read_invoices(x[done["changed"][0]])[0]} for x in (content, now))
        assert len(after.keys() - before.keys()) == done["invoices_appended"] > 0
        changed = [number for number in before if before[number]["raw"] != after[number]["raw"]]
        assert len(changed) == done["invoices_corrected"] > 0
        assert all(after[number]["status"] == "paid" for number in changed)
        newest |= after
        content = now
        counted = invoices.counts(PLAN, wave)
        assert counted["distinct"] == len(newest)
        expected = invoice_facts(list(newest.values()))
        expected["lines"]["description"] = counted["latest"]["lines"]["description"]
        assert counted["latest"] == expected
    assert counted["files"] == told["files"]


def test_a_seed_gives_its_bytes_and_a_small_sample_a_handful(tmp_path: Path) -> None:
    def made(name: str, seed: int) -> list[bytes]:
        invoices.write_base(Plan(300, seed), tmp_path / name, silent)
        invoices.write_wave(Plan(300, seed), tmp_path / name, 1)
        return [path.read_bytes() for path in sorted((tmp_path / name).iterdir())]

    one = made("one", 7)
    assert made("again", 7) == one
    assert made("other", 8) != one
    told = invoices.write_base(Plan(1, 7), tmp_path / "small", silent)
    assert told["distinct"] == 23
    assert len(told["customer_id"]) == 4
    assert told["without_line"] > 0 < told["superseded"]
    assert Plan(50_000, 7).invoices == 2000
