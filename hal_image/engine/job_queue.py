"""The jobs of an engine that have not ended: those that wait, in order, and the one that runs."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from hal_image.errors import HalError, InternalError
from hal_image.wire import WIRE_HINT

if TYPE_CHECKING:
    from collections.abc import Callable

    from hal_image.engine.job import Job


class JobQueue:
    """First in, first out. Any thread may ask."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[Job] = deque()
        self._running: Job | None = None
        self._open: dict[str, Job] = {}
        """Those that have not ended, by id."""
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether it takes no more jobs."""
        return self._closed

    @property
    def running(self) -> Job | None:
        """The one that runs."""
        return self._running

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def all(self) -> list[Job]:
        """Those that wait and the one that runs."""
        with self._changed:
            return self._all()

    def _all(self) -> list[Job]:
        return [*self._waiting, *([self._running] if self._running is not None else [])]

    def add(self, job: Job) -> int:
        """Lets a job wait; returns how many are before it.

        Raises:
            HalError: ``engine_draining``; retryable, with a new engine.
            InternalError: ``wire_invalid``: there is a job of that id.
        """
        with self._changed:
            if self._closed:
                raise HalError(
                    "the engine is shutting down", code="engine_draining", hint="run the command again", retryable=True
                )
            if job.id in self._open:
                raise InternalError("there is a job of that id", code="wire_invalid", hint=WIRE_HINT)
            position = len(self._all())
            self._open[job.id] = job
            self._waiting.append(job)
            self._changed.notify_all()
        return position

    def find(self, job_id: str) -> Job | None:
        """The job of that id; ``None`` when it has ended, or never was."""
        with self._changed:
            return self._open.get(job_id)

    def position(self, job: Job) -> int | None:
        """How many are before a job that waits; ``None`` when it does not."""
        with self._changed:
            return self._waiting.index(job) + (self._running is not None) if job in self._waiting else None

    def cancel(self, job_id: str) -> Job | None:
        """Marks a job as cancelled. One that waited is taken out, and returned."""
        with self._changed:
            job = self._open.get(job_id)
            if job is None:
                return None
            job.cancelled.set()
            if job not in self._waiting:
                return None
            self._waiting.remove(job)
            return job

    def wake(self) -> None:
        """Ends ``next`` before its time."""
        with self._changed:
            self._changed.notify_all()

    def next(self, wait_s: float, unless: Callable[[], bool]) -> Job | None:
        """The job whose turn it is, which runs from now on; ``None`` when none comes.

        Args:
            wait_s: seconds that it waits for one.
            unless: says that there is something else to do.
        """
        with self._changed:
            if not self._waiting and not self._closed and not unless():
                self._changed.wait(wait_s)
            if not self._waiting:
                return None
            self._running = self._waiting.popleft()
            return self._running

    def give_way(self, job: Job) -> bool:
        """Lets the first job of another caller go before what is left of the one that runs, which then waits.

        Returns:
            whether there is such a job; else nothing has changed.
        """
        with self._changed:
            other = next((one for one in self._waiting if not one.has_caller_of(job)), None)
            if other is None:
                return False
            self._waiting.remove(other)
            self._waiting.extendleft((job, other))
            self._running = None
            return True

    def stopped(self, job: Job) -> None:
        """A job that ran does not run any more; another one may, while the files of this one were written."""
        with self._changed:
            if self._running is job:
                self._running = None

    def forget(self, job: Job) -> None:
        """A job has ended, and everybody who listens has heard of it."""
        with self._changed:
            self._open.pop(job.id, None)

    def take_waiting(self) -> list[Job]:
        """All that wait: they do not any more."""
        with self._changed:
            jobs, self._waiting = list(self._waiting), deque()
        return jobs

    def close(self) -> None:
        """Takes no more jobs."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def close_if(self, reason: Callable[[], bool]) -> bool:
        """Takes no more jobs if none waits and there is a reason for it; nobody can submit in between.

        Returns:
            whether it is closed and none waits.
        """
        with self._changed:
            if self._waiting:
                return False
            self._closed = self._closed or reason()
            return self._closed
