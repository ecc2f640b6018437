"""The text of a JSON number, kept through DuckDB's JSON functions, and what they take though it is not JSON.

DuckDB reads a number with a point or an exponent as a double and prints that. One that is too great for a double it
leaves as it is: a point is therefore written as `DOT`, by which any such number is too great, and put back after a
record was taken apart. A point within a string or a key makes the same way. What this cannot keep (exponents, -0)
is `odd`, rare, and marked number by number.
"""

from __future__ import annotations

from blocks.sources.naming import literal

DOT = ".1e9999999999"
MARK = "\\u0002#"
"""Begins a string that was an odd number, as JSON writes it."""
_DECIMAL = r"(?:-?[0-9]+(?:\.[0-9]+(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)|-0)"  # -0 loses its sign
_VALUE = rf"([:\[,]\s*)({_DECIMAL})(\s*[,}}\]])"
_TOKEN = rf'("(?:[^"\\]|\\.)*")|({_DECIMAL})'
_PUT_MARK = r'\1"\\u0002#\2"\3'
MARKED = r'"\\u0002#([^"]*)"'
_LAX = r"(?:^|[:\[,\s-])(?i:nan|inf(?:inity)?)\s*(?:[,}\]]|$)|,\s*[}\]]"
"""What DuckDB takes though it is not JSON; a string may hold the same."""
_STRING = r'"(?:[^"\\]|\\.)*"'
_ODD = r"-?(?:[0-9][0-9.]*[eE]|(?i:nan|inf))|-0\s*(?:[,}\]]|$)"
_ODD_AFTER = (rf"^\s*(?:{_ODD})", rf":\s*(?:{_ODD})", rf",\s*(?:{_ODD}|[}}\]])", rf"\[\s*(?:{_ODD})")
"""One pattern for each beginning: the engine finds a fixed first byte several times as fast as any of several."""
_ESCAPED = {r"\u002e": ".", r"\u002E": ".", r"\u0031": "1", r"\u0039": "9", r"\u0065": "e"}
"""How else the characters of DOT can be written."""


def exact(select: str, *, odd: bool = True) -> str:
    """SQL of the same rows, with `odd` and `reserved` (both false or NULL without `odd`), and `json` made exact.

    In `json` odd numbers are marked strings. It is NULL for what is not JSON, and for what is reserved: a record
    whose text holds what numbers are kept by.
    """
    if not odd:
        return f"SELECT *, false AS odd, false AS reserved FROM ({select})"
    unescaped = "json"
    for escaped, character in _ESCAPED.items():
        unescaped = f"replace({unescaped}, {literal(escaped)}, {literal(character)})"
    holds_dot = f"contains(CASE WHEN contains(json, '\\u00') THEN {unescaped} ELSE json END, {literal(DOT)})"
    found = " OR ".join(f"regexp_matches(json, {literal(pattern)})" for pattern in _ODD_AFTER)
    reserved = f"odd AND (contains(json, '\\u0002') OR {holds_dot})"
    return (
        f"SELECT * REPLACE (CASE WHEN reserved THEN NULL WHEN odd THEN {_careful()} ELSE json END AS json) "
        f"FROM (SELECT *, {reserved} AS reserved FROM (SELECT *, {found} OR {holds_dot} AS odd FROM ({select})))"
    )


def _careful() -> str:
    """SQL of a record that is odd; NULL if it is not JSON.

    A pattern finds what stands between separators as a decimal does. Where that was inside a string, the quote put
    before it ends the string and a number follows at once, which is not JSON: such a record takes the slower pattern
    that knows strings.
    """
    quick = "json"
    for _ in range(2):  # neighbours in an array share a comma
        quick = f"regexp_replace({quick}, {literal(_VALUE)}, {literal(_PUT_MARK)}, 'g')"
    tokens = rf"regexp_replace(json, {literal(_TOKEN)}, '\1' || chr(1) || '\2' || chr(2), 'g')"
    slow = f"replace(replace(replace({tokens}, chr(1) || chr(2), ''), chr(1), {literal(chr(34) + MARK)}), chr(2), '\"')"
    strings = f"regexp_replace(json, {literal(_STRING)}, '\"\"', 'g')"
    lax = f"regexp_matches(json, {literal(_LAX)}) AND regexp_matches({strings}, {literal(_LAX)})"
    return f"CASE WHEN {lax} THEN NULL WHEN json_valid({quick}) THEN {quick} ELSE {slow} END"


def dotted(sql: str) -> str:
    """SQL of JSON text that DuckDB's functions may take apart."""
    return f"replace({sql}, '.', {literal(DOT)})"


def dotted_name(name: str) -> str:
    """A key, or a pointer of keys, as it is in such text."""
    return name.replace(".", DOT)


def undotted(sql: str) -> str:
    """SQL of text that came out of it, as it was."""
    return f"CASE WHEN contains({sql}, {literal(DOT)}) THEN replace({sql}, {literal(DOT)}, '.') ELSE {sql} END"


def unmarked_value(sql: str) -> str:
    """SQL of a value without the mark of an odd number, where the record is `odd`: another may have such a text."""
    return f"CASE WHEN odd AND starts_with({sql}, chr(2) || '#') THEN substr({sql}, 3) ELSE {sql} END"


def unmarked_json(sql: str) -> str:
    """SQL of JSON text without the marks of odd numbers, where the record is `odd`."""
    plain = rf"regexp_replace({sql}, {literal(MARKED)}, '\1', 'g')"
    return f"CASE WHEN odd AND contains({sql}, {literal(MARK)}) THEN {plain} ELSE {sql} END"
