"""A job whose pictures are computed and still being written, so that the next one may begin."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from hal_image.comfy.client import ComfyClient, ComfyUnreachable, Outcome
from hal_image.engine.failures import crashed
from hal_image.errors import HalError, JsonObject

if TYPE_CHECKING:
    from collections.abc import Callable

    from hal_image.engine.comfyui_process import ComfyProcess

LOOK_EVERY_S = 0.01
LIMIT_S = 300.0
"""Seconds for which files may be written. A picture of 16384x16384 takes a minute."""


class Saving(NamedTuple):
    """What is left of a job.

    Attributes:
        pictures: how many there will be.
        finish: waits for them; returns the fields of the ``done`` event, and raises as ``hal_image.engine.job.run``.
    """

    pictures: int
    finish: Callable[[], JsonObject]


def outcome(prompt_id: str, comfy: ComfyProcess) -> Outcome:
    """How a prompt ended, waited for.

    Raises:
        HalError: ``comfyui_crashed``; ``job_lost`` when it does not end.
    """
    client = ComfyClient(comfy.url)
    end = time.monotonic() + LIMIT_S
    try:
        while time.monotonic() < end:
            try:
                found = client.outcome(prompt_id)
            except ComfyUnreachable:
                found = None  # busy, or dying: the process decides
            if found is not None:
                return found
            if not comfy.alive:
                raise crashed(comfy)
            time.sleep(LOOK_EVERY_S)
    finally:
        client.close()
    raise HalError(
        "ComfyUI does not say that the files are whole", code="job_lost", hint="run the command again", retryable=True
    )
