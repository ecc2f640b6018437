"""The data that all are measured on: made by DuckDB from a seed, of a chosen size, and kept in a scratch folder.

Text as exports have it: quotes, commas and line ends within values, unicode, decimals, nested values. The same size and
seed give the same bytes. What is in Postgres, and the documents, are in `stores.py`.
"""

from __future__ import annotations

from pathlib import Path

SEED = 7
_WORDS = (
    "brand campaign layout concept revision budget deadline packshot storyboard handover review proof print "
    "translation café Müller señal brief pitch animation wireframe"
).split()
_COMMENTS = (
    "Great to work with", "Asked for a discount, declined", 'Wants the "blue" version', "Second round of feedback",
    "Pays late; remind in week 2", "Résumé of the workshop attached", "Scope grew,\nsee thread", "N/A", "",
)  # fmt: skip
_BYTES = {"csv": 216, "ndjson": 426, "xml": 780, "postgres": 200, "parquet": 60}
"""Of a record, about."""
_COLUMNS = """
  format('${:,}', {n} % 900000) AS revenue, {service} AS service, {comment} AS comments,
  lpad(({n} % 40000)::VARCHAR, 8, '0') AS customer_id, 'PR-' || ({n} % 900000) AS project_ref,
  format('P{:08d}', i) AS project_id, (({n} % 90000000) / 100)::DECIMAL(12,2)::VARCHAR AS revenue_usd,
  {word1} AS sub_service, format('E{:010d}', i) AS engagementid, {kind} AS service_type,
  {word2} || ' ' || {word3} || ' GmbH ' || ({n} % 40000) AS customer_name, ({n} % 9000) || ' k' AS client_revenue,
  '~' || ({n} % 5000) AS employee_count, strftime(DATE '2019-01-01' + ({n} % 2500)::INTEGER, '%d-%m-%Y')
  AS engagement_date, {kind} AS engagement_type, {word4} || ' ' || {word1} AS detailed_sub_service,
  md5(i::VARCHAR) AS engagement_reference
"""
_NDJSON = """
  format('{{"event_id":"E{:010d}","sequence":{},"event_type":"{}","occurred_at":"{}Z","customer_id":"{:05d}",',
    i, 9007199254740993 + i, {kind},
    strftime(TIMESTAMP '2026-01-01' + to_milliseconds(i * 1373), '%Y-%m-%dT%H:%M:%S.%g'),
    {n} % 40000)
  || format('"project_id":{},"properties":{{"page":"/projects/{}","duration_ms":{},"amount":{}.{:02d},',
    if({n} % 7 = 0, 'null', '"P' || {n} % 900000 || '"'), {n} % 900000, {n} % 90000, {n} % 20000, {n} % 100)
  || format('"campaign":{{"id":"C-{:02d}","medium":"{}"}},"tags":["{}","{}"]}},"user_email":"{}@customer-{}.example",',
    {n} % 12, {word1}, {word2}, {word3}, {word4}, {n} % 40000)
  || format('"session_id":"S{:09d}","device":{{"os":"{}","model":null}}}}', i // 5, {kind})
"""
_XML = """
  format('  <Invoice number="INV-{:09d}" currency="EUR">\n    <IssuedOn>{}</IssuedOn>\n', i,
    strftime(DATE '2019-01-01' + ({n} % 2500)::INTEGER, '%Y-%m-%d'))
  || format('    <Customer id="{:06d}">{} &amp; {} GmbH</Customer>\n    <Total>{}.{:02d}</Total>\n    <Lines>\n',
    {n} % 40000, {word1}, {word2}, {n} % 90000, {n} % 100)
  || array_to_string(list_transform(range(1, 2 + ({n} % 5)::BIGINT), lambda k:
    format('      <Line no="{}"><Service>{}</Service><Quantity>{}</Quantity><UnitPrice>{}.50</UnitPrice>'
    '<Description>{} for &quot;{}&quot;, {} days</Description></Line>\n',
    k, {service}, 1 + k, {n} % 900, {word3}, {word4}, k)), '')
  || '    </Lines>\n  </Invoice>'
"""


def rows_for(kind: str, size: int) -> int:
    """Records that are about so many bytes."""
    return max(50, size // _BYTES[kind])


def filled(template: str, seed: int = SEED) -> str:
    """SQL over `i` with words and numbers that follow from i and the seed."""

    def chosen(words: tuple[str, ...] | list[str], salt: int) -> str:
        return f"{list(words)!r}[1 + (hash(i * 64 + {salt} + {seed * 1009}) % {len(words)})::INTEGER]".replace(
            "'\"", "'"
        )

    values = {
        "{n}": f"(hash(i * 64 + {seed})::UBIGINT % 1000000007)", "{comment}": _comment(seed),
        "{service}": chosen(["Branding", "Copywriting", "Design", "Photography", "Strategy", "Video", "Web"], 1),
        "{kind}": chosen(["Campaign", "Project", "Retainer", "Support"], 2),
        **{f"{{word{k}}}": chosen(_WORDS, 2 + k) for k in (1, 2, 3, 4)},
    }  # fmt: skip
    for name, sql in values.items():
        template = template.replace(name, sql)
    return template


def _comment(seed: int) -> str:
    listed = ", ".join("'" + c.replace("'", "''") + "'" for c in _COMMENTS)
    return f"[{listed}][1 + (hash(i * 64 + 9 + {seed}) % {len(_COMMENTS)})::INTEGER]"


def make(kind: str, path: Path, size: int) -> Path:
    """A file of csv, ndjson, xml or parquet of about `size` bytes, if it is not there yet; gives its path."""
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    lines = "(FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01')"
    numbers = f"FROM range({rows_for(kind, size)}) t(i)"
    import duckdb

    with duckdb.connect() as connection:
        if kind in ("csv", "parquet"):
            how = "FORMAT csv" if kind == "csv" else "FORMAT parquet, COMPRESSION zstd"
            connection.execute(f"COPY (SELECT {filled(_COLUMNS)} {numbers}) TO '{unfinished}' ({how})")
        elif kind == "ndjson":
            connection.execute(f"COPY (SELECT {filled(_NDJSON)} {numbers}) TO '{unfinished}' {lines}")
        else:
            head = """SELECT '<?xml version="1.0" encoding="UTF-8"?>' || chr(10) || '<Invoices>'"""
            body = f"SELECT {filled(_XML)} {numbers}".replace("\\n", "' || chr(10) || '")
            sql = f"{head} UNION ALL ({body}) UNION ALL SELECT '</Invoices>'"
            connection.execute(f"COPY ({sql}) TO '{unfinished}' {lines}")
    unfinished.rename(path)
    return path
