"""What holds for all tests."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest_plugins = ["tests.world"]  # for tests/engine and tests/faults; what is not asked for costs nothing


def pytest_configure() -> None:
    """Lets Ctrl-C and SIGHUP through to the commands that the tests start.

    A script's background job has the one switched off, what ``nohup`` runs the other, and so would have everything that
    they start.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _own_signals() -> Iterator[None]:
    """A command that is run in this process leaves its handlers behind."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
