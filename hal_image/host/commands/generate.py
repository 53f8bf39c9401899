"""Makes pictures: the command that runs when no other is named."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple

from hal_image import paths, png
from hal_image.errors import HalError, InternalError, JsonObject, UsageError, error_from_json
from hal_image.host import metadata, model_files
from hal_image.host import output as targets
from hal_image.host.deadline import Deadline
from hal_image.host.engines import Connection, EngineRequest, Needs, choose
from hal_image.host.engines.link import LinkClosed
from hal_image.host.engines.pulse import Pulse
from hal_image.host.progress import Progress
from hal_image.host.registry import choose_model, load
from hal_image.host.request_builder import build as build_requests
from hal_image.host.request_builder import read_prompt
from hal_image.host.result import Result
from hal_image.models import usage
from hal_image.workflow import Graph, ineffective
from hal_image.workflow import build as build_graph

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from hal_image.host.registry import Chosen
    from hal_image.host.render import Output
    from hal_image.models.store import ResolvedModel
    from hal_image.models.types import Role
    from hal_image.request import ImageRequest

IN_FLIGHT = 2
"""Jobs submitted at once: the engine never waits for us, and another caller never waits for all of ours."""
RECONNECTS = 3
"""How often a request moves to a new engine when the one it reached was just shutting down."""
CANCEL_LIMIT_S = 2.0
EVENT_WAIT_S = 0.5


class Plan(NamedTuple):
    """Everything that is known before an engine is needed."""

    requests: list[ImageRequest]
    graphs: list[Graph]
    files: list[Path]
    model: ResolvedModel
    chosen: Chosen

    def model_json(self) -> JsonObject:
        """The ``model`` object of the JSON output."""
        return {**metadata.model_facts(self.model), "chosen": self.chosen}


class Timings:
    """Seconds. Sums over all pictures, except ``prepare_s`` and ``boot_s``, which happen once."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.prepare_s = 0.0
        self.boot_s = 0.0
        self.load_s = 0.0
        self.queue_s = 0.0
        self.execution_s = 0.0
        self.save_s = 0.0

    def add(self, timings: JsonObject) -> None:
        """Adds what the engine measured for one picture."""
        self.boot_s = max(self.boot_s, timings["boot_s"])
        self.load_s += timings["load_s"]
        self.execution_s += timings["execution_s"]

    def to_json(self) -> JsonObject:
        """The ``timings`` object of the JSON output."""
        names = ("prepare_s", "boot_s", "load_s", "queue_s", "execution_s", "save_s")
        timings = {name: round(getattr(self, name), 3) for name in names}
        return {**timings, "total_s": round(time.monotonic() - self.started, 3)}


def run(options: argparse.Namespace, output: Output) -> Result:
    """Makes the pictures that ``options`` ask for.

    Raises:
        HalError: as its subclasses say; pictures that were finished before it stay, and are in the JSON output.
    """
    timings = Timings()
    to_stdout = options.output == targets.STDOUT
    if to_stdout and (options.count > 1 or output.machine):
        raise UsageError(
            "--output - writes one PNG to standard output",
            code="output_invalid",
            hint="leave out --count, --json and --jsonl, or give a file name",
        )
    deadline = Deadline.after(options.timeout)
    prompt = read_prompt(options)
    models_dir = paths.models_dir(options.models_dir)
    plan = make_plan(options, prompt, models_dir, output)
    request_json = {**plan.requests[0]._asdict(), "count": options.count}
    data: JsonObject = {"images": [], "request": request_json, "model": plan.model_json()}
    output.partial_data = data
    if options.dry_run:
        return _dry_run(plan, data)

    if any(found.included for found in plan.model.files):
        from hal_image.host import included_model  # noqa: PLC0415 - once in the life of a models folder

        began = time.monotonic()
        plan = plan._replace(model=included_model.lay_out(plan.model, output, deadline))
        timings.prepare_s = time.monotonic() - began
        data["model"] = plan.model_json()
    usage.touch(found.path for found in plan.model.files)
    needs = Needs(
        model=plan.model.model.name,
        min_vram_gb=0.0 if options.low_vram else plan.model.model.min_vram_gb,
        fit_for_cpu=plan.model.model.cpu or plan.chosen == "no_gpu",
        files=tuple(found.path for found in plan.model.files),
        digests=tuple(found.sha256 for found in plan.model.files),
    )
    wanted = EngineRequest(
        models_dir, options.cpu, options.gpu, options.keep_alive, options.offline, needs, options.hot_cache
    )
    session = Session(options, output, plan, data, timings, deadline)
    try:
        raw = session.make_all(wanted)
    finally:
        data["timings"] = timings.to_json()
    return Result(options.command, data, raw=raw if to_stdout else None)


