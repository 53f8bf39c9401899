"""Resolves and checks everything about pictures that needs no engine: model, requests, targets, files, graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hal_image.errors import ModelError
from hal_image.host import formats, metadata, model_files, stepwise, upscale
from hal_image.host.argument_values import AUTO
from hal_image.host.engines import Needs
from hal_image.host.materials import Materials, gather, lay_out
from hal_image.host.picture import Batch, Picture
from hal_image.host.registry import choose_model, load
from hal_image.host.request_builder import build as build_requests
from hal_image.host.request_builder import missing_prompt
from hal_image.models import usage
from hal_image.models.store import resolve
from hal_image.workflow import Graph, ineffective
from hal_image.workflow import build as build_graph

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hal_image.errors import JsonObject
    from hal_image.host.deadline import Deadline
    from hal_image.host.loras import LoraCheck
    from hal_image.host.registry import Chosen
    from hal_image.host.render import Output
    from hal_image.models.store import ResolvedFile, ResolvedModel
    from hal_image.models.types import Model, Role
    from hal_image.request import ImageRequest


class Plan(NamedTuple):
    """Everything that is known before an engine is needed. ``files`` is empty for standard output; ``pictures_each``
    says at how many places the graph saves, each a picture or more, whose names are made of the one in ``files``.
    """

    requests: list[ImageRequest]
    graphs: list[Graph]
    files: list[Path]
    model: ResolvedModel
    chosen: Chosen
    materials: Materials = Materials()
    pictures_each: int = 1

    def model_facts(self) -> JsonObject:
        """The ``model`` object that the pictures carry."""
        return metadata.model_facts(self.model, self.materials.files)

    def model_json(self) -> JsonObject:
        """The ``model`` object of the JSON output."""
        return {**self.model_facts(), "chosen": self.chosen}

    def needs(self, *, low_vram: bool) -> Needs:
        """What the model asks of the machine."""
        model = self.model.model
        files = (*self.model.files, *self.materials.files)
        return Needs(
            model=model.name,
            min_vram_gb=0.0 if low_vram else model.min_vram_gb,
            fit_for_cpu=model.cpu or self.chosen == "no_gpu",
            files=tuple(found.path for found in files),
            digests=tuple(found.sha256 for found in files),
        )

    def pictures(self, options: argparse.Namespace, keep_alive_s: float, *, preview: bool) -> Iterator[Picture]:
        """The pictures as a session takes them, numbered from 1.

        Args:
            options: what the plan was made with.
            keep_alive_s: how long the model stays in memory after each.
            preview: whether their steps are drawn on the terminal.

        Raises:
            UsageError, EnvironmentError_: as for ``stepwise.folder``.
        """
        model = self.model_facts()
        needs = self.needs(low_vram=options.low_vram)
        steps = stepwise.folder(options, self.files)
        files: list[Path | None] = [*self.files] or [None]
        for number, (request, graph, file) in enumerate(zip(self.requests, self.graphs, files, strict=True), start=1):
            yield Picture(
                number=number,
                request=request,
                graph=graph,
                model=model,
                file=file,
                no_clobber=options.no_clobber,
                keep_alive_s=keep_alive_s,
                needs=needs,
                inputs=self.materials.inputs,
                encoding=formats.of_file(options, file),
                remade_of=None if options.from_image is None else options.remake.engine,
                stepwise=steps,
                preview=preview,
                batch=_batch_again(options, request),
                batch_size=None if options.batch_size == AUTO else options.batch_size,
            )


def _batch_again(options: argparse.Namespace, request: ImageRequest) -> Batch | None:
    """The batch that a picture was sampled in which is to be made again as it was."""
    if options.from_image is None or "batch_size" in options.given:
        return None
    from hal_image.host.remake.differences import is_the_same  # noqa: PLC0415 - only with --from-image

    past = options.remake.past
    return past.batch if past.batch is not None and is_the_same(past, request) else None


class Planner:
    """Makes plans. What it found out about a model it keeps: the next picture of that model costs next to nothing.

    Args:
        models_dir: the models folder.
        output: where warnings and the progress of downloads go.

    Raises:
        RegistryError: a registry file breaks a rule.
    """

    def __init__(self, models_dir: Path, output: Output) -> None:
        self._models_dir = models_dir
        self._output = output
        self._registry = load()
        self._chosen: dict[str | None, tuple[Model, Chosen]] = {}
        self._found: dict[str, ResolvedModel | ModelError] = {}
        self._ready: set[str] = set()
        """Models that have been written where they have to be."""
        self.used: dict[Path, ResolvedFile] = {}
        """Files of the models of plans that were made ready."""
        self._lora_check: LoraCheck | None = None

    def knows(self, options: argparse.Namespace) -> bool:
        """Whether a plan takes no time: the model's files have been looked for, and fetched; or, for a workflow, it is
        known what nodes there are.
        """
        if options.workflow is not None:
            from hal_image.host.workflows import nodes  # noqa: PLC0415 - only for workflows

            return nodes.known() is not None
        asked = options.model
        return asked in self._chosen and self._chosen[asked][0].name in self._found

    def plan(
        self,
        options: argparse.Namespace,
        prompt: str | None,
        place: Callable[[list[ImageRequest]], list[Path]],
    ) -> Plan:
        """The plan of one call, or of one line of a batch.

        Args:
            options: as ``--help`` lists them.
            prompt: the prompt; ``None`` only with a workflow, for none.
            place: where the pictures go.

        Raises:
            UsageError, ModelError, EnvironmentError_, TimeoutError_; and what ``place`` raises.
        """
        if options.workflow is not None:
            from hal_image.host.workflows import plan as workflows  # noqa: PLC0415 - only for workflows

            return workflows.plan(options, prompt, place, self._registry, self._models_dir, self._output)
        if prompt is None:
            raise missing_prompt()
        model, chosen = self._choose(options.model)
        materials = gather(options, model, self._registry, self._models_dir, self._output)
        requests = build_requests(options, prompt, model, materials)
        upscale.check_size(requests[0].upscale, requests[0].hires_size, requests[0].final_size)
        files = place(requests)
        for nothing in ineffective(
            model,
            cfg=requests[0].cfg,
            negative_prompt=requests[0].negative_prompt,
            guidance_given=options.guidance is not None,
            sampler=requests[0].sampler,
            fp8=options.fp8,
        ):
            self._output.warn("parameter_without_effect", f"{nothing.parameter}: {nothing.reason}")
        if any(file.bundled for file in model.files):
            from hal_image.host import included_model  # noqa: PLC0415 - only models that come with us say what they know

            included_model.warn_of_unknown_words(model, prompt, self._output)
        resolved = self._find(model, options)
        if options.lora:
            self._check_loras(materials, resolved)
        names: dict[Role, str] = {found.file.role: found.comfy_name for found in resolved.files}
        graphs = [build_graph(request, model, names) for request in requests]
        plan = Plan(requests, graphs, files, resolved, chosen, materials)
        if getattr(options, "remake", None) is not None:
            from hal_image.host.remake import differences  # noqa: PLC0415 - only with --from-image

            differences.tell_before(options.remake, plan.model_facts(), self._output)
        return plan

    def make_ready(self, plan: Plan, deadline: Deadline) -> Plan:
        """Writes what comes inside this package to the models folder, and notes that the model is used.

        Raises:
            ModelError, EnvironmentError_, TimeoutError_: as for ``included_model.lay_out``.
        """
        if plan.chosen == "workflow":
            return self._make_workflow_ready(plan, deadline)
        name = plan.model.model.name
        if name not in self._ready:
            if any(found.included for found in plan.model.files):
                from hal_image.host import included_model  # noqa: PLC0415 - once in the life of a models folder

                self._found[name] = included_model.lay_out(plan.model, self._models_dir, self._output, deadline)
            usage.touch(found.path for found in plan.model.files)
            self.used |= {found.path: found for found in plan.model.files}
            self._ready.add(name)
        materials = lay_out(plan.materials, self._models_dir)
        usage.touch(found.path for found in materials.files)
        found = self._found[name]
        return plan if isinstance(found, ModelError) else plan._replace(model=found, materials=materials)

    def _check_loras(self, materials: Materials, resolved: ResolvedModel) -> None:
        from hal_image.host.loras import LoraCheck  # noqa: PLC0415 - most pictures have none

        self._lora_check = self._lora_check or LoraCheck(self._output)
        self._lora_check.check(materials, resolved)

    def _make_workflow_ready(self, plan: Plan, deadline: Deadline) -> Plan:
        included = {found.file.bundled for found in plan.model.files if found.included}
        files = plan.model.files
        for model in self._registry.models.values():
            if included & {file.bundled for file in model.files if file.bundled}:
                from hal_image.host import included_model  # noqa: PLC0415 - once in the life of a models folder

                whole = resolve(model, self._models_dir)
                if any(found.included for found in whole.files):
                    written = included_model.lay_out(whole, self._models_dir, self._output, deadline).files
                    by_path = {found.path: found for found in written}
                    files = tuple(by_path.get(found.path, found) for found in files)
        usage.touch(found.path for found in files)
        self.used |= {found.path: found for found in files}
        return plan._replace(model=plan.model._replace(files=files))

    def _choose(self, asked: str | None) -> tuple[Model, Chosen]:
        if asked not in self._chosen:
            registry = self._registry
            model, chosen = choose_model(registry, asked, self._models_dir)
            if chosen == "no_gpu":
                whence = ", which comes with this tool" if model.files[0].bundled else ""
                self._output.warn(
                    "default_model_replaced",
                    f"no GPU and no {registry.default} here: drawing with {model.name}{whence}; "
                    f"`models pull {registry.default}` downloads {registry.default}",
                    {"default": registry.default, "model": model.name},
                )
            self._chosen[asked] = (model, chosen)
        return self._chosen[asked]

    def _find(self, model: Model, options: argparse.Namespace) -> ResolvedModel:
        if model.name not in self._found:
            try:
                self._found[model.name] = model_files.find(
                    model, self._registry, self._models_dir, options, self._output
                )
            except ModelError as error:  # nor is it there for the next line of a batch, which need not try again
                self._found[model.name] = error
        found = self._found[model.name]
        if isinstance(found, ModelError):
            raise found.with_traceback(None)
        return found
