"""The plan of pictures of a workflow: what ``hal_image.host.plan`` is for those of a model."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple, cast

from hal_image.errors import UsageError
from hal_image.host import output as targets
from hal_image.host import picture_size, sparing
from hal_image.host.deadline import Deadline
from hal_image.host.engines import Needs
from hal_image.host.materials import Materials
from hal_image.host.model_files import warn_of_other_bytes
from hal_image.host.plan import Plan
from hal_image.host.request_builder import RANDOM_SEEDS, checked, missing_prompt
from hal_image.host.workflows import document as documents
from hal_image.host.workflows import effect, nodes, pictures
from hal_image.host.workflows.files import Found, find
from hal_image.models.store import ResolvedModel
from hal_image.models.types import Defaults, Model
from hal_image.request import MAX_SEED, ImageRequest, WorkflowUse
from hal_image.workflow import Graph
from hal_image.workflow.own import facts, fill, links, settings
from hal_image.workflow.own.check import Checked, check
from hal_image.workflow.sparing import spared

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from hal_image.errors import JsonObject
    from hal_image.host.render import Output
    from hal_image.models.types import Family, Registry
    from hal_image.workflow.own.definitions import Definitions

OTHER_FAMILY = "other"
"""Family of a model that is none of those that we draw with."""


class Workflow(NamedTuple):
    """A workflow that is read, set and checked.

    Attributes:
        document: its file.
        graph: what pictures come from, with placeholders, and pictures under names of their own.
        savers: ids of the nodes that save, in the order of the pictures.
        placeholders: names of those that it has.
        found: its model files.
        loaded: the pictures that it loads.
        set: what was set by hand, by ``NODE.INPUT``.
    """

    document: documents.Document
    graph: JsonObject
    savers: tuple[str, ...]
    placeholders: set[str]
    found: Found
    loaded: pictures.Loaded
    set: Mapping[str, object]


def given_prompt_of(options: argparse.Namespace) -> bool:
    """Whether a prompt was given, rather than to be read from somewhere."""
    return options.prompt is not None or options.prompt_file is not None


def wants_prompt(options: argparse.Namespace) -> bool:
    """Whether the workflow may have a place for a prompt, as far as that shows before it is understood.

    Raises:
        UsageError: as for ``document.read``.
    """
    there = "{prompt}"
    texts = [documents.read(options.workflow).text, *(str(one.value) for one in options.set or ())]
    return any(there in text for text in texts)


def plan(
    options: argparse.Namespace,
    prompt: str | None,
    place: Callable[[list[ImageRequest]], list[Path]],
    registry: Registry,
    models_dir: Path,
    output: Output,
) -> Plan:
    """The plan of one call, or of one line of a batch.

    Args:
        options: as ``--help`` lists them.
        prompt: the prompt; ``None`` when none was given.
        place: where the pictures go.
        registry: all models that are known.
        models_dir: where model files are.
        output: where warnings go.

    Raises:
        UsageError, ModelError, EnvironmentError_, TimeoutError_: as the parts that this calls; and what ``place``
            raises.
    """
    document = documents.read(options.workflow)
    definitions = nodes.known() or nodes.ask(
        options, models_dir, Needs("", 0.0, fit_for_cpu=True), output, Deadline.after(options.timeout)
    )
    workflow = _understood(options, prompt, document, definitions, registry, models_dir, output)
    model = _model(workflow.found)
    requests, graphs = _pictures(options, prompt, workflow, definitions, model.model.name)
    if options.output == targets.STDOUT and len(workflow.savers) > 1:
        raise UsageError(
            f"--output - writes one PNG to standard output, and the workflow saves at {len(workflow.savers)} places",
            code="output_invalid",
            hint="give a file name",
        )
    files = place(requests)
    materials = Materials(inputs=workflow.loaded.inputs)
    return Plan(requests, graphs, files, model, "workflow", materials, pictures_each=len(workflow.savers))


def _understood(
    options: argparse.Namespace,
    prompt: str | None,
    document: documents.Document,
    definitions: Definitions,
    registry: Registry,
    models_dir: Path,
    output: Output,
) -> Workflow:
    """Everything but what differs from picture to picture."""
    set_by_hand = tuple(options.set or ())
    whole = settings.apply(document.graph(definitions), set_by_hand, definitions)
    graph, savers, left_out = links.reached(whole, definitions)
    placeholders = fill.placeholders(graph)
    values = _values(options, prompt, placeholders, seed=0)
    # what a picture is made with may itself stand for something, as a file's name with a size in it
    example = fill.filled(graph, definitions, values, seed=None, further=0)
    checked_graph = check(example, definitions)
    found = find(checked_graph.files, example, models_dir, registry)
    warn_of_other_bytes(found.files, found.models, output)
    typed = {
        (settings.find(whole, one.target.rpartition(".")[0]), one.target.rpartition(".")[2]) for one in set_by_hand
    }
    loaded = pictures.load(checked_graph.pictures, graph | _named(graph, example, checked_graph), document, typed)
    _warn(output, checked_graph, left_out, [node for node, _ in typed if node not in graph])
    effect.tell(options, placeholders, output, has_seed=bool(fill.seeds(graph, definitions)))
    return Workflow(
        document, loaded.graph, savers, placeholders, found, loaded, {one.target: one.value for one in set_by_hand}
    )


def _named(graph: JsonObject, example: JsonObject, checked_graph: Checked) -> JsonObject:
    """Nodes that load pictures as they are in ``example``: from there on their pictures have plain names."""
    return {use.node: {**graph[use.node], "inputs": example[use.node]["inputs"]} for use in checked_graph.pictures}


def _warn(output: Output, found: Checked, left_out: tuple[str, ...], unused: list[str]) -> None:
    if left_out:
        output.warn(
            "workflow_output_left_out",
            f"it saves no picture and is left out: {', '.join(left_out[:3])}",
            {"nodes": list(left_out[:20])},
        )
    if found.ignored:
        output.warn(
            "workflow_input_ignored",
            f"ComfyUI passes over it: {'; '.join(found.ignored[:3])}",
            {"inputs": list(found.ignored[:20])},
        )
    if unused:
        output.warn("parameter_without_effect", f"set: no picture comes from node {', '.join(unused)}")


def _values(options: argparse.Namespace, prompt: str | None, placeholders: set[str], *, seed: int) -> fill.Values:
    """What the placeholders stand for.

    Raises:
        UsageError: ``prompt_missing``, ``placeholder_without_value``, ``size_twice``.
    """
    if "prompt" in placeholders and prompt is None:
        raise missing_prompt()
    width, height = picture_size.given(options)
    missing = [name for name, value in (("width", width), ("height", height)) if value is None and name in placeholders]
    if missing:
        raise UsageError(
            f"the workflow has {' and '.join(f'{{{name}}}' for name in missing)}, and nothing was given for it",
            code="placeholder_without_value",
            hint="add --size 1024x1024, or --width and --height",
            details={"placeholders": missing},
        )
    return fill.Values(prompt, checked(options.negative_prompt or "", "negative prompt"), seed, width, height)


def _pictures(
    options: argparse.Namespace, prompt: str | None, workflow: Workflow, definitions: Definitions, model: str
) -> tuple[list[ImageRequest], list[Graph]]:
    """Requests and graphs of all pictures; they differ in their seeds."""
    written = fill.seeds(workflow.graph, definitions)
    first = _first_seed(options, workflow.placeholders, written)
    asked = _asked(options, workflow.placeholders, has_seed=bool(written))
    memory = sparing.asked(options)
    requests, graphs = [], []
    for index in range(options.count):
        seed = (first + index) % (MAX_SEED + 1)
        values = _values(options, prompt, workflow.placeholders, seed=seed)
        given = seed if options.seed is not None else None
        graph = fill.filled(workflow.graph, definitions, values, seed=given, further=index)
        request = _request(graph, values, workflow, asked, model, 0 if options.seed is not None else index)
        requests.append(request._replace(turbo=options.turbo, memory=memory))
        run = graph if memory is None else spared(graph, memory)
        graphs.append(Graph(run, output_node=workflow.savers[0]))
    return requests, graphs


def _first_seed(options: argparse.Namespace, placeholders: set[str], written: list[int]) -> int:
    """The seed that the first picture is said to have: the one asked for, else one by chance where the workflow asks
    for one, else the workflow's own.
    """
    if options.seed is not None:
        return int(options.seed)
    if "seed" in placeholders:
        chosen: int | None = getattr(options, "chosen_seed", None)
        return chosen if chosen is not None else int.from_bytes(os.urandom(8), "big") % RANDOM_SEEDS
    return written[0] % (MAX_SEED + 1) if written else 0


def _asked(options: argparse.Namespace, placeholders: set[str], *, has_seed: bool) -> tuple[str, ...]:
    """Options that this workflow has a place for, as ``WorkflowUse.asked``."""
    names = {"prompt": "prompt", "negative": "negative_prompt", "seed": "seed", "width": "width", "height": "height"}
    asked = {option for name, option in names.items() if name in placeholders}
    if options.seed is not None and has_seed:
        asked.add("seed")
    return tuple(option for option in names.values() if option in asked)


def _request(
    graph: JsonObject, values: fill.Values, workflow: Workflow, asked: tuple[str, ...], model: str, further: int
) -> ImageRequest:
    read = facts.read(graph)
    document = workflow.document
    use = WorkflowUse(
        name=document.path.name,
        path=str(document.path),
        sha256=document.sha256,
        set=workflow.set,
        asked=asked,
        further=further,
        pictures=workflow.loaded.told,
    )
    return ImageRequest(
        prompt=(values.prompt or "") if "prompt" in asked else read.prompt,
        negative_prompt=values.negative if "negative_prompt" in asked else read.negative_prompt,
        model=model,
        width=(values.width if "width" in asked else None) or read.width,
        height=(values.height if "height" in asked else None) or read.height,
        steps=read.steps,
        cfg=read.cfg,
        guidance=read.guidance,
        sampler=read.sampler,
        scheduler=read.scheduler,
        seed=values.seed,
        workflow=use,
    )


def _model(found: Found) -> ResolvedModel:
    """The model files as those of one model, so that all that asks for a model's files finds them."""
    first = found.files[0] if found.files else None
    owner = found.models[0] if found.models else None
    name = owner.name if owner is not None else first.path.stem if first is not None else "none"
    model = Model(
        name=name,
        description="",
        family=cast("Family", found.family or OTHER_FAMILY),
        files=tuple(one.file for one in found.files),
        defaults=Defaults(0, 0, 0, 0.0, None, "", ""),
        min_vram_gb=max((one.min_vram_gb for one in found.models), default=0.0),
        registry="",
        cpu=not found.files or (bool(found.models) and all(one.cpu for one in found.models)),
    )
    return ResolvedModel(model, found.files)


def options_of(request: ImageRequest) -> Mapping[str, object]:
    """The option values that ask for the same again; empty for a request without a workflow, and where options cannot
    say it: seeds that were counted up though nobody had asked for one.
    """
    use = request.workflow
    if use is None or use.further:
        return {}
    values: dict[str, object] = {name: getattr(request, name) for name in use.asked}
    set_by_hand = [settings.Setting(target, value) for target, value in use.set.items()]
    values |= {"turbo": True} if request.turbo else {}
    set_values = {"set": set_by_hand} if set_by_hand else {}
    return {"workflow": use.path, **set_values, **values, **sparing.options_of(request)}
