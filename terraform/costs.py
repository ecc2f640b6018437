"""Prints what a month of each environment costs, by terraform/costs.toml.

A quantity is a number, or a sum of products of numbers, `hours` and `days`. Nothing is asked of AWS or Snowflake.
"""

from __future__ import annotations

import ast
import operator
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("costs.toml")
ENVIRONMENTS = ("dev", "prod")
WIDTH = 38
SIGNS = {ast.Add: operator.add, ast.Mult: operator.mul, ast.Div: operator.truediv}


def quantity(text: str, names: Mapping[str, float]) -> float:
    """A sum of products; ValueError for anything else."""

    def value(node: ast.AST) -> float:
        match node:
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.Name(id=name) if name in names:
                return names[name]
            case ast.BinOp(left=left, op=op, right=right) if type(op) in SIGNS:
                return float(SIGNS[type(op)](value(left), value(right)))
        raise ValueError(f"{text!r}: + * / of numbers and of {', '.join(sorted(names))}")

    return value(ast.parse(text, mode="eval").body)


def month(line: Mapping[str, Any], environment: str, costs: Mapping[str, Any]) -> float:
    """USD of one line in one environment; KeyError for a unit without a price."""
    names = {"hours": costs["hours"], "days": costs["days"]}
    prices: Mapping[str, float] = costs["prices"]
    return sum(prices[unit] * quantity(many, names) for unit, many in line[environment])


def totals(costs: Mapping[str, Any], side: str) -> dict[str, float]:
    """Environment → USD of all lines of a side."""
    lines = [line for line in costs["lines"] if line.get("side", "aws") == side]
    return {name: sum(month(line, name, costs) for line in lines) for name in ENVIRONMENTS}


def table(costs: Mapping[str, Any]) -> str:
    """The table, its totals and its assumptions."""
    rows = [(line["what"], *(month(line, name, costs) for name in ENVIRONMENTS)) for line in costs["lines"]]
    sides = {side: totals(costs, side) for side in ("aws", "snowflake")}
    ends = [("AWS", *sides["aws"].values()), ("Snowflake", *sides["snowflake"].values())]
    ends.append(("together", *(sum(found[name] for found in sides.values()) for name in ENVIRONMENTS)))
    rule = "-" * (WIDTH + 20)
    shown = [f"{'USD a month':<{WIDTH}}{'dev':>10}{'prod':>10}", rule]
    shown += [f"{what:<{WIDTH}}{dev:>10,.0f}{prod:>10,.0f}" for what, dev, prod in rows]
    shown += [rule, *(f"{what:<{WIDTH}}{dev:>10,.0f}{prod:>10,.0f}" for what, dev, prod in ends)]
    return "\n".join([*shown, "", "Assumed:", *(f"- {one}" for one in costs["assumptions"])])


if __name__ == "__main__":
    print(table(tomllib.loads(FILE.read_text("utf-8"))))
