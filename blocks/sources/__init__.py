"""Reading the outside world. `reader_for` gives the reader of a source's kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from blocks.sources.base import Reader
    from blocks.sources.spec import SourceSpec


def reader_for(spec: SourceSpec) -> Reader:
    """The reader of a source; engines are imported here, where they are used."""
    if spec.kind == "postgres":
        from blocks.sources.postgres import PostgresReader

        if spec.block:
            from blocks.register import database_url

            spec = spec.model_copy(update={"url": database_url(spec.block)})
        return PostgresReader(spec)
    if spec.kind == "airbyte":
        from blocks.sources.airbyte import AirbyteReader

        return AirbyteReader(spec)
    from blocks.sources.files import FilesReader

    return FilesReader(spec)
