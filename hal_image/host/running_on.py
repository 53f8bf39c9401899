"""What a call says that gives up while its jobs run on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image import about

if TYPE_CHECKING:
    from hal_image.errors import TimeoutError_


def tell(error: TimeoutError_, jobs: list[str]) -> None:
    """Puts into ``error`` which ``jobs`` run on and how to come for them.

    It is no longer ``retryable``: the same call would make the same pictures a second time, after those that run on.
    """
    error.details["verdict"] = "timed_out"
    if not jobs:
        return
    error.details["jobs"] = jobs
    error.retryable = False
    what = "the job runs" if len(jobs) == 1 else f"{len(jobs)} jobs run"
    error.message += f"; {what} on"
    error.hint = f"come for it with: {about.SCRIPT} wait {jobs[0]}; or end it: jobs cancel {jobs[0]}"
    if len(jobs) > 1:
        error.hint = f"come for them with: {about.SCRIPT} wait {jobs[0]}, and so on; or end them: jobs cancel --all"
