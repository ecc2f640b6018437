"""Keys and required columns of datasets, as the declared tests say them. Pure.

A column that is unique and never NULL is the primary key, where none before it is; a test with a filter, or one that
does not block, declares nothing of the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from governance.declared_tests import DeclaredTest
from governance.model import Dataset, ForeignKey


def with_constraints(datasets: Iterable[Dataset], tests: Sequence[DeclaredTest]) -> tuple[Dataset, ...]:
    """The datasets with what their tests promise of their columns."""
    whole = [t for t in tests if t.column and t.severity == "critical" and "where" not in t.kwargs]
    return tuple(_with(d, [t for t in whole if t.dataset == d.name]) for d in datasets)


def _with(dataset: Dataset, tests: Sequence[DeclaredTest]) -> Dataset:
    required = [t.column for t in tests if t.type == "not_null" and t.column]
    unique = [c.name for c in dataset.columns if any(t.type == "unique" and t.column == c.name for t in tests)]
    key = dataset.primary_key or tuple(c for c in unique if c in required)[:1]
    foreign = [
        ForeignKey(column=t.column, dataset=str(t.kwargs["to"]), referred=str(t.kwargs["field"]).lower())
        for t in tests
        if t.type == "relationships" and t.column and "." in str(t.kwargs.get("to", "")) and t.kwargs.get("field")
    ]
    return dataset.model_copy(
        update={
            "primary_key": key,
            "unique": tuple(c for c in unique if (c,) != key),
            "required": tuple(c for c in dict.fromkeys(required) if (c,) != key),
            "foreign_keys": tuple(foreign),
        }
    )
