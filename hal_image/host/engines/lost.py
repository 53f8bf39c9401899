"""The error of an engine that ended while somebody waited for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hal_image.errors import HalError
from hal_image.verdict import of_error

if TYPE_CHECKING:
    from hal_image.host.engines import Connection
    from hal_image.host.engines.link import Link, LinkClosed


def engine_lost(link: Link, error: LinkClosed, doing: str, **details: Any) -> HalError:
    """What is told then.

    Args:
        link: to the engine, which has greeted.
        error: how it was noticed.
        doing: what the engine did, behind "while".
        details: further ones.
    """
    log = link.hello.get("log", "")
    return HalError(
        f"the engine ended while {doing}: {error}",
        code="engine_lost",
        hint=f"run the command again; its log is {log}",
        retryable=True,
        details={"log": log, **details},
    )


def picture_lost(connection: Connection, error: LinkClosed, jobs: list[str]) -> HalError:
    """The same in the middle of a picture; ``jobs`` are the ids of those that it had."""
    verdict = of_error("engine_lost")
    return engine_lost(connection.link, error, "it made the picture", verdict=verdict, jobs=jobs)
