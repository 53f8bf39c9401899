"""Makes pictures: the command that runs when no other is named."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from hal_image import paths
from hal_image.errors import HalError, JsonObject, UsageError
from hal_image.host import metadata, model_files
from hal_image.host import output as targets
from hal_image.host.deadline import Deadline
from hal_image.host.engines import EngineRequest, Needs
from hal_image.host.picture import Picture, Saved
from hal_image.host.progress import Progress
from hal_image.host.registry import choose_model, load
from hal_image.host.request_builder import build as build_requests
from hal_image.host.request_builder import read_prompt
from hal_image.host.result import Result
from hal_image.host.session import Session
from hal_image.host.timings import Timings
from hal_image.models import usage
from hal_image.workflow import Graph, ineffective
from hal_image.workflow import build as build_graph

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

    from hal_image.host.registry import Chosen
    from hal_image.host.render import Output
    from hal_image.models.store import ResolvedModel
    from hal_image.models.types import Role
    from hal_image.request import ImageRequest


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

    def pictures(self, options: argparse.Namespace) -> Iterator[Picture]:
        """The pictures in order, as a session takes them."""
        model = metadata.model_facts(self.model)
        for index, (request, graph) in enumerate(zip(self.requests, self.graphs, strict=True)):
            file = self.files[index] if self.files else None
            yield Picture(index + 1, request, graph, model, file, options.no_clobber, options.keep_alive)


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
    listener = GenerateListener(options, output, plan, data)
    session = Session(
        options.engine,
        plan.pictures(options),
        listener,
        output=output,
        progress=Progress(output, options.count),
        timings=timings,
        deadline=deadline,
    )
    try:
        session.make_all(wanted)
    finally:
        data["timings"] = timings.to_json()
    return Result(options.command, data, raw=listener.raw if to_stdout else None)


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
