"""A job of several pictures, which differ in the seed alone: sampled at once where that is possible and memory has room
for it, else one after the other.

It is run in parts, each a prompt of ComfyUI's. A part that does not fit into memory is tried again with half of its
pictures, and on a GPU it may give fewer than it was asked for: ``comfyui_batches`` takes as many as fit.
"""

from __future__ import annotations

import dataclasses
import uuid
from typing import TYPE_CHECKING

from hal_image.engine import notices
from hal_image.engine.comfyui_batches import FIT, SEEDS, TOGETHER
from hal_image.engine.saving import Saving
from hal_image.engine.watch import cancelled
from hal_image.errors import HalError, JsonObject

if TYPE_CHECKING:
    from collections.abc import Callable

    from hal_image.engine.job import Job, Made
    from hal_image.wire import EngineStatus

SAMPLER = "KSampler"
EMPTY = frozenset({"EmptyLatentImage", "EmptySD3LatentImage"})
OF_SEVERAL = frozenset({
    "VAEDecode", "VAEDecodeTiled", "VAEEncode", "VAEEncodeTiled", "ImageScale", "SetLatentNoiseMask",
    "ImageCompositeMasked", "ImageUpscaleWithModel", "SaveImage",
})  # fmt: skip
"""Nodes that do with several pictures what they do with each."""
OF_ALL = frozenset({
    "CheckpointLoaderSimple", "UNETLoader", "DualCLIPLoader", "TripleCLIPLoader", "VAELoader", "LoraLoader",
    "CLIPTextEncode", "FluxGuidance", "ControlNetLoader", "ControlNetApplyAdvanced", "Canny", "LoadImage",
    "LoadImageMask", "UpscaleModelLoader",
})  # fmt: skip
"""Nodes of which all pictures have the same. A graph with any other is run for one picture after the other."""
ALONE = frozenset({"dpm_adaptive"})
"""Samplers whose steps depend on what all pictures of a batch look like."""
ALONE_WITH_MASK = frozenset({"ddim"})
"""Samplers that draw noise for what stays in a way of their own."""
REPEATED = "hal8000-repeated"
"""Id of the node that makes several latents of one."""
HIRES_AREA = 4.0
"""By how much a second sampling is reckoned to be larger where the graph does not say it."""


def run(
    job: Job,
    run_part: Callable[[Job], JsonObject | Saving],
    status: Callable[[], EngineStatus],
    give_way: Callable[[Job], bool] = lambda _job: False,
) -> JsonObject | Saving | None:
    """Runs a job of several pictures, or goes on with one.

    Args:
        job: with its seeds. What is done is noted in its ``made``.
        run_part: runs a job of one prompt, and returns the fields of its ``done``.
        status: of the engine, told with each part.
        give_way: asked between two parts whether a job of another caller goes before the rest, which then waits.

    Returns:
        the fields of the ``done`` event of the whole job; ``None`` for one that waits.

    Raises:
        HalError: as ``run_part``; ``cancelled``.
    """
    size = job.made.size or _first_size(job, on_gpu=is_on_gpu(status()))
    while len(job.made.images) < len(job.seeds):
        if job.cancelled.is_set():
            raise cancelled()
        part = part_of(job, size, fits=job.batch_size is None)
        try:
            done = run_part(part)
        except HalError as error:
            if error.code != "out_of_memory" or len(part.seeds) == 1:
                raise
            size = len(part.seeds) // 2
            job.made.note(notices.warnings([notices.halved(error, len(part.seeds), size)]))
            continue
        if isinstance(done, Saving):
            if len(job.made.images) + done.pictures == len(job.seeds):
                return _at_last(job, done, status)
            done = done.finish()
        _add(job, done, status)
        size = job.made.size = min(size, len(done["images"]))  # what did not fit now does not fit the next time
        if len(job.made.images) < len(job.seeds) and not job.cancelled.is_set() and give_way(job):
            return None
    return job.made.done()


def _at_last(job: Job, saving: Saving, status: Callable[[], EngineStatus]) -> Saving:
    """The end of a job whose last pictures are still being written."""
    return Saving(saving.pictures, lambda: _add(job, saving.finish(), status).done())


def _add(job: Job, done: JsonObject, status: Callable[[], EngineStatus]) -> Made:
    """Notes what a part has made, and tells of it."""
    first = len(job.made.images) + 1
    count = job.made.add(done)
    job.emit({"event": "pictures", "first": first, "batches": [count], **_whole(done, status())})
    return job.made


def partly(job: Job, status: Callable[[], EngineStatus]) -> JsonObject:
    """What ``failed`` says of the pictures that a job has made before it failed; nothing where nobody wants them."""
    if job.cancelled.is_set() or not job.made.images:
        return {}
    return _whole(job.made.done(), status())


