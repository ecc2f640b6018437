"""Signals, as who works hears of them beside the handler of a library."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from blocks import interrupt


@pytest.fixture
def handled() -> Iterator[list[int]]:
    """What a library's handler was called with."""
    calls: list[int] = []
    before: Any = signal.signal(signal.SIGTERM, lambda number, _: calls.append(number))
    yield calls
    signal.signal(signal.SIGTERM, before)


def raised_in_a_thread() -> bool:
    found: list[bool] = []

    def work() -> None:
        try:
            interrupt.look()
        except KeyboardInterrupt:
            found.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return bool(found)


def test_a_thread_hears_of_a_signal_that_a_library_handles(handled: list[int]) -> None:
    with interrupt.heard():
        assert not raised_in_a_thread()
        os.kill(os.getpid(), signal.SIGTERM)
        assert raised_in_a_thread()
    assert handled == [signal.SIGTERM]


def test_what_was_heard_before_is_forgotten(handled: list[int]) -> None:
    with interrupt.heard():
        os.kill(os.getpid(), signal.SIGTERM)
        assert interrupt.came() == signal.SIGTERM
    with interrupt.heard():
        interrupt.look()


def test_within_another_it_changes_nothing(handled: list[int]) -> None:
    with interrupt.watched():
        with interrupt.heard(), pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        assert interrupt.came() == signal.SIGTERM
    assert handled == []


def test_in_another_thread_nothing_is_watched(handled: list[int]) -> None:
    def work() -> None:
        with interrupt.heard():
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert handled == [signal.SIGTERM] and not raised_in_a_thread()
