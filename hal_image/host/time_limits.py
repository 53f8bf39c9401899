"""How long one picture may take when nobody has said so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.workflow.upscale import passes

if TYPE_CHECKING:
    from hal_image.host.picture import Picture
    from hal_image.request import Upscale

SLOWEST_READ = 50e6
"""Bytes a second at which a model comes from the slowest drive that is worth waiting for: an old hard disk, or a folder
of Windows seen from WSL2, gives 60 to 150 MB/s. 24 GB then take eight minutes."""

LEAST_STEPS = 100
"""What a workflow is given the time for, whatever it says: it may do other things that take long, or not say it."""


def default_timeout(picture: Picture, device: str | None) -> float:
    """Seconds for all pictures of a job from the moment it starts, when no ``--timeout`` was given.

    Args:
        picture: it counts the steps, and the size of the model's files.
        device: what it runs on, as ComfyUI calls it; ``None`` when that is not known.
    """
    size = sum(file["bytes"] or 0 for file in picture.model["files"])
    count = pictures_of(picture)
    limit = limit_s(count * _steps(picture), size, on_cpu=is_cpu(device))
    return limit + count * enlarging_s(picture.request.upscale, *picture.request.hires_size, device)


def pictures_of(picture: Picture) -> int:
    """How many pictures a job makes."""
    return len(picture.numbers) if picture.batch is None else len(picture.batch.seeds)


def is_cpu(device: str | None) -> bool:
    """Whether a device, as ComfyUI calls it, is a processor."""
    return device is not None and device.startswith("cpu")


def _steps(picture: Picture) -> float:
    """Steps of both samplings, in steps of the first; of a workflow all there are."""
    request = picture.request
    if request.workflow is not None:
        from hal_image.workflow.own.facts import all_steps  # noqa: PLC0415 - only for workflows

        return max(LEAST_STEPS, all_steps(picture.graph.nodes))
    width, height = request.hires_size
    second = 0.0 if request.hires is None else request.steps * width * height / (request.width * request.height)
    return request.steps + second


def enlarging_s(upscale: Upscale | None, width: int, height: int, device: str | None) -> float:
    """Seconds for enlarging a finished picture of that size.

    An upscale model as large as Real-ESRGAN's computes 38 TFLOP for a million pixels: seconds on a GPU, and on a
    processor that does 50 GFLOP/s a quarter of an hour.
    """
    if upscale is None:
        return 0.0
    enlarged = upscale.factor or 1
    pixels = width * height * sum(float(enlarged) ** (2 * number) for number in range(passes(upscale)))
    millions = pixels / 1e6
    return 60.0 + millions * (1800.0 if is_cpu(device) else 30.0)


def limit_s(steps: float, model_bytes: int, *, on_cpu: bool) -> float:
    """Seconds for ``steps`` with a model of that size.

    On a GPU two a step, three minutes for all else, and the time to read the model from a slow drive: whether it is in
    memory still is not known, since ComfyUI makes room for other callers' models. A processor needs a minute and more
    for a step of SDXL at its full size. The limit is there for what would never end, so a generous one costs nothing.
    """
    load = model_bytes / SLOWEST_READ
    return load + (steps * 120.0 + 900.0 if on_cpu else steps * 2.0 + 180.0)
