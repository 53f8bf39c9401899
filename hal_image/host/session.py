"""The conversation with an engine about one command's pictures: submits them in order, and hears how each one ends."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from hal_image import job_files, job_inputs
from hal_image.errors import HalError, JsonObject, TimeoutError_, error_from_json
from hal_image.host import running_on, stepwise, together
from hal_image.host.deadline import Deadline
from hal_image.host.delivery import deliver, deliver_each, remove_kept
from hal_image.host.engines import Connection, EngineRequest, choose
from hal_image.host.engines.link import LinkClosed
from hal_image.host.engines.lost import picture_lost
from hal_image.host.engines.pulse import Pulse
from hal_image.host.job_records import JobRecords
from hal_image.host.time_limits import default_timeout
from hal_image.verdict import of_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hal_image.host.delivery import Arrival
    from hal_image.host.job_records import JobRecord
    from hal_image.host.picture import Picture, Saved
    from hal_image.host.progress import Progress
    from hal_image.host.render import Output
    from hal_image.host.timings import Timings

IN_FLIGHT = 2
"""Jobs submitted at once: the engine never waits for us, and another caller never waits for all of ours."""
RECONNECTS = 3
"""How often a request moves to a new engine when the one it reached was just shutting down."""
CANCEL_LIMIT_S = 2.0
EVENT_WAIT_S = 0.5


class Listener(Protocol):
    """Hears how the pictures of a session go. What it raises ends the session, which takes back what is not done."""

    def running(self, picture: Picture, device: str | None) -> None:
        """The engine has started on a picture; ``device`` is what it runs on, as ComfyUI calls it."""
        ...

    def saved(self, picture: Picture, saved: Saved, timings: JsonObject) -> None:
        """A picture is done, and where it belongs; ``timings`` are the engine's."""
        ...

    def failed(self, picture: Picture, error: HalError) -> None:
        """A picture will not come. Returns to go on with the others."""
        ...


