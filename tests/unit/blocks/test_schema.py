"""Schema evolution: a pure decision."""

import pytest

from blocks.sources.base import ColumnSpec
from blocks.warehouses.schema import Shape, evolve
from governance.errors import SourceError

KNOWN = [ColumnSpec("id", "INTEGER"), ColumnSpec("price", "DECIMAL(10,2)"), ColumnSpec("note", "VARCHAR")]


def incoming(policy: str = "evolve", **changes: str | None) -> Shape:
    types = {c.name: c.type for c in KNOWN} | changes
    return evolve("stream crm.t", KNOWN, [ColumnSpec(n, t) for n, t in types.items() if t], policy)


def test_the_same_shape_changes_nothing() -> None:
    shape = incoming()
    assert (shape.added, shape.widened, shape.changes) == ((), (), ())


def test_a_new_column_follows_the_policy() -> None:
    assert [c.name for c in incoming(extra="DATE").added] == ["extra"]
    for policy in ("freeze", "discard"):
        shape = incoming(policy, extra="DATE")
        assert (list(shape.extra), list(shape.added)) == (["extra"], [])


@pytest.mark.parametrize(("column", "type_"), [("id", "BIGINT"), ("price", "DECIMAL(12,2)")])
def test_a_wider_type_widens_in_place(column: str, type_: str) -> None:
    assert [(c.name, c.type) for c in incoming(**{column: type_}).widened] == [(column, type_)]


def test_a_narrower_type_fits_as_it_is() -> None:
    shape = incoming(price="DECIMAL(8,2)")
    assert (list(shape.widened), list(shape.added)) == ([], [])


def test_a_type_that_cannot_be_widened_in_place_gets_a_column_of_its_own() -> None:
    shape = incoming(id="DOUBLE")
    assert [c.name for c in shape.added] == ["id__double"]
    assert shape.source_of["id__double"] == "id"
    assert incoming("freeze", id="DOUBLE").extra == ("id",)
    with pytest.raises(SourceError, match="id changed from INTEGER to DOUBLE"):  # its values are not to be dropped
        incoming("discard", id="DOUBLE")


@pytest.mark.parametrize("policy", ["evolve", "freeze", "discard"])
@pytest.mark.parametrize(("column", "type_", "said"), [("note", None, "vanished"), ("note", "DATE", "changed")])
def test_a_column_that_vanished_or_changed_stops_the_stream(
    policy: str, column: str, type_: str | None, said: str
) -> None:
    with pytest.raises(SourceError, match=said) as caught:
        incoming(policy, **{column: type_})
    assert caught.value.what == "stream crm.t" and "restore it" in caught.value.remedy


def test_an_optional_column_may_be_absent_but_not_change() -> None:
    note = [ColumnSpec("note", "VARCHAR")]
    shape = evolve("stream drops.e", KNOWN, note, "freeze", optional=True)
    assert [c.name for c in shape.columns] == ["id", "price", "note"]
    assert (shape.source_of, shape.changes) == ({"note": "note"}, ())
    with pytest.raises(SourceError, match="vanished"):
        evolve("stream drops.e", KNOWN, note, "evolve")
    with pytest.raises(SourceError, match="changed"):
        evolve("stream drops.e", KNOWN, [ColumnSpec("note", "DATE")], "evolve", optional=True)


def test_text_that_becomes_nested_gets_a_column_of_its_own_once() -> None:
    nested = [ColumnSpec("note", "JSON")]
    shape = evolve("stream drops.e", KNOWN, nested, "evolve", optional=True)
    assert [(c.name, c.type) for c in shape.added] == [("note__json", "JSON")]
    assert (shape.source_of, shape.parted) == ({"note": "note", "note__json": "note"}, ("note",))
    again = evolve("stream drops.e", shape.columns, nested, "evolve", optional=True)
    assert (list(again.added), again.source_of) == ([], {"note": "note", "note__json": "note"})
    back = evolve("stream drops.e", shape.columns, [ColumnSpec("note", "VARCHAR")], "evolve", optional=True)
    assert (list(back.added), back.source_of, back.parted) == ([], {"note": "note"}, ())
    shape = evolve("stream drops.e", KNOWN, nested, "freeze", optional=True)
    assert (list(shape.added), shape.extra, shape.source_of) == ([], ("note",), {"note": "note"})
    with pytest.raises(SourceError, match="column note changed from VARCHAR to JSON"):
        evolve("stream drops.e", KNOWN, nested, "discard", optional=True)


def test_a_column_beside_another_is_not_one_of_the_source() -> None:
    made = [ColumnSpec("n", "VARCHAR"), ColumnSpec("n__json", "VARCHAR")]
    with pytest.raises(SourceError, match="n__json, which is a column of its own"):
        evolve("stream drops.e", made, [ColumnSpec("n", "JSON"), ColumnSpec("n__json", "VARCHAR")], "evolve")
    with pytest.raises(SourceError, match="n__json, which is a column of its own"):
        evolve("stream drops.e", made, [ColumnSpec("n", "JSON")], "evolve", optional=True)
    euros = [ColumnSpec("price", "VARCHAR"), ColumnSpec("price__eur_", "VARCHAR")]
    with pytest.raises(SourceError, match="price__eur_ vanished"):
        evolve("stream drops.e", euros, euros[:1], "evolve")


def test_a_decimal_of_more_places_gets_a_column_of_its_own() -> None:
    shape = evolve("stream drops.e", [ColumnSpec("d", "DECIMAL(5,2)")], [ColumnSpec("d", "DECIMAL(20,5)")], "evolve")
    assert [(c.name, c.type) for c in shape.added] == [("d__decimal_20_5", "DECIMAL(20,5)")]
    assert shape.source_of == {"d__decimal_20_5": "d"}
    assert evolve("stream drops.e", shape.columns, [ColumnSpec("d", "DECIMAL(5,2)")], "evolve").source_of == {"d": "d"}


def test_the_remedy_names_the_stream_of_a_child_table() -> None:
    with pytest.raises(SourceError) as caught:
        evolve("stream crm.t__lines", KNOWN, [ColumnSpec("other", "VARCHAR")], "evolve")
    assert "`hallmark stream accept crm.t`" in caught.value.remedy