def make_plan(options: argparse.Namespace, prompt: str, models_dir: Path, output: Output) -> Plan:
    """Resolves and checks everything that needs no engine.

    Raises:
        UsageError, RegistryError, ModelError, EnvironmentError_.
    """
    registry = load()
    model, chosen = choose_model(registry, options.model, models_dir)
    if chosen == "no_gpu":
        whence = ", which comes with this tool" if model.files[0].bundled else ""
        output.warn(
            "default_model_replaced",
            f"no GPU and no {registry.default} here: drawing with {model.name}{whence}; "
            f"`models pull {registry.default}` downloads {registry.default}",
            {"default": registry.default, "model": model.name},
        )
    requests = build_requests(options, prompt, model)
    date = time.strftime("%Y%m%d-%H%M%S")
    facts = [
        targets.PictureFacts(request.seed, index, model.name, date) for index, request in enumerate(requests, start=1)
    ]
    files = []
    if options.output != targets.STDOUT:
        files = targets.plan(options.output, facts, no_clobber=options.no_clobber)
    for nothing in ineffective(
        model,
        cfg=requests[0].cfg,
        negative_prompt=requests[0].negative_prompt,
        guidance_given=options.guidance is not None,
        sampler=requests[0].sampler,
    ):
        output.warn("parameter_without_effect", f"{nothing.parameter}: {nothing.reason}")
    if any(file.bundled for file in model.files):
        from hal_image.host import included_model  # noqa: PLC0415 - only models that come with us say what they know

        included_model.warn_of_unknown_words(model, prompt, output)
    resolved = model_files.find(model, registry, models_dir, options, output)
    names: dict[Role, str] = {found.file.role: found.comfy_name for found in resolved.files}
    graphs = [build_graph(request, model, names) for request in requests]
    return Plan(requests, graphs, files, resolved, chosen)


def _dry_run(plan: Plan, data: JsonObject) -> Result:
    data["targets"] = [str(file) for file in plan.files]
    data["seeds"] = [request.seed for request in plan.requests]
    data["graph"] = plan.graphs[0].to_prompt()
    return Result("generate", data, lines=tuple(str(file) for file in plan.files))