class Session:
    """Makes pictures, one after the other, over one connection at a time.

    Args:
        engine: the name of an engine, as ``choose`` takes it.
        pictures: what to make; the next is asked for when there is room for it in the engine's queue. ``None`` in
            between says that there is none yet.
        listener: hears how it goes.
        output: where warnings go.
        progress: shows what the engine says.
        timings: are added up here.
        deadline: when all is given up; ``limit_s`` of ``None`` gives each picture the default time once it starts.
    """

    def __init__(
        self,
        engine: str | None,
        pictures: Iterator[Picture | None],
        listener: Listener,
        *,
        output: Output,
        progress: Progress,
        timings: Timings,
        deadline: Deadline,
    ) -> None:
        self._engine = engine
        self._pictures = pictures
        self._listener = listener
        self._output = output
        self._progress = progress
        self._timings = timings
        self._deadline = deadline
        self._limited = deadline.limit_s is not None
        self._again: list[Picture] = []
        """What an engine that just ended did not get to; comes before ``pictures``."""
        self._flying: dict[str, Picture] = {}
        """By job id, in the order in which they were submitted."""
        self._records = JobRecords()
        self._jobs: dict[str, JobRecord] = {}
        """Of what flies, what another call would need to come for it."""
        self._models_dir = Path()
        self._waiting_since = time.monotonic()
        self._began = False
        self._turn: str | None = None
        """The job that runs."""
        self._doing = "waiting for the engine"

    def make_all(self, wanted: EngineRequest) -> None:
        """Makes every picture.

        Raises:
            HalError: no engine can be had, it was lost, time is up; or what the listener raised.
        """
        self._models_dir = wanted.models_dir
        for attempt in range(RECONNECTS + 1):
            connection = choose(self._engine).connect(wanted, self._output, self._deadline)
            self._timings.prepare_s += connection.prepare_s
            try:
                self._talk(connection)
            except LinkClosed as error:
                self._give_up_after(attempt, connection, error)
            except HalError as error:
                if error.code != "engine_draining" or attempt == RECONNECTS:
                    raise
            else:
                return
            finally:
                self._progress.close()
                connection.link.close()
                connection.leave()
            # It was just ending. What it had not finished is asked of its successor.
            self._again = [*self._left(), *self._again]
            for record in self._jobs.values():
                self._records.forget(record)
            self._flying, self._jobs = {}, {}
        raise AssertionError("unreachable")

    def _give_up_after(self, attempt: int, connection: Connection, error: LinkClosed) -> None:
        if self._began or attempt == RECONNECTS:
            raise picture_lost(connection, error, list(self._flying)) from error

    def _talk(self, connection: Connection) -> None:
        """Has an engine make pictures, until there is nothing left for this connection.

        Raises:
            LinkClosed: the engine ended, or does not answer any more.
            HalError: as ``make_all``.
        """
        pulse = Pulse(connection.link)
        try:
            while True:
                self._submit_more(connection)
                if self._is_through():
                    return
                self._mind_the_time(connection)
                event = connection.link.next(self._deadline.remaining(EVENT_WAIT_S), self._wakes())
                pulse.feel(event)
                if event is not None and event.get("job") in self._flying:
                    self._on_event(event, event["job"])
        except LinkClosed:
            raise
        except BaseException as error:  # also a reader of standard output that has gone: our jobs are to go with us
            self._leave(connection, error)
            raise

    def _is_through(self) -> bool:
        """Whether the connection has done what it is for."""
        return not self._flying

    def _mind_the_time(self, connection: Connection) -> None:  # noqa: ARG002 - others need it
        """Looks at the clock.

        Raises:
            TimeoutError_: time is up.
        """
        self._deadline.check(self._doing)

    def _wakes(self) -> int | None:
        """A descriptor that becomes readable when there may be more to submit."""
        return None

    def _leave(self, connection: Connection, error: BaseException) -> None:
        """What becomes of the jobs that fly: they run on when only time is up, where that is possible."""
        if isinstance(error, TimeoutError_):
            kept = [record for record in self._jobs.values() if record.kept]
            running_on.tell(error, [record.id for record in kept])
            error.details["to_come"] = sum(len(record.picture.numbers) - len(record.delivered) for record in kept)
        else:
            self._end_all(connection, error)

    def _end_all(self, connection: Connection, error: BaseException) -> None:
        """Takes back what flies. When the engine is draining the pictures go on to another one."""
        code = error.code if isinstance(error, HalError) else "interrupted"
        if isinstance(error, HalError):
            error.details.setdefault("verdict", of_error(code))
        if code != "engine_draining":
            for record in self._jobs.values():
                self._records.finish(record, "interrupted")
        self._cancel(connection)

    def _submit_more(self, connection: Connection) -> None:
        while len(self._flying) < IN_FLIGHT:
            picture = self._again.pop(0) if self._again else next(self._pictures, None)
            if picture is None:
                return
            self._submit(picture, connection)

    def _submit(self, picture: Picture, connection: Connection) -> None:
        job = job_files.new_id()
        record = self._begin(job, picture, connection)
        self._flying[job], self._jobs[job] = picture, record
        connection.link.send(
            op="submit",
            job=job,
            graph=picture.graph.to_prompt(),
            keep_alive_s=picture.keep_alive_s,
            keep=record.kept,
            inputs=job_inputs.put(record.engine_folder, job, picture.inputs),
            **({"step_pictures": True} if picture.stepwise is not None or picture.preview else {}),
            **together.asked(picture),
            **({"turbo": True} if picture.request.turbo else {}),
        )

    def _begin(self, job: str, picture: Picture, connection: Connection) -> JobRecord:
        """Writes the job down, so that it outlives this call."""
        record = self._records.begin(job, picture, connection, self._models_dir)
        if not record.kept:
            self._output.detail(f"job {job} cannot be written down: it ends when this call does")
        return record

    def _on_event(self, event: JsonObject, job: str) -> None:
        kind, picture = event["event"], self._flying[job]
        number = together.number_of(picture, event, self._jobs[job].delivered)
        if kind in {"step_picture", "pictures"}:
            self._of_some(event, job, number)
            return
        if kind != "done" or not together.asked(picture):  # else it is shown for each of the pictures
            self._progress.show(event, number - 1)
        if kind == "queued" and job == self._turn:
            self._gave_way()
        elif kind == "running":
            self._turn = job
            self._began = True
            self._doing = f"making picture {picture.number}"
            _load_for_saving()
            self._started(event.get("device"), picture)
        elif kind == "failed":
            self._failed(error_from_json(event["error"]), job)
        elif kind == "done":
            self._timings.add(event["timings"])
            if picture.number == 1:
                self._timings.queue_s = event["timings"]["queue_s"]
            self._waiting_since = time.monotonic()
            # the next one's time begins when it starts, which may be before the files of this one are whole
            if not self._limited and job == self._turn:
                self._deadline = Deadline.after(None)
            self._save(event, job)

    def _failed(self, error: HalError, job: str) -> None:
        if error.code == "engine_draining":
            raise error
        error.details["verdict"] = of_error(error.code)
        self._records.finish(self._jobs[job], of_error(error.code), error=error.to_json())
        self._lose(job, error)

    def _of_some(self, event: JsonObject, job: str, number: int) -> None:
        """What is told of the pictures of a job while it runs."""
        if event["event"] == "pictures":
            self._save_some(event, job)
            return
        one = next(one for one in self._flying[job].each if one.number == number)
        self._show_step(one, event, self._jobs[job].origin.output_dir)

    def _show_step(self, picture: Picture, event: JsonObject, output_dir: Path) -> None:
        jpeg = stepwise.read(event, output_dir)
        if jpeg is not None:
            stepwise.keep(picture, event["number"], jpeg, self._output)
            if picture.preview:
                self._progress.picture(jpeg)

    def _gave_way(self) -> None:
        """The rest of a job of several waits for a job of somebody else, which is not to cost it its time."""
        self._turn = None
        self._waiting_since = time.monotonic()
        if not self._limited:
            self._deadline = Deadline.after(None)

    def _started(self, device: str | None, picture: Picture) -> None:
        if picture.number > 1:  # since our own picture before it; how long the first one waited the engine knows
            self._timings.queue_s += time.monotonic() - self._waiting_since
        self._listener.running(picture, device)
        if not self._limited:
            self._deadline = Deadline.after(default_timeout(picture, device))

    def _save(self, event: JsonObject, job: str) -> None:
        began = time.monotonic()
        picture, record = self._flying.pop(job), self._jobs.pop(job)
        if together.asked(picture):
            for arrival in deliver_each(record, event, self._records, self._output):
                self._arrived(arrival, event)
            self._timings.save_s += time.monotonic() - began
            return
        try:
            saved = deliver(record, event, self._records, self._output)
        except HalError as error:
            self._listener.failed(picture, error)
            return
        self._timings.save_s += time.monotonic() - began
        self._listener.saved(picture, saved, event["timings"])

    def _save_some(self, event: JsonObject, job: str) -> None:
        """Some pictures of a job are there. One that cannot be written now is tried again at the end of the job."""
        for arrival in deliver_each(self._jobs[job], event, self._records, self._output):
            self._jobs[job] = arrival.record
            if arrival.saved is not None:
                self._arrived(arrival, event)

    def _arrived(self, arrival: Arrival, event: JsonObject) -> None:
        shown = {"event": "done", "job": event["job"], "timings": arrival.timings}
        self._progress.show(shown, arrival.picture.number - 1)
        if arrival.saved is not None:
            self._listener.saved(arrival.picture, arrival.saved, arrival.timings)
        elif arrival.error is not None:
            self._listener.failed(arrival.picture, arrival.error)

    def _rest(self, job: str) -> Picture:
        """What of a job has not come yet."""
        return together.rest(self._flying[job], self._jobs[job].delivered)

    def _left(self) -> list[Picture]:
        """What of all that flies has not come yet."""
        open_jobs = [job for job, one in self._jobs.items() if len(one.delivered) < len(one.picture.numbers)]
        return [self._rest(job) for job in open_jobs]

    def _lose(self, job: str, error: HalError) -> None:
        """Nothing more comes of a job."""
        lost = self._rest(job)
        self._forget(job)
        for picture in lost.each:
            self._listener.failed(picture, error)

    def _forget(self, job: str) -> None:
        """The job has ended without a picture, or without more."""
        remove_kept(self._jobs.pop(job))
        del self._flying[job]

    def _cancel(self, connection: Connection) -> None:
        """Takes back what is not done, and gives ComfyUI a moment to let go of it."""
        open_jobs = list(self._flying)
        try:
            for job in open_jobs:
                connection.link.send(op="cancel", job=job)
            end = time.monotonic() + CANCEL_LIMIT_S
            while open_jobs and time.monotonic() < end:
                event = connection.link.next(max(0.0, end - time.monotonic()))
                if event is not None and event["event"] in {"failed", "done"} and event.get("job") in open_jobs:
                    open_jobs.remove(event["job"])
                    remove_kept(self._jobs[event["job"]])
        except LinkClosed:
            return


def _load_for_saving() -> None:
    """Loads, while ComfyUI works, what nobody needs before there is a picture: OpenSSL, 4 ms."""
    import hashlib  # noqa: F401, PLC0415
