"""Runs the stand-in for a person: `python -m tests.openmetadata --port 8585 [--state FILE]`."""

from __future__ import annotations

import argparse
import pickle
import signal
from pathlib import Path

from tests.openmetadata.server import Server

ENDS = {signal.SIGINT, signal.SIGTERM}


def main() -> None:
    """Serves until it is interrupted; with a file, what it holds survives that."""
    parser = argparse.ArgumentParser(prog="python -m tests.openmetadata", description=__doc__)
    parser.add_argument("--port", type=int, default=8585)
    parser.add_argument("--state", type=Path, help="a file that keeps entities and tokens over restarts")
    options = parser.parse_args()
    kept = options.state
    # Only this program writes the file.
    state, tokens = pickle.loads(kept.read_bytes()) if kept and kept.exists() else (None, None)
    # Waited for, not handled: modules of the SDK set handlers of their own when they are imported.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
    with Server(state, tokens=tokens, port=options.port) as server:
        print(f"url:         {server.url}", f"token:       {server.token}", f"admin token: {server.admin_token}",
              sep="\n", flush=True)  # fmt: skip
        signal.sigwait(ENDS)
        if kept:
            new = kept.with_suffix(f"{kept.suffix}.new")
            new.write_bytes(pickle.dumps((server.state, server.tokens)))
            new.replace(kept)


if __name__ == "__main__":
    main()
