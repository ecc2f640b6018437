"""What is read again, or was broken off and is gone on with, while its source changes: nothing is lost or doubled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from blocks.landing import Landing
from blocks.settings import Settings
from blocks.sources.base import Manifest, Planned
from blocks.sources.postgres import PostgresReader
from blocks.sources.spec import SourceSpec, StreamSpec
from governance.errors import HallmarkError, UnreachableError
from tests.integration.airbyte_support import Make
from tests.integration.postgres_support import SMALL
from tests.integration.warehouse_support import Stream
from tests.tcp_proxy import Fault, TcpProxy

ROWS = 20_000
SLICED = f"""CREATE TABLE t (id int PRIMARY KEY, v text, ver bigint NOT NULL, at timestamptz NOT NULL);
INSERT INTO t SELECT n, md5(n::text) || md5((-n)::text), n, '2026-01-01Z'::timestamptz + n * interval '1 s'
FROM generate_series(1, {ROWS}) n; ANALYZE t;"""
KEYED = {"primary_key": ["id"], "cursor": "at", "lateness": "5m"}
Database = Callable[[str, str | bytes], str]


def source(url: str, **stream: Any) -> SourceSpec:
    one = {"table": "public.t", "name": "t", **stream}
    spec = {"name": "crm", "kind": "postgres", "owner": "x", "url": url, "streams": {"t": one}}
    return SourceSpec.model_validate(spec)


def broken_off(folder: Path, url: str, **stream: Any) -> Stream:
    """The stream, of which a run came to some finished slices."""
    settings = Settings(home=folder)
    with TcpProxy(url) as proxy:
        proxy.fault = Fault("reset", 1_200_000, times=99)
        spec = source(proxy.url, **stream)
        reader = PostgresReader(spec, replace(SMALL, attempts=1, connections=1))
        with pytest.raises(UnreachableError):
            Stream(settings, spec, reader=reader).run()
    spec = source(url, **stream)
    return Stream(settings, spec, reader=PostgresReader(spec, SMALL))


def change(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as shop:
        for statement in statements:
            shop.execute(statement.encode())


def test_a_row_that_goes_before_its_load_goes_on_is_published_and_marked(database: Database, tmp_path: Path) -> None:
    url = database("goes", SLICED)
    stream = broken_off(tmp_path, url, **KEYED, deletes="keys")
    change(url, "DELETE FROM t WHERE id = 1")
    account = stream.run()
    assert (account.read, account.published, account.deleted) == (ROWS, ROWS, 1), "its slice was finished before"
    assert stream.rows("SELECT id FROM bronze.crm__t WHERE _deleted_at IS NOT NULL") == [(1,)]
    assert stream.run().deleted == 0


@pytest.mark.parametrize("cursor", ["ver", "at"])
def test_what_changes_before_a_load_goes_on_is_not_passed_over(database: Database, tmp_path: Path, cursor: str) -> None:
    url = database("moves", SLICED)
    stream = broken_off(tmp_path, url, primary_key=["id"], cursor=cursor)
    moved = "UPDATE t SET v = 'new', ver = {n}, at = now() + interval '{n} ms' WHERE id = {id}"
    change(url, moved.format(n=ROWS + 1, id=1), moved.format(n=ROWS + 2, id=ROWS))
    stream.run()
    change(url, "SELECT pg_sleep(0.1)")
    stream.run()
    assert stream.rows("SELECT id FROM bronze.crm__t WHERE v = 'new' ORDER BY id") == [(1,), (ROWS,)]


def test_a_row_that_comes_back_behind_the_cursor_loses_its_mark(database: Database, settings: Settings) -> None:
    url = database("returns", SLICED.replace(str(ROWS), "20") + "CREATE TABLE aside AS SELECT * FROM t WHERE id = 3")
    stream = Stream(settings, source(url, **(KEYED | {"lateness": "0s"}), deletes="keys"))
    stream.run()
    marked = "SELECT id FROM bronze.crm__t WHERE _deleted_at IS NOT NULL"
    change(url, "DELETE FROM t WHERE id = 3")
    assert stream.run().deleted == 1 and stream.rows(marked) == [(3,)]
    change(url, "INSERT INTO t SELECT * FROM aside")
    account = stream.run()
    assert stream.rows(marked) == [] and account.balanced and account.deleted == 0
    assert stream.rows("SELECT count(*), count(DISTINCT (_load_id, _source_position)) FROM bronze.crm__t") == [(20, 20)]


@pytest.mark.parametrize("versions", [("9", "10"), ("99.5", "100.25"), ("-10", "-9"), ("2026-01-31", "2026-02-01")])
def test_a_cursor_of_text_grows_as_the_number_that_it_is(
    database: Database, settings: Settings, versions: Sequence[str]
) -> None:
    kind = "text" if "-0" in versions[0] else "numeric"  # which is text in bronze, so that no digit is lost
    made = f"CREATE TABLE t (id int PRIMARY KEY, v text, ver {kind}); INSERT INTO t VALUES (1, 'old', '{versions[0]}')"
    url = database("versions", made)
    stream = Stream(settings, source(url, primary_key=["id"], cursor="ver"))
    stream.run()
    change(url, f"UPDATE t SET v = 'new', ver = '{versions[1]}'")
    assert stream.run().published == 1
    assert stream.rows("SELECT v, ver FROM bronze.crm__t") == [("new", versions[1])]
    assert stream.rows("SELECT value FROM ops.cursors") == [(versions[1],)]


def test_of_files_too_the_newest_cursor_is_that_of_the_greatest_number(tmp_path: Path) -> None:
    drops = tmp_path / "drops"
    drops.mkdir()
    one = {"path": "*.csv", "settle": "0s", "primary_key": ["id"], "cursor": "ver"}
    spec = {"name": "crm", "kind": "files", "owner": "x", "root": str(drops), "streams": {"t": {"name": "t", **one}}}
    stream = Stream(Settings(home=tmp_path / "home"), SourceSpec.model_validate(spec))
    (drops / "1.csv").write_text("id,ver\n1,9\n2,8\n2,11\n2,9\n")
    stream.run()
    (drops / "2.csv").write_text("id,ver\n1,10\n2,9\n")
    stream.run()
    assert stream.rows("SELECT id, ver FROM bronze.crm__t ORDER BY id") == [("1", "10"), ("2", "11")]


def test_without_a_cursor_a_column_without_a_name_decides_nothing(tmp_path: Path) -> None:
    drops = tmp_path / "drops"
    drops.mkdir()
    one = {"name": "t", "path": "*.csv", "settle": "0s", "primary_key": ["id"]}
    spec = {"name": "crm", "kind": "files", "owner": "x", "root": str(drops), "streams": {"t": one}}
    stream = Stream(Settings(home=tmp_path / "home"), SourceSpec.model_validate(spec))
    (drops / "1.csv").write_text(",id\n9,1\n8,1\n")
    stream.run()
    assert stream.rows("SELECT column_1 FROM bronze.crm__t") == [("8",)], "the later row, as without that column"


def test_a_record_that_a_connector_gives_again_is_unchanged(make: Make, tmp_path: Path) -> None:
    accounts = []
    for count in (10, 12, 12):
        reader = make(streams={"log": {}}, count=count)
        stream = Stream(Settings(home=tmp_path / "home"), reader.spec, len(accounts), reader)
        account = stream.run()
        accounts.append((account.read, account.published, account.unchanged))
    assert accounts == [(10, 10, 0), (3, 2, 1), (1, 0, 1)]
    assert stream.rows(f"SELECT count(*), count(DISTINCT id) FROM bronze.{reader.spec.name}__log") == [(12, 12)]


class Forgetful(PostgresReader):
    """Says that one row more landed than did."""

    def land(self, stream: StreamSpec, planned: Planned, landing: Landing) -> Manifest:
        """As it says."""
        found = super().land(stream, planned, landing)
        return replace(found, parts=(replace(found.parts[0], rows=(found.parts[0].rows or 0) + 1), *found.parts[1:]))


def test_a_row_that_landed_and_is_not_read_stops_the_load(database: Database, tmp_path: Path) -> None:
    spec = source(database("lost", SLICED.replace(str(ROWS), "20")), **KEYED)
    with pytest.raises(HallmarkError, match="21 rows landed, and 20 of them are read"):
        Stream(Settings(home=tmp_path), spec, reader=Forgetful(spec)).run()
