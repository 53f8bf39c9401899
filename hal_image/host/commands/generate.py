"""Makes pictures: the command that runs when no other is named."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from hal_image import paths
from hal_image.errors import HalError, JsonObject, TimeoutError_, UsageError
from hal_image.host import output as targets
from hal_image.host.deadline import Deadline
from hal_image.host.engines import EngineRequest
from hal_image.host.picture import Picture, Saved, names_of
from hal_image.host.plan import Plan, Planner
from hal_image.host.progress import Progress
from hal_image.host.request_builder import read_prompt
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
    to_stdout = options.output == targets.STDOUT
    if to_stdout and (options.count > 1 or output.machine):
        raise UsageError(
            "--output - writes one PNG to standard output",
            code="output_invalid",
            hint="leave out --count, --json and --jsonl, or give a file name",
        )
    deadline = Deadline.after(options.timeout)
    prompt = _prompt(options)
    models_dir = paths.models_dir(options.models_dir)
    planner = Planner(models_dir, output)
    plan = planner.plan(options, prompt, lambda requests: _place(options, requests))
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
        _pictures(plan, options),
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


def _prompt(options: argparse.Namespace) -> str | None:
    """The prompt. A workflow need not have a place for one: then standard input is left alone."""
    if options.workflow is not None:
        from hal_image.host.workflows.plan import given_prompt_of, wants_prompt  # noqa: PLC0415 - only for workflows

        if not given_prompt_of(options) and not wants_prompt(options):
            return None
    return read_prompt(options)


def _tell_rest(error: TimeoutError_, missing: int) -> None:
    """Says how many of the missing pictures nobody makes: neither done nor running on."""
    rest = missing - len(error.details.get("jobs", ()))
    error.details["not_begun"] = rest
    if rest and "jobs" in error.details:
        error.message += f", and {rest} more {'picture was' if rest == 1 else 'pictures were'} not begun"


def _place(options: argparse.Namespace, requests: list[ImageRequest]) -> list[Path]:
    """Where the pictures go; nothing for standard output."""
    if options.output == targets.STDOUT:
        return []
    date = time.strftime(targets.DATE_FORMAT)
    facts = [
        targets.PictureFacts(request.seed, number, request.model, date)
        for number, request in enumerate(requests, start=1)
    ]
    return targets.plan(options.output, facts, no_clobber=options.no_clobber)


def _pictures(plan: Plan, options: argparse.Namespace) -> Iterator[Picture]:
    """The pictures in order, as a session takes them."""
    model = plan.model_facts()
    inputs = plan.materials.inputs
    needs = plan.needs(low_vram=options.low_vram)
    for index, (request, graph) in enumerate(zip(plan.requests, plan.graphs, strict=True)):
        file = plan.files[index] if plan.files else None
        yield Picture(index + 1, request, graph, model, file, options.no_clobber, options.keep_alive, needs, inputs)


def _dry_run(plan: Plan, data: JsonObject, output: Output) -> Result:
    named = [name for file in plan.files for name in names_of(file, plan.pictures_each)]
    data["targets"] = [str(file) for file in named]
    data["seeds"] = [request.seed for request in plan.requests]
    data["graph"] = plan.graphs[0].to_prompt()
    for file in named:
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
        self._data["engine"] = saved.engine
        for image in (saved.image, *saved.others):
            self._data["images"].append(image)
            if image["path"] is not None:
                self._output.path(image["path"])
            self._output.event({"event": "saved", "index": picture.number, **image})
        self._output.note(f"seed {picture.request.seed}, {timings['execution_s']:.1f} s")

    def failed(self, picture: Picture, error: HalError) -> None:  # noqa: ARG002 - one failure is the command's
        """Ends the command."""
        raise error
