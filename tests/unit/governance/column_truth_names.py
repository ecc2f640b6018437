"""Column edges as a person reads them, where names and rows are harder to follow; both dialects.

SQL, direct edges, indirect edges: {output column: sources}, over the tables of `SCHEMA`.
"""

from __future__ import annotations

from tests.unit.governance.column_truth import Truth

HARDER: dict[str, Truth] = {
    "a column goes before its alias in having": (
        "select id, sum(a) as b from t group by id, b having b > 6",
        {"id": "t.id", "b": "t.a"}, {"id": "t.b", "b": "t.id t.b"}),
    "an aggregate in having reads the column": (
        "select sum(a) as b from t group by id having max(b) > 8",
        {"b": "t.a"}, {"b": "t.id t.b"}),
    "an alias in having": (
        "select a, sum(b) as n from t group by a having n > 1",
        {"a": "t.a", "n": "t.b"}, {"a": "t.b", "n": "t.a"}),
    "a column goes before its alias in qualify": (
        "select id, row_number() over (order by a) as b from t qualify b = 5",
        {"id": "t.id"}, {"id": "t.b", "b": "t.a t.b"}),
    "an alias in qualify": (
        "select id, row_number() over (partition by a order by b) as n from t qualify n = 1",
        {"id": "t.id"}, {"id": "t.a t.b", "n": "t.a t.b"}),
    "a bare order by reads the alias": (
        "select id, a as b from t order by b limit 1",
        {"id": "t.id", "b": "t.a"}, {"id": "t.a"}),
    "aliases exchange names": ("select a as b, b as a from t where a > 1", {"b": "t.a", "a": "t.b"}, {"a": "t.a"}),
    "aliases exchange names in a cte": (
        "with k as (select a as id, id as a from t) select id, a from k where id > 1",
        {"id": "t.a", "a": "t.id"}, {"a": "t.a"}),
    "a later item reads the other table's column": (
        "select t.a as c, c + 1 as d from t join u on t.id = u.id",
        {"c": "t.a", "d": "u.c"}, {"c": "t.id u.id", "d": "t.id u.id"}),
    "a window reads the column": (
        "select a + 1 as b, row_number() over (order by b) as n from t",
        {"b": "t.a"}, {"n": "t.b"}),
    "group by an alias": (
        "select lower(a) as k, sum(b) as n from t group by k",
        {"k": "t.a", "n": "t.b"}, {"n": "t.a"}),
    "where on an alias": (
        "select a * 2 as twice, b from t where twice > 2",
        {"twice": "t.a", "b": "t.b"}, {"b": "t.a"}),
    "a table's name for another": ("select t.a from (select c as a, id from u) as t", {"a": "u.c"}, {}),
    "a cte of a table's name elsewhere": ("with u as (select a as c from t) select c from u", {"c": "t.a"}, {}),
    "an inner cte hides the outer": (
        "with k as (select a from t), l as (with k as (select c as a from u) select a from k) select a from l",
        {"a": "u.c"}, {}),
    "a cte within a cte": (
        "with k as (with j as (select a from t where b = 1) select a as n from j) select n from k",
        {"n": "t.a"}, {"n": "t.b"}),
    "a cte read twice": (
        "with k as (select id, a from t) select x.a, (select max(a) from k) as m from k as x",
        {"a": "t.a", "m": "t.a"}, {}),
    "a cte filters by another": (
        "with k as (select id from u where c = 1) select a from t where id in (select id from k)",
        {"a": "t.a"}, {"a": "t.id u.id u.c"}),
    "a recursive tree": (
        "with recursive r as (select id, a as root, 0 as depth from t where b is null union all select "
        "t.id, r.root, r.depth + 1 from t join r on t.b = r.id) select id, root, depth from r",
        {"id": "t.id", "root": "t.a"}, {"id": "t.b", "root": "t.id t.b", "depth": "t.id t.b"}),
    "a recursive cte that exchanges columns": (
        "with recursive r(x, y) as (select a, b from t union all select y, x from r where x < 3) select x, "
        "y from r",
        {"x": "t.a t.b", "y": "t.a t.b"}, {}),
    "a recursive cte over another": (
        "with recursive b as (select id, c from u where c > 0), r as (select id, 1 as n from b union all "
        "select r.id, n + 1 from r where n < 3) select id, n from r",
        {"id": "u.id"}, {"id": "u.c", "n": "u.c"}),
    "a union within a cte": (
        "with k as (select a, b from t union all select c, id from u) select a as x, b as y from k where b > 0",
        {"x": "t.a u.c", "y": "t.b u.id"}, {"x": "t.b u.id"}),
    "a union of three": (
        "select a as x from t union all select b from t union all select c from u",
        {"x": "t.a t.b u.c"}, {}),
    "a union with a constant": (
        "select a as x, 'l' as side from t union all select c, 'r' from u",
        {"x": "t.a u.c"}, {}),
    "a union of a star": (
        "select id, b, a from t union all select * from u",
        {"id": "t.id u.id", "b": "t.b u.b", "a": "t.a u.c"}, {}),
    "except within a query": (
        "select a from (select a from t except select b from u) as k",
        {"a": "t.a"}, {"a": "u.b"}),
    "using over three tables": (
        "select id, t.a, u.c, w.b from t join u using (id) join t as w using (id)",
        {"id": "t.id", "a": "t.a", "c": "u.c", "b": "t.b"},
        {"id": "u.id", "a": "t.id u.id", "c": "t.id u.id", "b": "t.id u.id"}),
    "using two columns": (
        "select id, b, a, c from t join u using (id, b)",
        {"id": "t.id", "b": "t.b", "a": "t.a", "c": "u.c"},
        {"id": "u.id t.b u.b", "b": "u.b t.id u.id", "a": "t.id t.b u.id u.b", "c": "t.id t.b u.id u.b"}),
    "a star over using": (
        "select * from (select id, a from t) as x join (select id, c from u) as y using (id)",
        {"id": "t.id", "a": "t.a", "c": "u.c"}, {"id": "u.id", "a": "t.id u.id", "c": "t.id u.id"}),
    "both sides of using by name": (
        "select u.id as theirs, t.id as ours, id from t left join u using (id)",
        {"theirs": "u.id", "ours": "t.id", "id": "t.id"}, {"theirs": "t.id", "ours": "u.id", "id": "u.id"}),
    "using with a grouped query": (
        "select id, n from t join (select id, max(c) as n from u group by id) as k using (id)",
        {"id": "t.id", "n": "u.c"}, {"id": "u.id", "n": "t.id u.id"}),
    "a full join of ctes by using": (
        "with p as (select id, a from t), q as (select id, c from u) select id, a, c from p full join q "
        "using (id)",
        {"id": "t.id u.id", "a": "t.a", "c": "u.c"}, {"a": "t.id u.id", "c": "t.id u.id"}),
    "a natural join": (
        "select id, a, c from t natural join u",
        {"id": "t.id", "a": "t.a", "c": "u.c"},
        {"id": "u.id t.b u.b", "a": "t.id u.id t.b u.b", "c": "t.id u.id t.b u.b"}),
    "a star over a natural join": (
        "with k as (select id, c from u) select * from (select id, a from t) as x natural join k",
        {"id": "t.id", "a": "t.a", "c": "u.c"}, {"id": "u.id", "a": "t.id u.id", "c": "t.id u.id"}),
    "a self join over different columns": (
        "select x.a as mine, y.b as theirs from t as x join t as y on x.id = y.a where y.id > 0",
        {"mine": "t.a", "theirs": "t.b"}, {"mine": "t.id", "theirs": "t.a t.id"}),
    "a self join of a cte": (
        "with k as (select id, a + b as n from t) select p.n as p, q.n as q from k as p join k as q on p.id "
        "= q.id",
        {"p": "t.a t.b", "q": "t.a t.b"}, {"p": "t.id", "q": "t.id"}),
    "a join that only filters": (
        "select t.a from t join (select id, max(c) as c from u group by id) as k on k.id = t.id",
        {"a": "t.a"}, {"a": "t.id u.id"}),
    "a join on a subquery": (
        "select t.a from t join u on t.id = u.id and u.c > (select avg(b) from t as s)",
        {"a": "t.a"}, {"a": "t.id u.id u.c t.b"}),
    "a star beside a column": (
        "select x.*, u.c as extra from (select a from t) as x join u on x.a = u.id",
        {"a": "t.a", "extra": "u.c"}, {"a": "u.id", "extra": "t.a u.id"}),
    "stars of two sides": (
        "select x.*, y.* from (select a from t) as x cross join (select c from u) as y",
        {"a": "t.a", "c": "u.c"}, {}),
    "a window frame": (
        "select avg(a) over (order by b rows between 2 preceding and current row) as n from t",
        {"n": "t.a"}, {"n": "t.b"}),
    "a window over an aggregate": (
        "select id, sum(sum(a)) over (order by id) as n from t group by id",
        {"id": "t.id", "n": "t.a"}, {"n": "t.id"}),
    "a window with a default": (
        "select lag(t.a, 1, u.c) over (partition by t.id order by t.b) as n from t cross join u",
        {"n": "t.a u.c"}, {"n": "t.id t.b"}),
    "two windows": (
        "select sum(a) over (partition by id) / sum(b) over (order by id) as x from t",
        {"x": "t.a t.b"}, {"x": "t.id"}),
    "a window within a case": (
        "select case when row_number() over (order by a) = 1 then b end as x from t",
        {"x": "t.b"}, {"x": "t.a"}),
    "a filter by the rank of a cte": (
        "with k as (select id, a, rank() over (partition by id order by b desc) as r from t) select id, a "
        "from k where r = 1",
        {"id": "t.id", "a": "t.a"}, {"id": "t.b", "a": "t.id t.b"}),
    "a star with qualify": (
        "select * from u qualify row_number() over (partition by id order by c) = 1",
        {"id": "u.id", "b": "u.b", "c": "u.c"}, {"id": "u.c", "b": "u.id u.c", "c": "u.id"}),
    "qualify by a count": ("select a from t qualify count(*) over (partition by b) > 1", {"a": "t.a"}, {"a": "t.b"}),
    "a case with an operand": (
        "select case a when 1 then b when 2 then 0 else id end as x from t",
        {"x": "t.a t.b t.id"}, {}),
    "a case of constants": ("select case when a > 1 then 'x' else 'y' end as x from t", {"x": "t.a"}, {}),
    "cases in aggregates": (
        "select sum(case when a > 1 then b end) as n, count(case when a = 1 then 1 end) as m from t",
        {"n": "t.a t.b", "m": "t.a"}, {}),
    "a case within a case": (
        "select case when a > 1 then case when b > 1 then id end end as x from t",
        {"x": "t.a t.b t.id"}, {}),
    "a subquery in a case": (
        "select case when a in (select c from u where b = 1) then b end as x from t",
        {"x": "t.a t.b u.c"}, {"x": "u.b"}),
    "a count of a subquery": (
        "select (select count(*) from u where u.id = t.id) as n from t",
        {}, {"n": "u.id t.id"}),
    "exists as a value": ("select exists (select 1 from u where u.id = t.id) as e from t", {}, {"e": "u.id t.id"}),
    "the first row of a subquery": (
        "select a, (select u.c from u where u.b = t.b order by u.id limit 1) as m from t",
        {"a": "t.a", "m": "u.c"}, {"m": "u.b t.b u.id"}),
    "an unqualified name of the inner table": (
        "select (select max(b) from u where id = t.id) as m from t",
        {"m": "u.b"}, {"m": "u.id t.id"}),
    "an unqualified name of the outer table": (
        "select (select max(c) from u where u.id = a) as m from t",
        {"m": "u.c"}, {"m": "u.id t.a"}),
    "correlated over two levels": (
        "select (select max(c) from u where exists (select 1 from t as s where s.id = u.id and s.b = t.b)) "
        "as m from t",
        {"m": "u.c"}, {"m": "u.id t.id t.b"}),
    "a subquery in having": (
        "select a, sum(b) as n from t group by a having sum(b) > (select max(c) from u)",
        {"a": "t.a", "n": "t.b"}, {"a": "t.b u.c", "n": "t.a u.c"}),
    "not exists": (
        "select a from t where not exists (select 1 from u where u.id = t.id and u.c > 1)",
        {"a": "t.a"}, {"a": "u.id t.id u.c"}),
    "a tuple in a subquery": (
        "select a from t where (id, b) in (select id, b from u)",
        {"a": "t.a"}, {"a": "t.id t.b u.id u.b"}),
    "a group by sets": (
        "select a, b, sum(id) as n from t group by grouping sets ((a), (b))",
        {"a": "t.a", "b": "t.b", "n": "t.id"}, {"a": "t.b", "b": "t.a", "n": "t.a t.b"}),
    "a count of rows in a cte": (
        "with k as (select id, count(*) as n from t group by id) select u.c, k.n from u left join k on k.id "
        "= u.id",
        {"c": "u.c"}, {"c": "u.id t.id", "n": "u.id t.id"}),
    "an alias with spaces and capitals": (
        'with "Cte" as (select a as "My A" from t) select "My A" as "Out" from "Cte"',
        {"out": "t.a"}, {}),
}  # fmt: skip
"""Names that hide names, queries within queries, rows that others decide."""
