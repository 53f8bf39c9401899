"""Makes pictures: the command that runs when no other is named."""

from __future__ import annotations

import time
from bisect import bisect
from typing import TYPE_CHECKING, NamedTuple

from hal_image import paths
from hal_image.errors import HalError, JsonObject, TimeoutError_, UsageError
from hal_image.host import formats, presets, stepwise, terminal_preview, together, verify_later
from hal_image.host import output as targets
from hal_image.host.deadline import Deadline
from hal_image.host.engines import EngineRequest
from hal_image.host.picture import names_of
from hal_image.host.plan import Plan, Planner
from hal_image.host.progress import Progress
from hal_image.host.request_builder import given_prompt, read_prompt
from hal_image.host.result import Result, told_request
from hal_image.host.session import Session
from hal_image.host.time_limits import is_cpu
from hal_image.host.timings import Timings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hal_image.host.grid import GridPlan
    from hal_image.host.picture import Picture, Saved
    from hal_image.host.render import Output
    from hal_image.host.vary import Grid
    from hal_image.request import ImageRequest

KEEP_ALIVE_S = 300.0
"""For ``--keep-alive 0`` while another model is to come: it means the end of the call."""


class Planned(NamedTuple):
    """What a call asks for.

    Attributes:
        plans: of all pictures, in order: one plan of several, or of a grid one plan a picture.
        grid: what is varied, if anything is.
    """

    plans: list[Plan]
    grid: GridPlan | None = None

    @property
    def requests(self) -> list[ImageRequest]:
        """Of every picture."""
        return [request for plan in self.plans for request in plan.requests]

    @property
    def files(self) -> list[Path]:
        """Where every picture goes; none for standard output."""
        return [file for plan in self.plans for file in plan.files]

    def by_model(self) -> list[list[tuple[int, Plan]]]:
        """The plans with the number, from 1, of their first picture; those of one model together, so that it is loaded
        once.
        """
        groups: dict[str, list[tuple[int, Plan]]] = {}
        number = 1
        for plan in self.plans:
            groups.setdefault(plan.model.model.name, []).append((number, plan))
            number += len(plan.requests)
        return list(groups.values())


def run(options: argparse.Namespace, output: Output) -> Result:
    """Makes the pictures that ``options`` ask for.

    Raises:
        HalError: as its subclasses say; pictures that were finished before it stay, and are in the JSON output.
    """
    timings = Timings()
    grid = _grid(options)
    if options.from_image is not None:
        from hal_image.host.remake.merge import take_over  # noqa: PLC0415 - no other picture needs it

        options = take_over(options, options.given)
    options = presets.applied(options)
    to_stdout = options.output == targets.STDOUT
    if to_stdout and (options.count > 1 or grid is not None or output.machine):
        raise UsageError(
            "--output - writes one picture to standard output",
            code="output_invalid",
            hint="leave out --count, --vary, --json and --jsonl, or give a file name",
        )
    deadline = Deadline.after(options.timeout)
    options, prompt = presets.reworded(options, _prompt(options))
    planner = Planner(paths.models_dir(options.models_dir), output)
    planned = _plan(grid, options, prompt, planner, output)
    data: JsonObject = {
        "images": [],
        "request": told_request(planned.requests[0], len(planned.requests)),
        "model": planned.plans[0].model_json(),
    }
    if planned.grid is not None:
        data["grid"] = planned.grid.grid.to_json()
    output.partial_data = data
    if options.dry_run:
        return _dry_run(planned, data, output)

    began = time.monotonic()
    included = any(found.included for plan in planned.plans for found in plan.model.files)
    planned = planned._replace(plans=[planner.make_ready(plan, deadline) for plan in planned.plans])
    if included:
        timings.prepare_s = time.monotonic() - began
        data["model"] = planned.plans[0].model_json()
    listener = GenerateListener(options, output, planned, data)
    progress = Progress(output, len(planned.requests))
    try:
        _make(planned, options, listener, output, progress, timings, deadline)
        if planned.grid is not None:
            data["sheet"] = _sheet(planned.grid, data, options, output)
    except TimeoutError_ as error:
        _tell_rest(error, len(planned.requests) - len(data["images"]))
        raise
    finally:
        data["timings"] = timings.to_json()
    verify_later.begin(planner.used.values())
    data["verdict"] = "done"
    return Result(options.command, data, raw=listener.raw if to_stdout else None)


def _prompt(options: argparse.Namespace) -> str | None:
    """The prompt. A workflow need not have a place for one: then standard input is left alone."""
    known = options.from_image is not None and not options.given & {"prompt", "prompt_file"}
    if options.workflow is not None:
        from hal_image.host.workflows.plan import given_prompt_of, wants_prompt  # noqa: PLC0415 - only for workflows

        if not given_prompt_of(options) and (known or not wants_prompt(options)):
            return None
    if known:
        return given_prompt(options.prompt, None)  # whatever it says: "-" too is a prompt then
    return read_prompt(options)


def _grid(options: argparse.Namespace) -> Grid | None:
    if not options.vary:
        return None
    from hal_image.host.vary import grid_of  # noqa: PLC0415 - only for --vary

    return grid_of(options)


