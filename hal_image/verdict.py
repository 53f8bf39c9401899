"""How a job ends: one of six words, the same in the JSON output, in ``jobs list`` and in what is kept of a job."""

from __future__ import annotations

from typing import Literal

Verdict = Literal["done", "failed", "interrupted", "timed_out", "lost", "crashed"]

_OF_CODE: dict[str, Verdict] = {
    "cancelled": "interrupted",
    "interrupted": "interrupted",
    "timeout": "timed_out",
    "prepare_timeout": "timed_out",
    "engine_lost": "lost",
    "job_lost": "lost",
    "comfyui_crashed": "crashed",
}
"""Error codes that mean something else than ``failed``."""


def of_error(code: object) -> Verdict:
    """The verdict on a job that ended with the error ``code``.

    ``crashed`` is ComfyUI that died while it worked on the job; ``lost`` that nobody knows any more what became of it.
    """
    return _OF_CODE.get(str(code), "failed")
