"""What holds for all tests."""

from __future__ import annotations

import signal

pytest_plugins = ["tests.world"]  # for tests/engine and tests/faults; what is not asked for costs nothing


def pytest_configure() -> None:
    """Lets Ctrl-C through to the commands that the tests start.

    A script's background job has it switched off, and so would have everything that it starts.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
