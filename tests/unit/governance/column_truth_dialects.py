"""Column edges as a person reads them, of what only one of the two dialects has.

SQL, direct edges, indirect edges: {output column: sources}, over the tables of `SCHEMA`.
"""

from __future__ import annotations

from tests.unit.governance.column_truth import Truth

DUCKDB: dict[str, Truth] = {
    "from first": ("from u select c", {"c": "u.c"}, {}),
    "union by name": (
        "select a, b from t union all by name select b, c from u",
        {"a": "t.a", "b": "t.b u.b", "c": "u.c"}, {}),
    "semi join": ("select a from t semi join u on t.id = u.id", {"a": "t.a"}, {"a": "t.id u.id"}),
    "aggregate with a filter": ("select sum(a) filter (where b > 1) as n from t", {"n": "t.a"}, {"n": "t.b"}),
    "ordered aggregate": ("select string_agg(a, ',' order by b) as l from t", {"l": "t.a"}, {"l": "t.b"}),
    "distinct on": ("select distinct on (a) b from t", {"b": "t.b"}, {"b": "t.a"}),
    "named window": (
        "select lag(a) over w as n from t window w as (partition by id order by b)",
        {"n": "t.a"}, {"n": "t.id t.b"}),
    "unnest": ("select a, x from t, unnest(xs) as k(x)", {"a": "t.a", "x": "t.xs"}, {}),
    "unnest as a value": ("select unnest(xs) as x from t", {"x": "t.xs"}, {}),
    "struct field": ("select s.f as g, t.s.f as h from t", {"g": "t.s", "h": "t.s"}, {}),
    "lambda": ("select list_transform(xs, x -> x + a) as l from t", {"l": "t.xs t.a"}, {}),
    "table function": (
        "select g.i, t.a from range(5) as g(i) join t on t.id = g.i",
        {"a": "t.a"}, {"i": "t.id", "a": "t.id"}),
    "quoted case": (
        'select "RATE" as "MyRate", name from "mixed"',
        {"myrate": "mixed.rate", "name": "mixed.name"}, {}),
    "whole row": ("select u as r from u", {"r": "u.id u.b u.c"}, {}),
    "an expression in order by reads the column": (
        "select id, a as b from t order by b + 0 limit 1",
        {"id": "t.id", "b": "t.a"}, {"id": "t.b", "b": "t.b"}),
    "a case over quoted names": (
        "select case when \"NAME\" = 'x' then \"Rate\" else 0 end as \"Out\" from \"Mixed\" where \"rate\" > 1",
        {"out": "mixed.name mixed.rate"}, {}),
    "a list comprehension": ("select [x + b for x in xs if x > a] as l from t", {"l": "t.xs t.a t.b"}, {}),
    "a lateral query that unnests": (
        "select t.a, k.x from t, lateral (select unnest(t.xs) as x) as k",
        {"a": "t.a", "x": "t.xs"}, {}),
    "a cross join of a lateral query": (
        "select t.a, v.x from t cross join lateral (select u.c + t.b as x from u where u.id = t.id) as v",
        {"a": "t.a", "x": "u.c t.b"}, {"a": "u.id t.id", "x": "u.id t.id"}),
    "unnest of a table's alias": (
        "select x from t as p cross join unnest(p.xs) as k(x) where x > 1",
        {"x": "t.xs"}, {}),
    "unnest with ordinality": (
        "select a, k.x, k.n from t, unnest(xs) with ordinality as k(x, n)",
        {"a": "t.a", "x": "t.xs", "n": "t.xs"}, {}),
    "unnest within a subquery": (
        "select id, (select sum(x) from unnest(t.xs) as k(x)) as n from t",
        {"id": "t.id", "n": "t.xs"}, {}),
    "values name their columns": (
        "select v.col0 as x, t.a from t join (values (1), (2)) as v on v.col0 = t.id",
        {"a": "t.a"}, {"x": "t.id", "a": "t.id"}),
    "an asof join": (
        "select t.a, u.c from t asof join u on t.id = u.id and t.b >= u.b",
        {"a": "t.a", "c": "u.c"}, {"a": "t.id u.id t.b u.b", "c": "t.id u.id t.b u.b"}),
    "a count with a filter": ("select count(*) filter (where a > 1) as n from t", {}, {"n": "t.a"}),
    "structs and lists": ("select {'k': a, 'v': b} as m, [a, b] as l from t", {"m": "t.a t.b", "l": "t.a t.b"}, {}),
    "distinct on an alias": ("select distinct on (b) id as b from t", {"b": "t.id"}, {}),
    "an anti join": ("select a from t anti join u using (id)", {"a": "t.a"}, {"a": "t.id u.id"}),
}  # fmt: skip
"""Only DuckDB reads these."""
SNOWFLAKE: dict[str, Truth] = {
    "names fold": ('select Rate as "rate", "Rate" as r2 from MIXED', {"rate": "mixed.rate", "r2": "mixed.rate"}, {}),
    "flatten": (
        "select t.id, f.value as v from t, lateral flatten(input => t.xs) as f",
        {"id": "t.id", "v": "t.xs"}, {}),
    "within group": (
        "select listagg(a, ',') within group (order by b) as l, percentile_cont(0.5) within group (order by "
        "b) as p from t",
        {"l": "t.a", "p": "t.b"}, {"l": "t.b"}),
    "qualify": (
        "select a from t qualify row_number() over (partition by id order by b) = 1",
        {"a": "t.a"}, {"a": "t.id t.b"}),
    "iff and cast": ("select iff(a > 1, b, 0)::number(38, 2) as x from t", {"x": "t.a t.b"}, {}),
    "quoted case": (
        "select case when \"NAME\" = 'x' then \"RATE\" else 0 end as \"Out\" from \"MIXED\" where rate > 1",
        {"out": "mixed.name mixed.rate"}, {}),
    "flatten a path": (
        "select t.id, f.value:name::string as n, f.index as i from t, lateral flatten(input => t.s:items, "
        "outer => true) as f",
        {"id": "t.id", "n": "t.s", "i": "t.s"}, {}),
    "flatten what is flattened": (
        "select g.value as v from t, lateral flatten(input => t.xs) as f, lateral flatten(input => "
        "f.value:ys) as g",
        {"v": "t.xs"}, {}),
    "flatten as a table": (
        "select f.value as v from t, table(flatten(input => t.xs)) as f where f.index > 0",
        {"v": "t.xs"}, {}),
    "a star over flatten": (
        "select f.* exclude (seq, key, path, this) from t, lateral flatten(input => t.xs) as f",
        {"index": "t.xs", "value": "t.xs"}, {}),
    "split to a table": (
        "select k.value as v from t, lateral split_to_table(t.a, ',') as k where t.b > 1",
        {"v": "t.a"}, {"v": "t.b"}),
    "a path": ("select s:f.g::string as x, s['k']::int as y from t", {"x": "t.s", "y": "t.s"}, {}),
    "functions of its own": (
        "select zeroifnull(id) as y, nvl(a, b) as z, dateadd(day, b, a) as d, try_to_number(a::varchar) as "
        "n from t",
        {"y": "t.id", "z": "t.a t.b", "d": "t.a t.b", "n": "t.a"}, {}),
    "objects": (
        "select object_construct('k', a, 'v', b) as o, array_agg(a) within group (order by b) as l from t",
        {"o": "t.a t.b", "l": "t.a"}, {"l": "t.b"}),
    "connect by": (
        "select id, a from t start with b is null connect by prior id = b",
        {"id": "t.id", "a": "t.a"}, {"id": "t.b", "a": "t.id t.b"}),
    "minus": ("select a from t minus select c from u", {"a": "t.a"}, {"a": "u.c"}),
    "values name their columns": (
        "select v.column1 as x, t.a from t join (values (1), (2)) as v on v.column1 = t.id",
        {"a": "t.a"}, {"x": "t.id", "a": "t.id"}),
    "a lateral query": (
        "select t.a, v.m from t, lateral (select max(u.c) as m from u where u.id = t.id) as v",
        {"a": "t.a", "m": "u.c"}, {"a": "u.id t.id", "m": "u.id t.id"}),
    "a generator": ("select seq4() as n from table(generator(rowcount => 3))", {}, {}),
}  # fmt: skip
"""Only Snowflake reads these."""
