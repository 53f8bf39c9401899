"""What holds for all tests."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
DOCKER = HERE / "docker"

pytest_plugins = ["tests.world"]  # for tests/engine and tests/faults; what is not asked for costs nothing


def pytest_configure() -> None:
    """Lets Ctrl-C and SIGHUP through to the commands that the tests start.

    A script's background job has the one switched off, what ``nohup`` runs the other, and so would have everything that
    they start.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tells which tests stay together when several processes run them (``--dist loadgroup``).

    There is one Docker engine for all, which some tests stop, so one process runs what needs it: it begins with that,
    since it takes longest. Of everything else a file stays together, for what its module has set up.
    """
    for item in items:
        on_docker = item.get_closest_marker("docker") is not None or item.path.is_relative_to(DOCKER)
        item.add_marker(pytest.mark.xdist_group("docker" if on_docker else item.path.relative_to(HERE).as_posix()))
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") != pytest.mark.xdist_group("docker").mark)


@pytest.fixture(autouse=True)
def _own_signals() -> Iterator[None]:
    """A command that is run in this process leaves its handlers behind."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
