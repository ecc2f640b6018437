"""Airbyte's source-faker by itself: its messages into a file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks import child


def read(count: str, folder: Path) -> int:
    """The stream `users`; the records among the messages."""
    program = Path(sys.executable).with_name("source-faker")
    config, catalog = folder / "config.json", folder / "catalog.json"
    config.write_text(json.dumps({"count": int(count), "seed": 7}))
    stream = {"name": "users", "json_schema": {}, "supported_sync_modes": ["full_refresh"]}
    modes = {"sync_mode": "full_refresh", "destination_sync_mode": "append"}
    catalog.write_text(json.dumps({"streams": [{"stream": stream, **modes}]}))
    with (folder / "messages").open("wb") as out:
        subprocess.run([program, "read", "--config", config, "--catalog", catalog], stdout=out, check=True)
    with (folder / "messages").open("rb") as messages:
        return sum(b'"RECORD"' in line for line in messages)


if __name__ == "__main__":
    child.main({"airbyte": read})
