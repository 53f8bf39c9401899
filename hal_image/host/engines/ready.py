"""Waits until an engine's ComfyUI is up, without a job."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from hal_image.errors import error_from_json
from hal_image.host.engines.link import LinkClosed
from hal_image.host.engines.pulse import ANSWER_LIMIT_S

if TYPE_CHECKING:
    from hal_image import wire
    from hal_image.host.deadline import Deadline
    from hal_image.host.engines.link import Link
    from hal_image.host.render import Output

ASK_EVERY_S = 0.05


def until_ready(link: Link, keep_alive_s: float, output: Output, deadline: Deadline) -> wire.Line:
    """Starts ComfyUI if it is down, and waits for it.

    Returns:
        the engine's ``status``.

    Raises:
        HalError: why it does not start.
        TimeoutError_: the deadline came first.
        LinkClosed: the engine is gone, or does not answer.
    """
    began = time.monotonic()
    status = _ask(link, deadline, op="boot", keep_alive_s=keep_alive_s)
    if status["state"] == "booting":
        output.note("starting ComfyUI")
    while status["state"] in {"booting", "down"}:
        down = status["state"] == "down"
        if down and status["boot_error"] is not None:
            raise error_from_json(status["boot_error"])
        deadline.check("starting ComfyUI")
        output.event({"event": "booting", "seconds": round(time.monotonic() - began, 1)})
        link.next(deadline.remaining(ASK_EVERY_S))
        # A new boot forgets why the last one failed: asked for only where none has failed.
        status = _ask(link, deadline, op="boot" if down else "status")
    return status


def _ask(link: Link, deadline: Deadline, **request: object) -> wire.Line:
    status = link.ask(deadline.remaining(ANSWER_LIMIT_S), **request)
    if status is None:
        deadline.check("starting ComfyUI")
        raise LinkClosed("it does not answer any more")
    return status
