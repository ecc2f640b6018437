"""What is measured beside what, and which ratio is to be reached: one list, of which all else follows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Peer:
    """What a user would take instead."""

    environment: str
    """`peers/<environment>.py`, in the environment of the same name."""
    work: str
    label: str
    goal: float | None = None
    """Ours is to be at least so many times as fast."""


@dataclass(frozen=True)
class Work:
    """One way of data, ours beside that of others."""

    name: str
    title: str
    peers: tuple[Peer, ...]
    share: float = 1.0
    """Of SIZE, for what is slower than rows."""


WORKS = (
    Work("csv", "CSV → bronze", (
        Peer("dlt", "csv_arrow", "dlt, pyarrow → DuckDB", 1.8),
        Peer("dlt", "csv", "dlt, read_csv → DuckDB"),
        Peer("duckdb", "csv", "DuckDB alone → table", 0.75),
        Peer("polars", "csv", "Polars → Parquet"),
        Peer("pandas", "csv", "pandas → Parquet"),
    )),
    Work("ndjson", "NDJSON → bronze", (
        Peer("dlt", "ndjson", "dlt, read_jsonl → DuckDB", 60),
        Peer("duckdb", "ndjson", "DuckDB alone → table", 0.8),
        Peer("polars", "ndjson", "Polars → Parquet"),
        Peer("pandas", "ndjson", "pandas → Parquet"),
    )),
    Work("xml", "XML → bronze", (
        Peer("lxml", "xml", "lxml iterparse → Parquet", 3),
        Peer("xml2arrow", "xml", "xml2arrow → Parquet"),
    )),
    Work("parquet", "Parquet → bronze", (Peer("duckdb", "parquet", "DuckDB alone → table"),)),
    Work("postgres", "Postgres → bronze", (
        Peer("dlt", "postgres_arrow", "dlt, pyarrow → DuckDB", 2.8),
        Peer("dlt", "postgres", "dlt, default → DuckDB"),
        Peer("adbc", "postgres", "ADBC → Parquet"),
    )),
    Work("documents", "documents → bronze", (Peer("kreuzberg", "documents", "kreuzberg alone", 0.9),), share=0.1),
    Work("airbyte", "Airbyte connector → bronze", (
        Peer("faker", "airbyte", "the connector alone", 1 / 1.15),
        Peer("pyairbyte", "airbyte", "PyAirbyte → DuckDB"),
    )),
)  # fmt: skip
