"""One graph, run to its end for a call that waits for it: what is no picture of a model, and quick enough to be made
anew. It ends with its caller, and no other call can come for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hal_image import job_files, job_inputs
from hal_image.errors import HalError, TimeoutError_, error_from_json
from hal_image.host import running_on
from hal_image.host.deadline import Deadline
from hal_image.host.engines import choose
from hal_image.host.engines.link import LinkClosed
from hal_image.host.engines.lost import picture_lost
from hal_image.host.engines.pulse import Pulse
from hal_image.host.job_records import origin_of
from hal_image.host.picture import fetch
from hal_image.host.session import EVENT_WAIT_S, RECONNECTS
from hal_image.verdict import of_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hal_image.errors import JsonObject
    from hal_image.host.engines import Connection, EngineRequest
    from hal_image.host.picture import Made
    from hal_image.host.progress import Progress
    from hal_image.host.render import Output
    from hal_image.host.timings import Timings
    from hal_image.workflow import Graph


class Work(NamedTuple):
    """What is to be done.

    Attributes:
        graph: for ComfyUI.
        inputs: pictures that it loads, PNG by the name that it has for them.
        doing: what that is, in words.
        limit_s: seconds that it may take once it runs, of the device as ComfyUI calls it.
    """

    graph: Graph
    inputs: Mapping[str, bytes]
    doing: str
    limit_s: Callable[[str | None], float]


class SingleJob:
    """The conversation with an engine about it.

    Args:
        work: what is to be done.
        output: where warnings go.
        progress: shows what the engine says.
        timings: are added up here.
        deadline: when it is given up; ``limit_s`` of ``None`` gives it its own limit once it runs.
    """

    def __init__(self, work: Work, *, output: Output, progress: Progress, timings: Timings, deadline: Deadline) -> None:
        self._work = work
        self._output = output
        self._progress = progress
        self._timings = timings
        self._deadline = deadline
        self._limited = deadline.limit_s is not None
        self._began = False

    def run(self, engine: str | None, wanted: EngineRequest) -> Made:
        """What came of it.

        Args:
            engine: the name of an engine, as ``choose`` takes it.
            wanted: what it is wanted for.

        Raises:
            HalError: it failed, no engine can be had, it was lost.
            TimeoutError_: time is up; the engine drops it.
        """
        for attempt in range(RECONNECTS + 1):
            connection = choose(engine).connect(wanted, self._output, self._deadline)
            self._timings.prepare_s += connection.prepare_s
            try:
                return self._talk(connection, wanted.keep_alive_s)
            except LinkClosed as error:
                if self._began or attempt == RECONNECTS:
                    raise picture_lost(connection, error, []) from error
            except TimeoutError_ as error:
                running_on.tell(error, [])
                raise
            except HalError as error:  # an engine that was just ending has a successor
                if error.code != "engine_draining" or attempt == RECONNECTS:
                    error.details.setdefault("verdict", of_error(error.code))
                    raise
            finally:
                self._progress.close()
                connection.link.close()
                connection.leave()
        raise AssertionError("unreachable")

    def _talk(self, connection: Connection, keep_alive_s: float) -> Made:
        job, link = job_files.new_id(), connection.link
        link.send(
            op="submit",
            job=job,
            graph=self._work.graph.to_prompt(),
            keep_alive_s=keep_alive_s,
            inputs=job_inputs.put(connection.output_dir.parent, job, self._work.inputs),
        )
        pulse = Pulse(link)
        while True:
            self._deadline.check(self._work.doing)
            event = link.next(self._deadline.remaining(EVENT_WAIT_S))
            pulse.feel(event)
            if event is not None and event.get("job") == job:
                self._on_event(event)
                if event["event"] == "done":
                    return fetch(event, origin_of(connection), self._output)

    def _on_event(self, event: JsonObject) -> None:
        self._progress.show({**event, "job": None}, 0)
        if event["event"] == "failed":
            raise error_from_json(event["error"])
        if event["event"] == "running":
            self._began = True
            if not self._limited:
                self._deadline = Deadline.after(self._work.limit_s(event.get("device")))
        if event["event"] == "done":
            self._timings.add(event["timings"])
            self._timings.queue_s = event["timings"]["queue_s"]
