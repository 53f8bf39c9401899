"""The session of a batch: what ends one picture does not end the others."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING

from hal_image.errors import EnvironmentError_, HalError, ModelError, TimeoutError_, error_from_json
from hal_image.host.batch.pictures import OF_ONE_LINE
from hal_image.host.deadline import Deadline
from hal_image.host.engines import choose
from hal_image.host.engines.link import LinkClosed
from hal_image.host.engines.lost import picture_lost
from hal_image.host.job_records import described
from hal_image.host.session import IN_FLIGHT, Session
from hal_image.host.time_limits import pictures_of

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from hal_image.errors import JsonObject
    from hal_image.host.batch.pictures import Pictures
    from hal_image.host.engines import Connection, EngineRequest, Needs
    from hal_image.host.job_records import JobRecord
    from hal_image.host.picture import Picture
    from hal_image.host.progress import Progress
    from hal_image.host.render import Output
    from hal_image.host.session import Listener
    from hal_image.host.timings import Timings

LET_GO_S = 60.0
"""Seconds that ComfyUI has to let go of a picture whose time is up: it does so between two sampling steps."""
FRUITLESS = 5
"""How many engines in a row may end without having made a picture: two pictures each take two with them, and a third
one the first of its own, before it is the engine that is taken to be broken."""
RENEW_AFTER = 1000
"""Pictures after which a new connection is made: the engine remembers all jobs of a connection as long as it lasts."""
TRIED_AGAIN = {"comfyui_crashed", "job_lost"}
"""Errors after which a picture is tried a second time, as it is when the engine itself ends."""


class BatchSession(Session):
    """Makes the pictures of a batch over as many connections as it takes.

    An engine is wanted only once there is a picture to make. A picture during which it ends, or ComfyUI does, is tried
    once more. One whose time is up is taken back alone.

    Args:
        engine: the name of an engine, as ``choose`` takes it.
        wanted: what it is wanted for; what each model needs is asked in addition, when it comes first.
        pictures: what to make.
        listener: hears how it goes.
        output: where warnings go.
        progress: shows what the engine says.
        timings: are added up here.
        limit_s: seconds for each picture from the moment it starts; ``None`` for the default.
    """

    def __init__(
        self,
        engine: str | None,
        wanted: EngineRequest,
        pictures: Pictures,
        listener: Listener,
        *,
        output: Output,
        progress: Progress,
        timings: Timings,
        limit_s: float | None,
    ) -> None:
        nothing_yet: list[Picture | None] = []
        super().__init__(
            engine,
            iter(nothing_yet),
            listener,
            output=output,
            progress=progress,
            timings=timings,
            deadline=Deadline.after(None),
        )
        self._wanted = wanted
        self._source = pictures
        self._limit_s = limit_s
        self._fitting: set[Needs | None] = set()
        """Of models that the engine has been asked about."""
        self._running: int | None = None
        """The number of the picture that is being made."""
        self._tried: set[int] = set()
        """Numbers of pictures that are tried for the second time."""
        self._submitted = 0
        """Jobs of this connection."""
        self._fruitless = 0
        """Connections in a row over which nothing was made."""
        self._overdue: TimeoutError_ | None = None
        """Why the running picture has been taken back."""

    def make_all_lines(self) -> None:
        """Makes every picture there is.

        Raises:
            HalError: no engine can be had, or what the listener raised; the pictures until then are there.
        """
        while (picture := self._first()) is not None:
            connection = self._connect(picture)
            if connection is None:
                continue
            self._timings.prepare_s += connection.prepare_s
            self._submitted = 0
            try:
                self._talk(connection)
            except LinkClosed as error:
                self._lost(connection, error)
            except HalError as error:
                if error.code != "engine_draining":
                    raise
                self._count_fruitless(error)
            finally:
                self._progress.close()
                if self._wanted.keep_alive_s == 0:
                    with suppress(LinkClosed):
                        connection.link.send(op="stop")
                connection.link.close()
                connection.leave()
            self._again = [*self._left(), *self._again]
            self._flying, self._jobs = {}, {}
            self._running = None
            self._overdue = None
            self._deadline = Deadline.after(None)

    def _first(self) -> Picture | None:
        """What a connection is wanted for, waited for without one; ``None`` when all is done."""
        if not self._again:
            picture = self._source.next(wait=True)
            if picture is None:
                return None
            self._again.append(picture)
        return self._again[0]

    def _connect(self, picture: Picture) -> Connection | None:
        """A connection that is right for a picture, which is given up, with ``None``, where only its model is wrong."""
        wanted = self._wanted._replace(needs=picture.needs)
        try:
            connection = choose(self._engine).connect(wanted, self._output, self._deadline)
        except (ModelError, EnvironmentError_) as error:
            if not isinstance(error, ModelError) and error.code not in OF_ONE_LINE:
                raise
            if picture in self._again:
                self._again.remove(picture)
            self._listener.failed(picture, error)
            return None
        self._fitting.add(picture.needs)
        return connection

    def _fits(self, picture: Picture) -> bool:
        """Whether the engine that runs is right for a picture's model too; asked once for each model."""
        if picture.needs not in self._fitting:
            connection = self._connect(picture)
            if connection is None:
                return False
            connection.link.close()
        return True

    def _is_through(self) -> bool:
        return not self._flying and (self._source.ended or self._used_up)

    def _wakes(self) -> int | None:
        return self._source.waits_for

    def _leave(self, connection: Connection, error: BaseException) -> None:
        self._end_all(connection, error)  # none of them is written down, so none could be come for

    def _begin(self, job: str, picture: Picture, connection: Connection) -> JobRecord:
        """Not written down: the journal says what is missing, and ``--resume`` makes it."""
        return described(job, picture, connection, self._wanted.models_dir)._replace(kept=False)

    @property
    def _used_up(self) -> bool:
        """Whether the next picture needs a new connection; not with ``--keep-alive 0``: it ends the engine."""
        return self._submitted >= RENEW_AFTER and self._wanted.keep_alive_s != 0

    def _submit_more(self, connection: Connection) -> None:
        while len(self._flying) < IN_FLIGHT and not self._used_up:
            picture = self._again.pop(0) if self._again else self._source.next(wait=False)
            if picture is None:
                return
            if self._fits(picture):
                self._submitted += 1
                self._submit(picture, connection)

    def _on_event(self, event: JsonObject, job: str) -> None:
        kind, picture = event["event"], self._flying[job]
        if kind in {"done", "failed"} and picture.number == self._running:
            self._running = None
            self._deadline = Deadline.after(None)
        if kind == "failed" and self._goes_on(error_from_json(event["error"]), job):
            return
        if kind == "done":
            self._fruitless = 0
            self._tried.discard(picture.number)
            if job == self._turn:  # else another one runs by now, whose time may be up
                self._overdue = None
        super()._on_event(event, job)

    def _goes_on(self, error: HalError, job: str) -> bool:
        """Whether the end of a job is not yet the end of its picture, or has another reason than it says."""
        picture = self._flying[job]
        if self._overdue is not None and error.code == "cancelled":
            overdue, self._overdue = self._overdue, None
            self._lose(job, overdue)
            return True
        if error.code in TRIED_AGAIN and picture.number not in self._tried:
            self._output.note(f"trying again: {error.message}")
            rest = self._rest(job)
            self._tried.add(rest.number)
            self._forget(job)
            self._again.insert(0, rest)
            return True
        self._tried.discard(picture.number)
        return False

    def _gave_way(self) -> None:
        super()._gave_way()
        self._running = None
        self._deadline = Deadline.after(None)

    def _started(self, device: str | None, picture: Picture) -> None:
        super()._started(device, picture)
        self._running = picture.number
        if self._limit_s is not None:
            self._deadline = Deadline.after(self._limit_s * pictures_of(picture))

    def _mind_the_time(self, connection: Connection) -> None:
        """Takes back the picture that runs when its time is up.

        Raises:
            TimeoutError_: ComfyUI does not let go of it.
        """
        try:
            self._deadline.check(self._doing)
        except TimeoutError_ as error:
            if self._overdue is not None:
                raise
            self._overdue = error
            self._deadline = Deadline.after(LET_GO_S)
            for job, picture in self._flying.items():
                if picture.number == self._running:
                    connection.link.send(op="cancel", job=job)

    def _lost(self, connection: Connection, error: LinkClosed) -> None:
        """The engine ended. What it had not begun is asked of its successor, and what it had, once."""
        job = next((job for job, picture in self._flying.items() if picture.number == self._running), None)
        told = picture_lost(connection, error, [])
        if self._flying:  # else it was idle, and may end
            self._count_fruitless(told)
        if job is None:
            return
        picture = self._flying[job]
        if picture.number in self._tried:
            self._tried.discard(picture.number)
            self._lose(job, told)
            return
        self._output.note(f"trying again: {told.message}")
        self._tried.add(self._rest(job).number)

    def _count_fruitless(self, error: HalError) -> None:
        self._fruitless += 1
        if self._fruitless > FRUITLESS:
            raise error

    def _save(self, event: JsonObject, job: str) -> None:
        with self._aside(job):
            super()._save(event, job)

    def _save_some(self, event: JsonObject, job: str) -> None:
        self._fruitless = 0
        with self._aside(job):
            super()._save_some(event, job)

    def _aside(self, job: str) -> AbstractContextManager[None]:
        """What is warned of goes to the line of the first picture that is still to come; with the last one there is
        nothing more to say.
        """
        rest = self._rest(job)
        if str(rest.number) in self._jobs[job].delivered:
            return nullcontext()
        return self._output.aside(self._source.place(rest.number).line.warnings)