def _plan(
    grid: Grid | None, options: argparse.Namespace, prompt: str | None, planner: Planner, output: Output
) -> Planned:
    if grid is None:
        return Planned([planner.plan(options, prompt, lambda requests: _place(options, requests, output))])
    from hal_image.host.grid import plan  # noqa: PLC0415 - only for --vary

    made = plan(grid, options, prompt, planner, output)
    return Planned(made.plans, made)


def _make(
    planned: Planned,
    options: argparse.Namespace,
    listener: GenerateListener,
    output: Output,
    progress: Progress,
    timings: Timings,
    deadline: Deadline,
) -> None:
    """Makes all pictures, a session for each model: what each needs of the machine may differ."""
    groups = planned.by_model()
    for group in groups:
        # the engine must not end before the next model's turn
        keep_alive_s = options.keep_alive if group is groups[-1] else options.keep_alive or KEEP_ALIVE_S
        plan = group[0][1]
        listener.plan = plan
        session = Session(
            options.engine,
            together.jobs(_pictures(group, options, keep_alive_s, preview=terminal_preview.is_shown(options, output))),
            listener,
            output=output,
            progress=progress,
            timings=timings,
            deadline=deadline,
        )
        session.make_all(
            EngineRequest(
                paths.models_dir(options.models_dir),
                options.cpu,
                options.gpu,
                keep_alive_s,
                options.offline,
                plan.needs(low_vram=options.low_vram),
                options.hot_cache,
            )
        )


def _sheet(planned: GridPlan, data: JsonObject, options: argparse.Namespace, output: Output) -> JsonObject:
    from hal_image.host.grid import write_sheet  # noqa: PLC0415 - only for --vary

    sheet = write_sheet(planned, data["images"], no_clobber=options.no_clobber)
    output.path(sheet["path"])
    return sheet


def _tell_rest(error: TimeoutError_, missing: int) -> None:
    """Says how many of the missing pictures nobody makes: neither done nor running on."""
    rest = missing - error.details.get("to_come", 0)
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


def _pictures(
    group: Sequence[tuple[int, Plan]], options: argparse.Namespace, keep_alive_s: float, *, preview: bool
) -> Iterator[Picture]:
    """The pictures of one model in order, as a session takes them."""
    for first, plan in group:
        for picture in plan.pictures(options, keep_alive_s, preview=preview):
            yield picture._replace(number=first + picture.number - 1)


def _dry_run(planned: Planned, data: JsonObject, output: Output) -> Result:
    named = [name for plan in planned.plans for file in plan.files for name in names_of(file, plan.pictures_each)]
    data["targets"] = [str(file) for file in named]
    data["seeds"] = [request.seed for request in planned.requests]
    data["graph"] = planned.plans[0].graphs[0].to_prompt()
    for file in named:
        output.path(str(file))
    if planned.grid is not None:
        data["cells"] = [planned.grid.varied(number) for number in range(1, len(planned.files) + 1)]
        data["sheet"] = planned.grid.sheet_json()
        output.path(str(planned.grid.sheet))
        for line in planned.grid.grid.described():
            output.note(line)
    return Result("generate", data)


class GenerateListener:
    """Puts finished pictures into the JSON output and shows them; the first failure ends the command.

    Attributes:
        plan: of what is being made.
        raw: the last picture.
    """

    def __init__(self, options: argparse.Namespace, output: Output, planned: Planned, data: JsonObject) -> None:
        self.raw = b""
        self.plan = planned.plans[0]
        self._options = options
        self._output = output
        self._grid = planned.grid
        self._data = data
        self._numbers: list[int] = []
        """Of the pictures in ``data``: a grid's are not made in their order."""
        self._told_of_cpu = options.cpu

    def running(self, picture: Picture, device: str | None) -> None:  # noqa: ARG002 - it is the model that counts
        """Warns of a processor that nobody asked for."""
        on_cpu = is_cpu(device)
        # asked for, or the reason for another warning, or no reason for any: the model is fit for it
        told = self._told_of_cpu or self.plan.chosen == "no_gpu" or self.plan.model.model.cpu
        if on_cpu and not told:
            self._told_of_cpu = True
            self._output.warn("running_on_cpu", "no GPU was found: this runs on the processor, which is slow")

    def saved(self, picture: Picture, saved: Saved, timings: JsonObject) -> None:
        """Shows the path at once, so that a reader can go on while the next one is made."""
        self.raw = saved.raw
        self._data["engine"] = saved.engine
        varied = {} if self._grid is None else {"varied": self._grid.varied(picture.number)}
        for told in (saved.image, *saved.others):
            image = {**told, **varied}
            position = bisect(self._numbers, picture.number)
            self._numbers.insert(position, picture.number)
            self._data["images"].insert(position, image)
            if image["path"] is not None:
                self._output.path(image["path"])
            self._output.event({"event": "saved", "index": picture.number, **image})
        self._output.note(f"seed {picture.request.seed}, {timings['execution_s']:.1f} s")

    def failed(self, picture: Picture, error: HalError) -> None:  # noqa: ARG002 - one failure is the command's
        """Ends the command."""
        raise error