class Session:
    """The conversation with an engine about one command's pictures."""

    def __init__(
        self,
        options: argparse.Namespace,
        output: Output,
        plan: Plan,
        data: JsonObject,
        timings: Timings,
        deadline: Deadline,
    ) -> None:
        self._options = options
        self._output = output
        self._plan = plan
        self._data = data
        self._timings = timings
        self._deadline = deadline
        self._progress = Progress(output, options.count)
        self._jobs: dict[str, int] = {}
        self._next = 0
        self._done = 0
        self._waiting_since = time.monotonic()
        self._began = False
        self._doing = "waiting for the engine"
        self._raw = b""

    def make_all(self, wanted: EngineRequest) -> bytes:
        """Makes every picture; returns the bytes of the last one."""
        for attempt in range(RECONNECTS + 1):
            connection = choose(self._options.engine).connect(wanted, self._output, self._deadline)
            self._timings.prepare_s += connection.prepare_s
            try:
                self._talk(connection)
            except LinkClosed as error:
                self._give_up_after(attempt, connection, error)
            except HalError as error:
                if error.code != "engine_draining" or attempt == RECONNECTS:
                    raise
            else:
                return self._raw
            finally:
                self._progress.close()
                connection.link.close()
                connection.leave()
            # It was just ending. What it had not finished is asked of its successor.
            self._next, self._jobs = self._done, {}
        raise AssertionError("unreachable")

    def _give_up_after(self, attempt: int, connection: Connection, error: LinkClosed) -> None:
        if self._began or attempt == RECONNECTS:
            log = connection.link.hello.get("log", "")
            raise HalError(
                f"the engine ended while it made the picture: {error}",
                code="engine_lost",
                hint=f"run the command again; its log is {log}",
                retryable=True,
                details={"log": log},
            ) from error

    def _talk(self, connection: Connection) -> None:
        try:
            self._submit_more(connection)
            pulse = Pulse(connection.link)
            while self._done < len(self._plan.requests):
                self._deadline.check(self._doing)
                event = connection.link.next(self._deadline.remaining(EVENT_WAIT_S))
                pulse.feel(event)
                if event is not None and event.get("job") in self._jobs:
                    self._on_event(event, self._jobs[event["job"]], connection)
        except (KeyboardInterrupt, HalError):
            self._cancel(connection)
            raise

    def _submit_more(self, connection: Connection) -> None:
        while self._next < min(len(self._plan.requests), self._done + IN_FLIGHT):
            job = new_job_id()
            self._jobs[job] = self._next
            connection.link.send(
                op="submit",
                job=job,
                graph=self._plan.graphs[self._next].to_prompt(),
                keep_alive_s=self._options.keep_alive,
            )
            self._next += 1

    def _on_event(self, event: JsonObject, index: int, connection: Connection) -> None:
        kind = event["event"]
        self._progress.show(event, index)
        if kind == "running":
            self._began = True
            self._doing = f"making picture {index + 1}"
            self._started(event.get("device"), index)
        elif kind == "failed":
            raise error_from_json(event["error"])
        elif kind == "done":
            self._timings.add(event["timings"])
            if index == 0:
                self._timings.queue_s = event["timings"]["queue_s"]
            self._waiting_since = time.monotonic()
            if self._options.timeout is None:  # the next one's time begins when it starts
                self._deadline = Deadline.after(None)
            self._save(event, index, connection)
            self._done += 1
            self._submit_more(connection)

    def _started(self, device: str | None, index: int) -> None:
        if index > 0:  # since our own picture before it; how long the first one waited the engine knows
            self._timings.queue_s += time.monotonic() - self._waiting_since
        on_cpu = device is not None and device.startswith("cpu")
        # asked for, or the reason for another warning, or no reason for any: the model is fit for it
        told = self._options.cpu or self._plan.chosen == "no_gpu" or self._plan.model.model.cpu
        if on_cpu and not told and index == 0:
            self._output.warn("running_on_cpu", "no GPU was found: this runs on the processor, which is slow")
        if self._options.timeout is None:
            self._deadline = Deadline.after(default_timeout(self._plan.requests[index].steps, on_cpu=on_cpu))

    def _save(self, event: JsonObject, index: int, connection: Connection) -> None:
        import hashlib  # noqa: PLC0415 - ComfyUI worked while we got here: it would cost 4 ms before

        began = time.monotonic()
        request = self._plan.requests[index]
        if not event["images"]:
            raise InternalError("the engine sent no picture", code="no_image", hint="please report this")
        source = connection.output_dir / event["images"][0]
        try:
            raw = source.read_bytes()
        except OSError as error:
            raise HalError(
                f"the engine's picture cannot be read: {error}",
                code="engine_lost",
                hint="run the command again",
                retryable=True,
            ) from error
        engine = {
            "kind": connection.kind,
            **connection.facts,
            **{key: event["engine"].get(key) for key in ("device", "torch", "pid")},
            "reused": connection.reused,
        }
        engine_in_picture = {key: value for key, value in engine.items() if key not in {"pid", "reused"}}
        engine |= connection.place
        model = metadata.model_facts(self._plan.model)
        texts = metadata.texts(request, model, self._plan.graphs[index], engine_in_picture)
        picture = png.with_texts(raw, texts)
        width, height = png.size(picture)
        if (width, height) != (request.width, request.height):
            self._output.warn(
                "size_differs", f"the picture is {width}x{height}, not {request.width}x{request.height} as asked"
            )
        image = {
            "path": None,
            "seed": request.seed,
            "width": width,
            "height": height,
            "sha256": hashlib.sha256(picture).hexdigest(),
            "bytes": len(picture),
        }
        if self._plan.files:
            file = self._plan.files[index]
            targets.write(file, picture, no_clobber=self._options.no_clobber)
            image["path"] = str(file)
        source.unlink(missing_ok=True)
        self._raw = picture
        self._data["images"].append(image)
        self._data["engine"] = engine
        self._timings.save_s += time.monotonic() - began
        if self._plan.files:
            self._output.path(str(image["path"]))
        self._output.event({"event": "saved", "index": index + 1, **image})
        self._output.note(f"seed {request.seed}, {event['timings']['execution_s']:.1f} s")

    def _cancel(self, connection: Connection) -> None:
        """Takes back what is not done, and gives ComfyUI a moment to let go of it."""
        open_jobs = [job for job, index in self._jobs.items() if index >= self._done]
        try:
            for job in open_jobs:
                connection.link.send(op="cancel", job=job)
            end = time.monotonic() + CANCEL_LIMIT_S
            while open_jobs and time.monotonic() < end:
                event = connection.link.next(max(0.0, end - time.monotonic()))
                if event is not None and event["event"] in {"failed", "done"} and event.get("job") in open_jobs:
                    open_jobs.remove(event["job"])
        except LinkClosed:
            return


def new_job_id() -> str:
    """A random lowercase uuid4. By hand: the uuid module takes 8 ms to import, a twentieth of a warm call."""
    raw = bytearray(os.urandom(16))
    raw[6] = raw[6] & 0x0F | 0x40  # version 4, RFC 9562 section 5.4
    raw[8] = raw[8] & 0x3F | 0x80  # variant
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def default_timeout(steps: int, *, on_cpu: bool) -> float:
    """Seconds for one picture from the moment it starts, when no ``--timeout`` was given.

    On a GPU two a step and three minutes for loading a model from a slow drive. A processor needs a minute and more
    for a step of SDXL at its full size.
    """
    return steps * 120.0 + 900.0 if on_cpu else steps * 2.0 + 180.0
