"""Personal data stay hidden: masks and row access stand before rows do, in whatever way a table comes to be.

The emulator knows no policy, tag in a definition or grant. A proxy before it answers those as done: none is executed
here, sqlglot reads them, and what is asserted is what was sent, and in which order.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
import sqlglot
from sqlglot import exp

from blocks.settings import Settings
from blocks.sources.base import ColumnSpec
from blocks.sources.spec import StreamSpec
from blocks.warehouses import open_warehouse
from blocks.warehouses.base import Batch, LayerPublish, StreamLoad
from governance.protection import OPEN, Protection
from tests.snowflake_faults import Fault, Proxy, rows_of
from tests.snowflake_proxy import proxy

LACKING = r"MASKING POLICY|ROW ACCESS POLICY|^GRANT |WITH TAG|SET TAG|CREATE TAG|OR REPLACE TABLE \S+ CLONE"
DECLARED = Protection(
    personal={"email": "email"}, team_column="team", teams=("client-services",), readers=("READER",), cluster_by=("id",)
)
SLOT = datetime(2026, 11, 22, tzinfo=UTC)
BATCH = Batch("run-1", SLOT)


@pytest.fixture(scope="module")
def served(snowflake: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Proxy, Settings]]:
    """A proxy that answers what the emulator lacks, and the settings that lead to it."""
    with proxy(snowflake) as (made, variables):
        done = rows_of({"status": "text"}, [["Statement executed successfully."]])
        none = rows_of({"found": "fixed"}, [])
        made.faults += [
            Fault("policy_references|tag_references", lambda s: s.answer(200, none), times=99),
            Fault(LACKING, lambda s: s.answer(200, done), times=999),
        ]
        values = {name.removeprefix("HALLMARK_").lower(): value for name, value in variables.items()}
        values |= {"snowflake_role": "FLOWS", "snowflake_pii_role": "PII_READER"}
        home, database = tmp_path_factory.mktemp("policies"), f"P{uuid4().hex}".upper()
        yield made, Settings(home=home, profile="snowflake", snowflake_database=database, **values)


@pytest.fixture
def said(served: tuple[Proxy, Settings]) -> tuple[Proxy, Settings]:
    """The same, with an empty layer, of which nothing was said yet."""
    made, settings = served
    with open_warehouse(settings) as warehouse:
        warehouse.execute("DROP SCHEMA silver CASCADE")
        warehouse.execute("CREATE SCHEMA silver")
    made.statements.clear()
    return made, settings


def publish(settings: Settings, select: str) -> None:
    """What dbt builds of a model, published."""
    with open_warehouse(settings) as warehouse:
        warehouse.prepare_layer("silver", [], full=False)
        warehouse.execute(f"CREATE TABLE silver__audit.people AS {select}")
        what = LayerPublish("silver", BATCH, {"people": None}, protected={"silver.people": DECLARED})
        warehouse.publish_layer(what, (), lambda rows: [])


def places(made: Proxy, *patterns: str) -> list[int]:
    """Where the first statement of each pattern stands in what was sent."""
    found = []
    for pattern in patterns:
        there = [n for n, sql in enumerate(made.statements) if re.search(pattern, sql)]
        assert there, (pattern, made.statements)
        found.append(there[0])
    return found


PROTECTED = (
    r"ALTER TABLE silver\.\"PEOPLE\" MODIFY COLUMN \"EMAIL\" SET TAG \w+\.ops\.pii = 'email'",
    r"ALTER TABLE silver\.\"PEOPLE\" ADD ROW ACCESS POLICY \w+\.ops\.rows_of_teams ON \(\"TEAM\"\)",
    r"GRANT SELECT ON TABLE silver\.\"PEOPLE\" TO ROLE READER",
    "^BEGIN$", r"^INSERT OVERWRITE INTO silver\.\"PEOPLE\"",
)  # fmt: skip


def test_a_new_table_is_empty_until_it_is_protected(said: tuple[Proxy, Settings]) -> None:
    made, settings = said
    other_role = settings.model_copy(update={"snowflake_pii_role": "Auditor"})  # for which there are no masks yet
    publish(other_role, "SELECT 1 AS id, 'a@b.c' AS email, 'delivery' AS team")
    order = places(
        made, r"CREATE TABLE silver\.\"PEOPLE\" AS SELECT .* LIMIT 0", "^CREATE TAG", "CREATE MASKING POLICY",
        r"ALTER TAG \w+\.ops\.pii SET MASKING POLICY", *PROTECTED,
    )  # fmt: skip
    assert order == sorted(order)
    assert [s for s in made.statements if "mask_VARCHAR_but_for_AUDITOR_" in s and "is_role_in_session('FLOWS')" in s]
    within = made.statements[order[-2] : made.statements.index("COMMIT")]
    assert not [s for s in within if re.match(r"CREATE|ALTER|GRANT|DROP", s)]
    for statement in (s for s in made.statements if re.search(LACKING, s)):
        head, arrow, body = statement.partition(" -> ")
        assert isinstance(sqlglot.parse_one(head, read="snowflake"), exp.Create | exp.Alter | exp.Grant | exp.Command)
        assert not (arrow and isinstance(sqlglot.parse_one(body, read="snowflake"), exp.Command)), body


def test_a_table_that_is_made_anew_is_protected_where_no_reader_is(said: tuple[Proxy, Settings]) -> None:
    made, settings = said
    publish(settings, "SELECT 1 AS id, 'a@b.c' AS email, 'delivery' AS team")
    made.statements.clear()
    publish(settings, "SELECT 1 AS id, CAST('2026-01-01' AS DATE) AS email, 'delivery' AS team")
    order = places(
        made, r"CREATE OR REPLACE TABLE silver__audit\.\"PEOPLE\$MADE\" AS",
        r"ALTER TABLE silver__audit\.\"PEOPLE\$MADE\" MODIFY COLUMN \"EMAIL\" SET TAG",
        r"ALTER TABLE silver__audit\.\"PEOPLE\$MADE\" ADD ROW ACCESS POLICY",
        r"^CREATE OR REPLACE TABLE silver\.\"PEOPLE\" CLONE silver__audit\.\"PEOPLE\$MADE\" COPY GRANTS$", *PROTECTED,
    )  # fmt: skip
    assert order == sorted(order)
    assert not [s for s in made.statements if re.match(r"CREATE.* TABLE silver\.", s) and "CLONE" not in s]


def test_rows_are_shown_by_another_column_in_one_statement_and_a_column_that_cannot_go_stays(
    said: tuple[Proxy, Settings], caplog: pytest.LogCaptureFixture
) -> None:
    made, settings = said
    publish(settings, "SELECT 1 AS id, 'a@b.c' AS email, 'delivery' AS team, 1 AS former")
    made.statements.clear()
    of_id = rows_of({"ref_arg_column_names": "text"}, [['[ "ID" ]']])
    made.faults.insert(0, Fault("policy_references", lambda s: s.answer(200, of_id)))
    made.refuse("DROP COLUMN", "002551", "42601", "Cannot drop column 'FORMER' of a clustering key")
    publish(settings, "SELECT 1 AS id, 'a@b.c' AS email, 'delivery' AS team")
    [policy] = [s for s in made.statements if "ADD ROW ACCESS POLICY" in s]
    named = rf"{settings.snowflake_database}\.ops\.rows_of_teams"
    assert re.search(rf'"PEOPLE" DROP ROW ACCESS POLICY {named}, ADD ROW ACCESS POLICY {named} ON \("TEAM"\)$', policy)
    assert "its former column former stays" in caplog.text


def test_a_new_column_is_masked_while_it_is_empty(said: tuple[Proxy, Settings]) -> None:
    made, settings = said
    publish(settings, "SELECT 1 AS id, 'delivery' AS team")
    assert not [s for s in made.statements if "SET TAG" in s]
    made.statements.clear()
    publish(settings, "SELECT 1 AS id, 'delivery' AS team, 'a@b.c' AS email")
    order = places(made, r"ALTER TABLE silver\.\"PEOPLE\" ADD COLUMN \"EMAIL\"", *PROTECTED)
    assert order == sorted(order)


def test_a_view_of_bronze_is_made_with_its_tags_those_of_an_older_type_too(said: tuple[Proxy, Settings]) -> None:
    made, settings = said
    load = StreamLoad("crm", StreamSpec(name="people", table="public.people"), BATCH, ())
    with open_warehouse(settings) as warehouse:
        warehouse.ledger.touch("crm", ["people"])
        shape = [ColumnSpec("id", "BIGINT"), ColumnSpec("email", "BIGINT"), ColumnSpec("email__varchar", "VARCHAR")]
        warehouse.ledger.set_stream_schema("crm", "people", shape)
        warehouse.show(load, DECLARED)
    [view] = [s for s in made.statements if s.startswith("CREATE OR REPLACE VIEW")]
    tag = f"WITH TAG ({settings.snowflake_database}.ops.pii = 'email')"
    assert f'bronze."CRM__PEOPLE" ("ID", "EMAIL" {tag}, "EMAIL__VARCHAR" {tag}, "_LOAD_ID", ' in view
    assert "COPY GRANTS" not in view, "it gets the future grants of its schema, the loader's ownership among them"
    assert isinstance(sqlglot.parse_one(view, read="snowflake"), exp.Create)


def test_a_view_is_made_anew_when_it_lacks_a_tag_of_today(said: tuple[Proxy, Settings]) -> None:
    made, settings = said
    load = StreamLoad("crm", StreamSpec(name="staff", table="public.staff"), BATCH, ())

    def made_by(declared: Protection) -> list[str]:
        made.statements.clear()
        warehouse.show(load, declared)
        return [s for s in made.statements if s.startswith("CREATE OR REPLACE VIEW")]

    with open_warehouse(settings) as warehouse:
        warehouse.execute(
            'CREATE TABLE bronze__loads."crm__staff" (email text, _load_id text, _source_position text, '
            "_extracted_at timestamp_tz, _row_hash text)"
        )
        warehouse.ledger.touch("crm", ["staff"])
        warehouse.ledger.set_stream_schema("crm", "staff", [ColumnSpec("email", "VARCHAR")])
        assert "WITH TAG" not in made_by(OPEN)[0]
        assert not made_by(OPEN)
        assert "WITH TAG" in made_by(DECLARED)[0]
        tagged = rows_of({"column_name": "text", "tag_value": "text"}, [["email", "email"]])
        made.faults.insert(0, Fault("tag_references", lambda s: s.answer(200, tagged)))
        assert not made_by(DECLARED)


def test_a_table_is_clustered_once(said: tuple[Proxy, Settings]) -> None:
    made, settings = said
    shown = rows_of({"name": "text", "cluster_by": "text"}, [["PEOPLEX", ""], ["PEOPLE", "LINEAR(ID)"]])
    publish(settings, "SELECT 1 AS id, 'a' AS email, 'b' AS team")
    assert [s for s in made.statements if "CLUSTER BY" in s]
    made.statements.clear()
    made.faults.insert(0, Fault("SHOW TABLES LIKE", lambda s: s.answer(200, shown)))
    publish(settings, "SELECT 2 AS id, 'a' AS email, 'b' AS team")
    assert not [s for s in made.statements if "CLUSTER BY" in s]


def test_without_a_role_that_sees_them_nothing_is_masked(said: tuple[Proxy, Settings]) -> None:
    made, settings = said
    publish(settings.model_copy(update={"snowflake_pii_role": None}), "SELECT 1 AS id, 'a' AS email, 'b' AS team")
    assert not [s for s in made.statements if re.search("POLICY|TAG ", s)]
    assert [s for s in made.statements if s.startswith("GRANT SELECT")]
