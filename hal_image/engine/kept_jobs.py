"""How jobs ended whose client may have gone: kept in the engine's folder, for whoever comes for them later."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

from hal_image import job_files, job_inputs, verdict
from hal_image.errors import HalError, JsonObject
from hal_image.wire import is_end

if TYPE_CHECKING:
    from pathlib import Path


class KeptJobs:
    """The records in an engine's folder, and the pictures that belong to them.

    Whoever takes a picture removes both by itself; the engine removes what nobody has come for.

    Args:
        folder: the engine's own folder.
        output_dir: where ComfyUI writes, a folder a job.
    """

    def __init__(self, folder: Path, output_dir: Path) -> None:
        self._folder = folder / job_files.FOLDER
        self._output_dir = output_dir

    def write(self, job: str, event: JsonObject) -> None:
        """Keeps the last event of a job, whole.

        Raises:
            OSError: it cannot be written.
        """
        self._folder.mkdir(mode=0o700, exist_ok=True)
        error = event.get("error")
        ended = "done" if error is None else verdict.of_error(error["code"])
        job_files.write(self._folder, job, {"job": job, "verdict": ended, "ended": time.time(), "last": event})

    def end_of(self, job: str) -> JsonObject:
        """The last event of a job that is over, or one that says that nobody knows it."""
        event = (job_files.read(self._folder, job) or {}).get("last")
        if isinstance(event, dict) and is_end(event):
            return event
        unknown = HalError(
            "the engine does not know the job",
            code="job_lost",
            hint="run the command again",
            retryable=True,
            details={"known": False},
        )
        return {"event": "failed", "error": unknown.to_json()}

    def sweep(self) -> None:
        """Removes what nobody has come for within ``job_files.LIFETIME_S``."""
        job_files.sweep(self._folder)
        job_inputs.sweep(self._output_dir.parent)
        try:
            entries = [entry for entry in self._output_dir.iterdir() if job_files.is_job_id(entry.name)]
        except OSError:
            return
        for entry in entries:
            if job_files.is_old(entry):
                shutil.rmtree(entry, ignore_errors=True)
