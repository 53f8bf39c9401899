"""What holds for all tests."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING, Any

import pytest
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCKER = "docker"
OF_DOCKER = re.compile(r"^tests/docker/|[\[-]docker[\]-]")
"""What the names of tests have that need a Docker engine: their folder, or the kind of engine in their parameters."""

pytest_plugins = ["tests.world"]  # for tests/engine and tests/faults; what is not asked for costs nothing


def pytest_configure() -> None:
    """Lets Ctrl-C and SIGHUP through to the commands that the tests start.

    A script's background job has the one switched off, what ``nohup`` runs the other, and so would have everything that
    they start.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs Docker comes first: where several processes run the tests, that takes one of them longest."""
    items.sort(key=lambda item: lane(item.nodeid) != DOCKER)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Has each process take a lane at a time."""

    class Lanes(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
        def _split_scope(self, nodeid: str) -> str:
            return lane(nodeid)

    return Lanes(config, log)


def lane(test: str) -> str:
    """The tests that one process runs with this one, one after the other.

    There is one Docker engine for all, in which tests count containers, so all that needs it is one lane. Of everything
    else a file is, for what its module sets up.
    """
    return DOCKER if OF_DOCKER.search(test) else test.partition("::")[0]


@pytest.fixture(autouse=True)
def _own_signals() -> Iterator[None]:
    """A command that is run in this process leaves its handlers behind."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
