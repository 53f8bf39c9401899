"""Makes pictures: the command that runs when no other is named."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from hal_image import paths
from hal_image.errors import HalError, JsonObject, TimeoutError_, UsageError
from hal_image.host import formats, stepwise, terminal_preview
from hal_image.host import output as targets
from hal_image.host.deadline import Deadline
from hal_image.host.engines import EngineRequest
from hal_image.host.picture import Picture, Saved
from hal_image.host.plan import Plan, Planner
from hal_image.host.progress import Progress
from hal_image.host.request_builder import given_prompt, read_prompt
from hal_image.host.result import Result, told_request
from hal_image.host.session import Session
from hal_image.host.timings import Timings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

    from hal_image.host.render import Output
    from hal_image.request import ImageRequest


def run(options: argparse.Namespace, output: Output) -> Result:
    """Makes the pictures that ``options`` ask for.

    Raises:
        HalError: as its subclasses say; pictures that were finished before it stay, and are in the JSON output.
    """
    timings = Timings()
    if options.from_image is not None:
        from hal_image.host.remake.merge import take_over  # noqa: PLC0415 - no other picture needs it

        options = take_over(options, options.given)
    to_stdout = options.output == targets.STDOUT
    if to_stdout and (options.count > 1 or output.machine):
        raise UsageError(
            "--output - writes one picture to standard output",
            code="output_invalid",
            hint="leave out --count, --json and --jsonl, or give a file name",
        )
    deadline = Deadline.after(options.timeout)
    prompt = _prompt(options)
    models_dir = paths.models_dir(options.models_dir)
    planner = Planner(models_dir, output)
    plan = planner.plan(options, prompt, lambda requests: _place(options, requests, output))
    request_json = told_request(plan.requests[0], options.count)
    data: JsonObject = {"images": [], "request": request_json, "model": plan.model_json()}
    output.partial_data = data
    if options.dry_run:
        return _dry_run(plan, data, output)

    began = time.monotonic()
    included = any(found.included for found in plan.model.files)
    plan = planner.make_ready(plan, deadline)
    if included:
        timings.prepare_s = time.monotonic() - began
        data["model"] = plan.model_json()
    needs = plan.needs(low_vram=options.low_vram)
    wanted = EngineRequest(
        models_dir, options.cpu, options.gpu, options.keep_alive, options.offline, needs, options.hot_cache
    )
    listener = GenerateListener(options, output, plan, data)
    session = Session(
        options.engine,
        _pictures(plan, options, preview=terminal_preview.is_shown(options, output)),
        listener,
        output=output,
        progress=Progress(output, options.count),
        timings=timings,
        deadline=deadline,
    )
    try:
        session.make_all(wanted)
    except TimeoutError_ as error:
        _tell_rest(error, options.count - len(data["images"]))
        raise
    finally:
        data["timings"] = timings.to_json()
    data["verdict"] = "done"
    return Result(options.command, data, raw=listener.raw if to_stdout else None)


def _prompt(options: argparse.Namespace) -> str:
    if options.from_image is not None and not options.given & {"prompt", "prompt_file"}:
        return given_prompt(options.prompt, None)  # whatever it says: "-" too is a prompt then
    return read_prompt(options)


def _tell_rest(error: TimeoutError_, missing: int) -> None:
    """Says how many of the missing pictures nobody makes: neither done nor running on."""
    rest = missing - len(error.details.get("jobs", ()))
    error.details["not_begun"] = rest
    if rest and "jobs" in error.details:
        error.message += f", and {rest} more {'picture was' if rest == 1 else 'pictures were'} not begun"


def _place(options: argparse.Namespace, requests: list[ImageRequest], output: Output) -> list[Path]:
    """Where the pictures go; nothing for standard output."""
    if options.output == targets.STDOUT:
        formats.check_pictures(formats.of_file(options, None), options, requests, output)
        stepwise.folder(options, [])
        return []
    date = time.strftime(targets.DATE_FORMAT)
    facts = [
        targets.PictureFacts(request.seed, number, request.model, date)
        for number, request in enumerate(requests, start=1)
    ]
    files = targets.plan(options.output, facts, no_clobber=options.no_clobber, asked_format=options.format)
    formats.check_pictures(formats.of_file(options, files[0]), options, requests, output)
    stepwise.folder(options, files)
    return files


def _pictures(plan: Plan, options: argparse.Namespace, *, preview: bool) -> Iterator[Picture]:
    """The pictures in order, as a session takes them."""
    model = plan.model_facts()
    inputs = plan.materials.inputs
    needs = plan.needs(low_vram=options.low_vram)
    steps = stepwise.folder(options, plan.files)
    for index, (request, graph) in enumerate(zip(plan.requests, plan.graphs, strict=True)):
        file = plan.files[index] if plan.files else None
        yield Picture(
            index + 1,
            request,
            graph,
            model,
            file,
            options.no_clobber,
            options.keep_alive,
            needs,
            inputs,
            formats.of_file(options, file),
            None if options.from_image is None else options.remake.engine,
            steps,
            preview,
        )


def _dry_run(plan: Plan, data: JsonObject, output: Output) -> Result:
    data["targets"] = [str(file) for file in plan.files]
    data["seeds"] = [request.seed for request in plan.requests]
    data["graph"] = plan.graphs[0].to_prompt()
    for file in plan.files:
        output.path(str(file))
    return Result("generate", data)


class GenerateListener:
    """Puts finished pictures into the JSON output and shows them; the first failure ends the command."""

    def __init__(self, options: argparse.Namespace, output: Output, plan: Plan, data: JsonObject) -> None:
        self.raw = b""
        self._options = options
        self._output = output
        self._plan = plan
        self._data = data

    def running(self, picture: Picture, device: str | None) -> None:
        """Warns of a processor that nobody asked for."""
        on_cpu = device is not None and device.startswith("cpu")
        # asked for, or the reason for another warning, or no reason for any: the model is fit for it
        told = self._options.cpu or self._plan.chosen == "no_gpu" or self._plan.model.model.cpu
        if on_cpu and not told and picture.number == 1:
            self._output.warn("running_on_cpu", "no GPU was found: this runs on the processor, which is slow")

    def saved(self, picture: Picture, saved: Saved, timings: JsonObject) -> None:
        """Shows the path at once, so that a reader can go on while the next one is made."""
        self.raw = saved.raw
        self._data["images"].append(saved.image)
        self._data["engine"] = saved.engine
        if picture.file is not None:
            self._output.path(str(picture.file))
        self._output.event({"event": "saved", "index": picture.number, **saved.image})
        self._output.note(f"seed {picture.request.seed}, {timings['execution_s']:.1f} s")

    def failed(self, picture: Picture, error: HalError) -> None:  # noqa: ARG002 - one failure is the command's
        """Ends the command."""
        raise error
