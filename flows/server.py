"""The Prefect server of a local run: a child process that lives no longer than this one.

Which API a process talks to is decided here, and nowhere else. No flow, and no import of Prefect at the top:
the environment must be set before Prefect reads it.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from governance.errors import ConfigurationError, UnreachableError

PREFECT_TOML = Path(__file__).resolve().parents[1] / "prefect.toml"
LOOPBACK = "127.0.0.1"
UI_PORT = 4200
# What would lead a local run to another server, another database or another profile.
_FOREIGN = (
    "PREFECT_API_",
    "PREFECT_SERVER_",
    "PREFECT_UI_",
    "PREFECT_PROFILE",
    "PREFECT_HOME",
    "PREFECT_CLIENT_CUSTOM",
)


def prefect_defaults(file: Path = PREFECT_TOML) -> dict[str, str]:
    """The settings of prefect.toml as environment variables, so that they hold in any working folder."""

    def flatten(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
        for key, value in table.items():
            name = f"{prefix}_{key.upper()}"
            if isinstance(value, dict):
                yield from flatten(value, name)
            else:
                yield name, str(value).lower() if isinstance(value, bool) else str(value)

    return dict(flatten(tomllib.loads(file.read_text(encoding="utf-8")), "PREFECT"))


def local_environment(home: Path, environment: Mapping[str, str], *, verbose: bool = False) -> dict[str, str]:
    """`environment` without what leads to another Prefect server, with its state under `home`."""
    kept = {name: value for name, value in environment.items() if not name.startswith(_FOREIGN)}
    # An empty value stands before one that a .env file in the working folder may hold.
    kept |= {"PREFECT_API_KEY": "", "PREFECT_API_AUTH_STRING": "", "DO_NOT_TRACK": "1"}
    if not verbose:
        # The level of the console alone: the server keeps everything from INFO on.
        kept.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    return {**prefect_defaults(), **kept, "PREFECT_HOME": str(home / "prefect")}


# Its console is its log, which says why it ended.
_OF_THE_CHILD = {
    "PREFECT__SERVER_EPHEMERAL": "1",
    "PREFECT__SERVER_FINAL": "1",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "WARNING",
}


class LocalServer:
    """A Prefect API server on a free loopback port, its database under `<home>/prefect`.

    `start()` returns at once and sets the environment of this process, `wait()` returns the API's URL when it
    answers (some 5 s, 12 s the first time), `stop()` puts the environment back. The child ends when this process
    does, however that ends: it holds the other end of a pipe.
    """

    def __init__(self, home: Path, *, verbose: bool = False) -> None:
        self.home = home.resolve()
        self.verbose = verbose
        self.url = ""
        self._child: subprocess.Popen[bytes] | None = None
        self._before: dict[str, str | None] = {}

    @property
    def log(self) -> Path:
        """What the server said."""
        return self.home / "logs" / "prefect-server.log"

    def start(self) -> LocalServer:
        """Start the child and point this process's Prefect to it; does not wait."""
        for folder in (self.home / "prefect", self.log.parent):
            folder.mkdir(parents=True, exist_ok=True)
        # The child takes the bound socket over: no other process can take the port meanwhile.
        with socket.create_server((LOOPBACK, 0), backlog=512) as listener, self.log.open("wb") as log:
            self.url = f"http://{LOOPBACK}:{listener.getsockname()[1]}/api"
            environment = local_environment(self.home, os.environ, verbose=self.verbose)
            self._child = subprocess.Popen(
                # -P: a folder `flows` in the working folder must not be taken for this package.
                [sys.executable, "-P", "-m", "flows.server", str(listener.fileno())],
                env={**environment, **_OF_THE_CHILD},
                pass_fds=[listener.fileno()],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                # Ctrl-C must reach the flow only, which then tells the server that it was interrupted.
                start_new_session=True,
            )
        self._before = _use({**environment, "PREFECT_API_URL": self.url})
        return self

    def wait(self, timeout: float = 120) -> str:
        """The API's URL, once it answers.

        Raises UnreachableError when the server ends or does not answer within `timeout` seconds.
        """
        limit = time.monotonic() + timeout
        while self._child is not None and self._child.poll() is None and time.monotonic() < limit:
            try:
                health = f"{self.url}/health"
                with urllib.request.urlopen(health, timeout=max(1.0, limit - time.monotonic())):  # noqa: S310 - http, ours
                    return self.url
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        ended = self._child is None or self._child.poll() is not None
        cause = "it ended" if ended else f"it did not answer within {timeout:.0f} s"
        raise UnreachableError("the local Prefect server", cause, f"read {self.log}, then run it again")

    def stop(self) -> None:
        """End the child and put the environment back. May be called twice."""
        child, self._child = self._child, None
        if child is not None:
            _flush()
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            if child.stdin:
                child.stdin.close()
        before, self._before = self._before, {}
        _change(before)


