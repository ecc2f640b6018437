"""Column edges as a person reads them, of SQL that DuckDB and Snowflake read alike.

SQL, direct edges, indirect edges: {output column: sources}, over the tables of `SCHEMA`.
"""

from __future__ import annotations

SCHEMA = {
    "t": {"id": "int", "a": "int", "b": "int", "xs": "int[]", "s": "struct(f int)"},
    "u": {"id": "int", "b": "int", "c": "int"},
    "Mixed": {"Rate": "int", "NAME": "text"},
}
Truth = tuple[str, dict[str, str], dict[str, str]]

BOTH: dict[str, Truth] = {
    "renamed": ("select a as x, b from t", {"x": "t.a", "b": "t.b"}, {}),
    "unknown table": ("select a from nowhere", {"a": "nowhere.a"}, {}),
    "star of an unknown table": ("select * from nowhere", {}, {}),
    "star": ("select * from u", {"id": "u.id", "b": "u.b", "c": "u.c"}, {}),
    "star exclude replace": ("select * exclude (id) replace (b + c as b) from u", {"b": "u.b u.c", "c": "u.c"}, {}),
    "star rename": ("select * rename (c as d) from u", {"id": "u.id", "b": "u.b", "d": "u.c"}, {}),
    "star of one side": (
        "select u.* from t join u on t.id = u.id",
        {"id": "u.id", "b": "u.b", "c": "u.c"}, {"id": "t.id", "b": "t.id u.id", "c": "t.id u.id"}),
    "expression": ("select a + coalesce(b, 0) as x from t", {"x": "t.a t.b"}, {}),
    "constants": ("select 1 as one, 'x' as x, current_date as d, null as n from t", {}, {}),
    "lateral alias": ("select a as x, x + b as y from t", {"x": "t.a", "y": "t.a t.b"}, {}),
    "an alias does not hide a column": ("select a as b, b + 1 as d from t", {"b": "t.a", "d": "t.b"}, {}),
    "where only": ("select a from t where b > 1", {"a": "t.a"}, {"a": "t.b"}),
    "where on what is selected": ("select a from t where a > 1", {"a": "t.a"}, {}),
    "where on an alias of the same name": ("select a as b from t where b > 1", {"b": "t.a"}, {"b": "t.b"}),
    "case": ("select case when a > 1 then b else 0 end as x from t", {"x": "t.a t.b"}, {}),
    "cte": ("with c as (select a as x from t) select x as y from c", {"y": "t.a"}, {}),
    "chain of ctes": (
        "with c as (select a, b from t where id = 1), d as (select a + b as n from c) select n from d",
        {"n": "t.a t.b"}, {"n": "t.id"}),
    "star through ctes": (
        "with c as (select * from u), d as (select *, c * 2 as twice from c) select * from d",
        {"id": "u.id", "b": "u.b", "c": "u.c", "twice": "u.c"}, {}),
    "cte unused": ("with c as (select c from u) select a from t", {"a": "t.a"}, {}),
    "cte named as its table": ("with t as (select a, b as k from t) select k from t", {"k": "t.b"}, {}),
    "cte with column names": ("with c(p, q) as (select a, b from t) select q from c", {"q": "t.b"}, {}),
    "recursive cte": (
        "with recursive r(n, p) as (select id, a from t union all select r.n + 1, u.c from r join u on r.n "
        "= u.id) select n, p from r",
        {"n": "t.id", "p": "t.a u.c"}, {"n": "u.id", "p": "t.id u.id"}),
    "union all": ("select a as x from t union all select c from u where id > 0", {"x": "t.a u.c"}, {"x": "u.id"}),
    "union goes by position": (
        "select a, b from t union select b as a, c from u",
        {"a": "t.a u.b", "b": "t.b u.c"}, {}),
    "except": ("select a from t except select c from u", {"a": "t.a"}, {"a": "u.c"}),
    "intersect": (
        "select a, b from t intersect select b, c from u",
        {"a": "t.a", "b": "t.b"}, {"a": "t.b u.b u.c", "b": "t.a u.b u.c"}),
    "join on": (
        "select t.a, u.c from t left join u on t.id = u.id",
        {"a": "t.a", "c": "u.c"}, {"a": "t.id u.id", "c": "t.id u.id"}),
    "join using takes the left value": (
        "select id, c from t join u using (id)",
        {"id": "t.id", "c": "u.c"}, {"id": "u.id", "c": "t.id u.id"}),
    "right join using takes the right value": (
        "select id from t right join u using (id)",
        {"id": "u.id"}, {"id": "t.id"}),
    "full join using takes both": ("select id from t full join u using (id)", {"id": "t.id u.id"}, {}),
    "an own coalesce keeps both": (
        "select coalesce(t.id, u.id) as id from t left join u on t.b = u.b",
        {"id": "t.id u.id"}, {"id": "t.b u.b"}),
    "cross join": ("select t.a, u.c from t, u", {"a": "t.a", "c": "u.c"}, {}),
    "self join": (
        "select x.a, y.b from t as x join t as y on x.id = y.id",
        {"a": "t.a", "b": "t.b"}, {"a": "t.id", "b": "t.id"}),
    "join of a filtered cte": (
        "with k as (select id from u where c > 1) select t.a from t join k on k.id = t.id",
        {"a": "t.a"}, {"a": "t.id u.id u.c"}),
    "aggregate": (
        "select a, sum(b) as n, count(*) as m from t group by a having max(id) > 1 order by n",
        {"a": "t.a", "n": "t.b"}, {"a": "t.id t.b", "n": "t.a t.id", "m": "t.a t.b t.id"}),
    "group by position": ("select a, count(b) as n from t group by 1", {"a": "t.a", "n": "t.b"}, {"n": "t.a"}),
    "group by all": ("select a, sum(b) as n from t group by all", {"a": "t.a", "n": "t.b"}, {"n": "t.a"}),
    "distinct": ("select distinct a, b from t", {"a": "t.a", "b": "t.b"}, {}),
    "window": (
        "select sum(a) over (partition by id order by b) as n, id from t",
        {"n": "t.a", "id": "t.id"}, {"n": "t.id t.b"}),
    "window without arguments": (
        "select a, row_number() over (partition by id order by b desc) as n from t",
        {"a": "t.a"}, {"n": "t.id t.b"}),
    "qualify": (
        "select a from t qualify row_number() over (partition by id order by b) = 1",
        {"a": "t.a"}, {"a": "t.id t.b"}),
    "newest row by cte": (
        "with r as (select *, row_number() over (partition by id order by b) as n from u) select c from r "
        "where n = 1",
        {"c": "u.c"}, {"c": "u.id u.b"}),
    "subquery in from": ("select x.n from (select a + b as n from t) as x", {"n": "t.a t.b"}, {}),
    "subquery with column names": ("select x.q from (select a, b from t) as x(p, q)", {"q": "t.b"}, {}),
    "scalar subquery": ("select a, (select max(c) from u) as m from t", {"a": "t.a", "m": "u.c"}, {}),
    "correlated subquery": (
        "select (select max(u.c) from u where u.id = t.id) as m from t",
        {"m": "u.c"}, {"m": "u.id t.id"}),
    "exists": ("select a from t where exists (select 1 from u where u.id = t.id)", {"a": "t.a"}, {"a": "u.id t.id"}),
    "in subquery": (
        "select a from t where id in (select id from u where c > 0)",
        {"a": "t.a"}, {"a": "t.id u.id u.c"}),
    "in as a value": ("select a in (select c from u) as f from t", {"f": "t.a u.c"}, {}),
    "lateral subquery": (
        "select t.a, v.m from t, lateral (select max(c) as m from u where u.id = t.id) as v",
        {"a": "t.a", "m": "u.c"}, {"a": "u.id t.id", "m": "u.id t.id"}),
    "values": (
        "select v.p, t.a from t join (values (1, 2)) as v(p, q) on v.p = t.id",
        {"a": "t.a"}, {"p": "t.id", "a": "t.id"}),
    "pivot": (
        "select * from (select id, a, b from t) pivot (sum(a) for b in (1, 2))",
        {"id": "t.id", "1": "t.a", "2": "t.a"}, {"id": "t.b", "1": "t.b t.id", "2": "t.b t.id"}),
    "unpivot": ("select id, v from u unpivot (v for k in (b, c))", {"id": "u.id", "v": "u.b u.c"}, {}),
    "order with a limit": ("select a from t order by b limit 3", {"a": "t.a"}, {"a": "t.b"}),
    "brackets around a join": (
        "select a, c from (t join u on t.id = u.id)",
        {"a": "t.a", "c": "u.c"}, {"a": "t.id u.id", "c": "t.id u.id"}),
    "create table as": ("create table s.x as select a from t", {"s.x.a": "t.a"}, {}),
    "insert with columns": ("insert into s.x (p) select a from t", {"s.x.p": "t.a"}, {}),
}  # fmt: skip
"""The kinds of clauses, one by one."""
