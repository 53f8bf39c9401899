"""``--upscale`` and the command of that name: which upscale model is used, and whether the picture is not too large."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from hal_image.errors import EnvironmentError_, UsageError
from hal_image.host.materials import NOTHING_MORE, Materials
from hal_image.host.upscale_arguments import LANCZOS, AskedUpscale
from hal_image.request import MAX_SIDE, Upscale
from hal_image.workflow.upscale import largest

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from hal_image.host.render import Output
    from hal_image.models.store import ResolvedFile
    from hal_image.models.types import ExtraKind, Registry
    from hal_image.request import ImageRequest

KIND: ExtraKind = "upscaler"
BYTES_PER_PIXEL = 60
"""Main memory that ComfyUI takes while it enlarges, in bytes for each pixel of the largest picture in between: its
``tiled_scale`` holds the sum, the weights and the result, the node a copy within 0 to 1 and the saver one in 0 to 255,
each with three colours of four bytes."""


class Chosen(NamedTuple):
    """How a picture is enlarged, and the model's file, if there is one."""

    upscale: Upscale
    files: tuple[ResolvedFile, ...] = ()


def gather(options: argparse.Namespace, registry: Registry, models_dir: Path, output: Output) -> Materials:
    """What ``--upscale`` asks for; errors as for ``choose``."""
    if options.upscale is None:
        return NOTHING_MORE
    chosen = choose(options.upscale, options, registry, models_dir, output)
    return Materials(fields={"upscale": chosen.upscale}, files=chosen.files)


def choose(
    asked: AskedUpscale, options: argparse.Namespace, registry: Registry, models_dir: Path, output: Output
) -> Chosen:
    """Finds the upscale model.

    Without a name it is the first of the registry's that is there, else the first file in ``upscale_models``. Where
    there is none, the picture is resampled, which a warning says; nothing is downloaded that nobody has named.

    Args:
        asked: the scale, and the name of the model if one was given.
        options: ``--offline``, ``--no-download`` and ``--dry-run`` forbid to download.
        registry: the models that are known.
        models_dir: where their files are.
        output: where warnings go.

    Raises:
        ModelError: as for ``extras.find``.
        EnvironmentError_, TimeoutError_: it cannot be downloaded.
    """
    if asked.model == LANCZOS:
        return Chosen(Upscale(asked.scale, "lanczos"))
    from hal_image.host import model_files  # noqa: PLC0415 - only where something is enlarged
    from hal_image.models.upscale_factor import factor  # noqa: PLC0415 - likewise

    name = asked.model if asked.model is not None else _one_that_is_there(registry, models_dir)
    if name is None:
        known = next((entry.name for entry in registry.extras.values() if entry.kind == KIND), None)
        get_one = f"; `models pull {known}` downloads one" if known else ""
        output.warn(
            "upscaled_without_model",
            f"there is no upscale model in {models_dir / 'upscale_models'}: the picture is resampled (Lanczos), which "
            f"adds no detail{get_one}, and the name {LANCZOS} says that this is meant",
        )
        return Chosen(Upscale(asked.scale, "lanczos"))
    found = model_files.find_extra(KIND, name, registry, models_dir, options, output)
    enlarges = factor({tensor: about.shape for tensor, about in found.tensors.items()})
    upscale = Upscale(asked.scale, "model", found.name, found.comfy_name, found.sha256, enlarges)
    return Chosen(upscale, (found.resolved,))


def _one_that_is_there(registry: Registry, models_dir: Path) -> str | None:
    from hal_image.models import extras, store  # noqa: PLC0415 - as above

    entries = (entry for entry in registry.extras.values() if entry.kind == KIND)
    of_registry = [one.name for one in entries if store.status(store.installed_files(one, models_dir)) == "present"]
    return next(iter([*of_registry, *sorted(extras.by_hand(KIND, registry, models_dir))]), None)


def check_size(upscale: Upscale | None, given: tuple[int, int], final: tuple[int, int]) -> None:
    """Sees that a picture can be made as large as it is to be.

    Args:
        upscale: how it is enlarged at last.
        given: width and height in pixels before that.
        final: the same of the file.

    Raises:
        UsageError: ``size_too_large``.
        EnvironmentError_: ``memory_too_small``.
    """
    if max(final) > MAX_SIDE:
        raise UsageError(
            f"the picture would be {final[0]}x{final[1]}, and no side may be longer than {MAX_SIDE}",
            code="size_too_large",
            hint="enlarge it less, or begin with a smaller one",
            details={"width": final[0], "height": final[1]},
        )
    if upscale is None:
        return
    needed = largest(upscale, *given) * BYTES_PER_PIXEL
    there = _memory()
    if there is not None and needed > there:
        raise EnvironmentError_(
            f"to make {final[0]}x{final[1]} of {given[0]}x{given[1]} takes about {needed / 2**30:.0f} GiB of memory, "
            f"and this machine has {there / 2**30:.0f}",
            code="memory_too_small",
            hint="enlarge it less, or begin with a smaller one"
            if upscale.factor is None or upscale.factor <= upscale.scale
            else f"take {LANCZOS} or an upscale model for {upscale.scale} times, or begin with a smaller one",
            details={"needed_bytes": needed, "memory_bytes": there},
        )


def _memory() -> int | None:
    """Bytes of main memory of this machine, if it says."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return None


def options_of(request: ImageRequest) -> dict[str, Any]:
    """The values of the options that ask for the same again."""
    return {} if request.upscale is None else {"upscale": asked_for(request.upscale)}


def as_typed(request: ImageRequest) -> list[str]:
    """The same as words of a command."""
    return [] if request.upscale is None else ["--upscale", str(asked_for(request.upscale))]


def asked_for(upscale: Upscale) -> AskedUpscale:
    """What names the same again, also when other models have come."""
    return AskedUpscale(upscale.scale, upscale.model or LANCZOS)


def a1111_pairs(upscale: Upscale | None) -> dict[str, object]:
    """What A1111 writes of its post-processing."""
    if upscale is None:
        return {}
    name = "Lanczos" if upscale.file is None else upscale.file.rpartition("/")[2].removesuffix(".safetensors")
    return {"Postprocess upscale by": upscale.scale, "Postprocess upscaler": name}
