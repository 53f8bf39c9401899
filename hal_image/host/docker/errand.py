"""Containers that do one thing and end: an order goes in, events come out, and the last one says how it ended."""

from __future__ import annotations

import json
import select
from contextlib import suppress
from typing import TYPE_CHECKING

from hal_image.errors import error_from_json
from hal_image.host.docker import answers

if TYPE_CHECKING:
    from collections.abc import Callable

    from hal_image.errors import JsonObject
    from hal_image.host.docker.program import Call

POLL_S = 0.5


def run(
    call: Call,
    kind: str,
    order: JsonObject,
    heard: Callable[[JsonObject], None],
    look: Callable[[], None] = lambda: None,
) -> JsonObject:
    """Has a container do it; when anything is raised, the container is gone.

    Args:
        call: the container, just started.
        kind: what the name of the last event begins with, as of ``hal_image.engine.order.fulfil``.
        order: what is to be done. It goes in through a pipe: an argument or a variable could be seen.
        heard: called with every event before the last.
        look: called twice a second and after every event; raises when it is time to give up.

    Returns:
        the last event.

    Raises:
        HalError: what the container says; ``docker_failed`` and the like when it ended without a word.
    """
    try:
        with suppress(BrokenPipeError):  # it has ended already, and says why
            call.send(json.dumps(order).encode() + b"\n")
        end = _follow(call, kind, heard, look)
    except BaseException:
        call.kill()  # its standard input goes with it, which ends the container
        raise
    answer = call.finish()
    if end is None:
        raise answers.failure(answer)
    return end


def _follow(call: Call, kind: str, heard: Callable[[JsonObject], None], look: Callable[[], None]) -> JsonObject | None:
    """Passes events on; returns the last one, or ``None`` if it ended without one."""
    rest = b""
    while True:
        look()
        if not select.select([call.fileno()], [], [], POLL_S)[0]:
            continue
        data = call.receive()
        if not data:
            return None
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            event: JsonObject = json.loads(line)
            if event["event"] == f"{kind}_failed":
                raise error_from_json(event["error"])
            if event["event"] == f"{kind}_end":
                return event
            heard(event)