@contextmanager
def local_server(home: Path, *, verbose: bool = False) -> Iterator[str]:
    """The API URL of a Prefect server that lives only within this block (see LocalServer)."""
    server = LocalServer(home, verbose=verbose)
    try:
        yield server.start().wait()
    finally:
        server.stop()


@contextmanager
def without_server(home: Path) -> Iterator[None]:
    """Prefect's settings of a local run, for what is asked before its server is needed.

    Whatever imports Prefect first decides how much it writes to the console ever after.
    """
    before = _use(local_environment(home.resolve(), os.environ))
    try:
        yield
    finally:
        _change(before)


@contextmanager
def configured_server() -> Iterator[str]:
    """The API URL that the environment or the profile names (`--server`), with prefect.toml's settings as defaults.

    Raises ConfigurationError when none is named.
    """
    before = _use({**prefect_defaults(), **os.environ})
    try:
        from prefect.settings import get_current_settings

        url = get_current_settings().api.url
        if not url:
            raise ConfigurationError(
                "--server", "no Prefect API is configured", "set PREFECT_API_URL, or leave --server out"
            )
        yield url
    finally:
        _flush()
        _change(before)


def ui(home: Path, port: int | None = None) -> None:
    """Serve Prefect's UI and API on `home` until Ctrl-C.

    `port` is 4200 by default, or a free one if that is taken. Raises ConfigurationError if a given port is taken.
    """
    try:
        listener = socket.create_server((LOOPBACK, port or UI_PORT), backlog=512)
    except OSError as error:
        if port:
            raise ConfigurationError(f"port {port}", error.strerror or "not free", "give another --port") from None
        listener = socket.create_server((LOOPBACK, 0), backlog=512)
    with listener:
        address = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        home = home.resolve()
        _use(
            local_environment(home, os.environ)
            | {
                "PREFECT_API_URL": f"{address}/api",
                "PREFECT_UI_API_URL": f"{address}/api",
                # The default is in the installed package, which may be read-only.
                "PREFECT_UI_STATIC_DIRECTORY": str(home / "prefect" / "ui"),
            }
        )
        print(f"Prefect's UI: {address} (answers in some seconds; Ctrl-C ends it)", flush=True)
        with suppress(KeyboardInterrupt):
            _serve(listener)


def _use(environment: Mapping[str, str]) -> dict[str, str | None]:
    """Make `environment` this process's; returns what puts the old one back."""
    return _change(dict.fromkeys(set(os.environ) - set(environment)) | dict(environment))


def _change(values: Mapping[str, str | None]) -> dict[str, str | None]:
    """Set these variables, None being unset, also for a Prefect that has read the old ones already."""
    before = {name: os.environ.get(name) for name, value in values.items() if os.environ.get(name) != value}
    for name in before:
        if (value := values[name]) is None:
            del os.environ[name]
        else:
            os.environ[name] = value
    if "prefect.context" in sys.modules:
        sys.modules["prefect.context"].refresh_global_settings_context()
    return before


def _flush() -> None:
    """Wait for the logs and events that Prefect sends in the background: the last task states are among them."""
    if "prefect.flow_engine" in sys.modules:
        from prefect.events.worker import EventsWorker
        from prefect.logging.handlers import APILogWorker

        EventsWorker.drain_all(timeout=10, at_exit=False)
        APILogWorker.drain_all(timeout=10, at_exit=False)


def _serve(listener: socket.socket) -> None:
    import uvicorn

    # By its import string, so that uvicorn catches signals before the import of Prefect, which takes seconds.
    config = uvicorn.Config(
        "prefect.server.api.server:create_app",
        factory=True,
        log_level="error",
        lifespan="on",
        timeout_graceful_shutdown=3,
    )
    uvicorn.Server(config).run(sockets=[listener])


def _end_with_parent() -> None:
    """End this process as soon as its parent's end of standard input is closed, as any death of the parent does."""

    def watch() -> None:
        while os.read(0, 4096):  # not by sys.stdin, whose lock a blocked reader holds while the interpreter ends
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    _end_with_parent()
    _serve(socket.socket(fileno=int(sys.argv[1])))
