"""The real inputs of `../shared/inputs` in one batch: MANIFEST.tsv's expectation for each file, each fact of truth.tsv.

The checks are in `inputs_facts.py`: a fact that is neither checked there nor said to be none of ours fails.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.homes import SLOT1, Home
from tests.integration import inputs_documents  # noqa: F401 - it adds its checks
from tests.integration.inputs_facts import CHECKS, NOT_OURS, check_of, northwind_facts
from tests.integration.inputs_support import INPUTS, NORTHWIND, Seen, inputs, seen_of, sources_text, streams_of

pytestmark = pytest.mark.skipif(not INPUTS.is_dir(), reason=f"the real inputs are not there: {INPUTS}")
FILES = inputs()
TAKEN = streams_of(FILES)


@pytest.fixture(scope="module")
def northwind(database: Callable[[str, str | bytes], str]) -> str:
    """URL of a database that the dump was loaded into."""
    return database(NORTHWIND, b"".join((INPUTS / f.path).read_bytes() for f in FILES.values() if f.kind == "oltp"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, northwind: str, prefect_server: str) -> Home:
    """After one batch of everything."""
    folder: Path = tmp_path_factory.mktemp("inputs")
    with psycopg.connect(northwind) as connection:
        keys = connection.execute(
            "SELECT c.relname, array_agg(a.attname::text ORDER BY array_position(i.indkey::int2[], a.attnum)) "
            "FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid "
            "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey) "
            "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE i.indisprimary AND n.nspname = 'public' GROUP BY 1"
        ).fetchall()
    sources = folder / "sources.yml"
    sources.write_text(sources_text(FILES, dict(keys), folder / "tables"), encoding="utf-8")
    made = Home(folder / "home", sources, {"NORTHWIND_URL": northwind})
    made.summary = made.run(slot=SLOT1)
    return made


@pytest.fixture(scope="module")
def seen(home: Home) -> dict[str, Seen]:
    return seen_of(home, FILES)


def test_every_stream_is_published(home: Home) -> None:
    failed = {f"{s['source']}.{s['stream']}": s["error"] for s in home.summary["streams"] if s["status"] != "published"}
    assert failed == {}
    declared = {(s["source"], s["stream"]) for s in home.summary["streams"] if "__" not in s["stream"]}
    tables = next(int(f.facts["tables"]) for f in FILES.values() if f.kind == "oltp")
    assert len(declared) == len({t[:2] for t in TAKEN.values()}) + tables


def test_every_account_balances(home: Home) -> None:
    assert home.value(
        "SELECT count(*) FROM ops.loads WHERE status = 'published' "
        "AND rows_read <> rows_published + rows_unchanged + rows_quarantined"
    ) == 0  # fmt: skip


def test_every_file_is_taken_by_a_stream() -> None:
    assert {p for p, one in FILES.items() if p not in TAKEN and one.kind != "oltp"} == set()


@pytest.mark.parametrize("path", TAKEN)
def test_the_expectation_of_a_file(path: str, seen: dict[str, Seen]) -> None:
    """Valid: nothing of it is in quarantine. Anything else: it is told apart, and what can be read is there."""
    one, found = FILES[path], seen[path]
    assert found.status in ("published", "duplicate"), found
    if found.status == "duplicate":
        same = [s for s in seen.values() if (s.source, s.stream) == (found.source, found.stream)]
        assert any(s.status == "published" and s.account[1] for s in same)
        return
    mine = [q for q in found.quarantine if "!" not in q["position"]]
    assert all(q["position"].startswith(path) and q["reason_code"] and q["reason"] for q in mine)
    if one.expectation == "valid":
        assert mine == []
    if "encrypted, user password needed" in one.must:
        assert [q["reason_code"] for q in mine] == ["encrypted"] and found.rows == []
    elif one.facts.get("csv.records_incl_first_line") != "0":
        assert found.rows or mine or one.facts["csv.records_incl_first_line"] == "1"
    if "no invented timestamp" in one.must:
        assert found.rows[0]["created_at"] is None


@pytest.mark.parametrize("path", TAKEN)
def test_the_facts_of_a_file(path: str, seen: dict[str, Seen]) -> None:
    one, found = FILES[path], seen[path]
    if found.status == "duplicate":  # bronze has the same bytes under the name that came first
        content = (INPUTS / path).read_bytes()
        same = (p for p in TAKEN if seen[p].stream == found.stream and (INPUTS / p).read_bytes() == content)
        one = FILES[next(p for p in same if seen[p].status == "published")]
        found = seen[one.path]
    assert found.status == "published"
    wrong = {}
    for metric, value in one.facts.items():
        check: Callable[..., None] | None = check_of(metric)
        try:
            if check:
                check(one, found, value, seen)
        except AssertionError as error:
            wrong[f"{metric} = {value}"] = str(error).splitlines()[0]
    assert wrong == {}


def test_every_fact_is_checked_or_said_to_be_none_of_ours() -> None:
    metrics = {m for one in FILES.values() for m in one.facts if one.kind != "oltp"}
    assert {m for m in metrics if not check_of(m) and m not in NOT_OURS} == set()
    assert {m for m in NOT_OURS if m in CHECKS} == set()


def test_northwind(home: Home, northwind: str) -> None:
    [dump] = [one for one in FILES.values() if one.kind == "oltp"]
    with psycopg.connect(northwind) as connection:
        assert northwind_facts(home, connection, dump.facts) == dump.facts