def _whole(done: JsonObject, status: EngineStatus) -> JsonObject:
    """With all that the ``done`` of a job says."""
    timings = {"boot_s": 0.0, "queue_s": 0.0, **done["timings"]}
    return {**done, "timings": timings, "engine": status._asdict()}


def is_on_gpu(status: EngineStatus) -> bool:
    """Whether ComfyUI computes on a card."""
    return (status.device or "cpu").startswith("cuda")


def _first_size(job: Job, *, on_gpu: bool) -> int:
    if not can_batch(job.graph):
        return 1
    return job.batch_size or (len(job.seeds) if on_gpu else 1)


def can_batch(graph: JsonObject) -> bool:
    """Whether a graph can make several pictures at once that are what each would be alone."""
    kinds = {node["class_type"] for node in graph.values()}
    samplers = {node["inputs"].get("sampler_name") for node in graph.values() if node["class_type"] == SAMPLER}
    masked = "SetLatentNoiseMask" in kinds
    return (
        kinds <= OF_SEVERAL | OF_ALL | EMPTY | {SAMPLER}
        and bool(samplers)
        and not samplers & ALONE
        and not (masked and samplers & ALONE_WITH_MASK)
    )


def part_of(job: Job, size: int, *, fits: bool) -> Job:
    """The next pictures of a job, ``size`` at most, as a job of one prompt; it shares what is told and taken back.

    Args:
        job: the whole.
        size: how many at most.
        fits: whether ComfyUI takes only as many as memory has room for.
    """
    done = len(job.made.images)
    seeds = job.seeds[done : done + size]
    graph = several(job.graph, seeds, fits=fits) if len(seeds) > 1 else with_seed(job.graph, seeds[0])
    return dataclasses.replace(
        job,
        graph=graph,
        seeds=seeds,
        prompt_id=str(uuid.uuid4()),
        place={"picture": done + 1, "pictures": len(seeds)},
    )


def with_seed(graph: JsonObject, seed: int) -> JsonObject:
    """The graph for another seed."""
    return {
        node_id: {**node, "inputs": {**node["inputs"], "seed": seed}} if node["class_type"] == SAMPLER else node
        for node_id, node in graph.items()
    }


def several(graph: JsonObject, seeds: tuple[int, ...], *, fits: bool) -> JsonObject:
    """The graph for several pictures at once, its nodes marked for ``comfyui_batches``."""
    result = with_seed(graph, seeds[0])
    for node_id, node in graph.items():
        kind = node["class_type"]
        marks: JsonObject = {}
        if kind in EMPTY:
            marks = {"batch_size": len(seeds)}
        elif kind == SAMPLER:
            marks = {SEEDS: ",".join(str(seed) for seed in seeds)}
            if not _ancestors(graph, node_id, SAMPLER):
                marks |= {FIT: f"{_larger(graph):.4f}"} if fits else {}
                if not any(_ancestors(graph, node_id, empty) for empty in EMPTY):
                    result[REPEATED] = {
                        "class_type": "RepeatLatentBatch",
                        "inputs": {"samples": node["inputs"]["latent_image"], "amount": len(seeds)},
                    }
                    marks["latent_image"] = [REPEATED, 0]
        elif kind in OF_SEVERAL:
            marks = {TOGETHER: "yes"}
        result[node_id] = {**result[node_id], "inputs": {**result[node_id]["inputs"], **marks}}
    return result


def _ancestors(graph: JsonObject, node_id: str, kind: str) -> list[str]:
    """The nodes of a kind that a node is made from."""
    found, seen, open_ids = [], {node_id}, [node_id]
    while open_ids:
        for value in graph[open_ids.pop()]["inputs"].values():
            if isinstance(value, list) and value[0] in graph and value[0] not in seen:
                seen.add(value[0])
                open_ids.append(value[0])
                if graph[value[0]]["class_type"] == kind:
                    found.append(value[0])
    return found


def _larger(graph: JsonObject) -> float:
    """How many times as large as the first sampling the largest one is, by area."""
    second = [node_id for node_id, node in graph.items() if node["class_type"] == SAMPLER
              and _ancestors(graph, node_id, SAMPLER)]  # fmt: skip
    if not second:
        return 1.0
    scales = {scale for node_id in second for scale in _ancestors(graph, node_id, "ImageScale")}
    areas = [_area(graph[scale]) for scale in scales]
    first = [_area(node) for node in graph.values() if node["class_type"] in EMPTY]
    # of a picture to begin with the size is not known here: hires is up to twice a side as a rule
    return max(1.0, max(areas) / first[0]) if areas and first else HIRES_AREA


def _area(node: JsonObject) -> float:
    return float(node["inputs"]["width"]) * float(node["inputs"]["height"])
