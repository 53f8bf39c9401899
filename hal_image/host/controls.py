"""The ControlNets of a picture: found by what they follow and by the model's family, with their pictures made ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.errors import ModelError
from hal_image.host import model_files
from hal_image.host.materials import Materials
from hal_image.models import extra_kinds, extras
from hal_image.models.contents import FAMILY_NAMES
from hal_image.models.store import installed_files
from hal_image.request import Control
from hal_image.workflow import controls as graph

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

    from hal_image.host.extra_arguments import ControlOption
    from hal_image.host.picture_size import Size
    from hal_image.host.render import Output
    from hal_image.models.extras import FoundExtra
    from hal_image.models.types import Model, Registry


def gather(
    options: argparse.Namespace, model: Model, size: Size, registry: Registry, models_dir: Path, output: Output
) -> Materials:
    """The ControlNets and the pictures that ``--control`` names.

    Args:
        options: as ``--help`` lists them.
        model: the one that draws.
        size: of the picture that is drawn: the others are cut to its sides' ratio and scaled to it.
        registry: all that is known.
        models_dir: where model files are.
        output: where warnings go.

    Raises:
        UsageError: as for ``given_picture.read``.
        ModelError: ``control_missing``; ``model_wrong``: it is for another family; as for ``model_files.find_extra``.
    """
    from hal_image.host import given_picture, init_pixels  # noqa: PLC0415 - Pillow, only where there is a picture

    used = []
    files = []
    inputs = {}
    for number, option in enumerate(options.control):
        given = given_picture.read(option.image, "--control", output)
        found = _find(option, model, registry, models_dir, options, output)
        inputs[graph.picture(number)] = init_pixels.png(init_pixels.fitted(init_pixels.colours(given.image), size))
        files.append(found.resolved)
        used.append(
            Control(
                type=option.type,
                name=found.name,
                file=found.comfy_name,
                sha256=found.sha256,
                image=given.file,
                strength=option.strength,
                start=option.start,
                end=option.end,
            )
        )
    return Materials({"controls": tuple(used)}, tuple(files), inputs)


def as_typed(control: Control) -> str:
    """What ``--control`` takes for it."""
    what = control.type if control.type == control.name else f"{control.type}@{control.name}"
    return f"{what}:{control.image.path}:{control.strength:g}:{control.start:g}-{control.end:g}"


def a1111_pairs(controls: tuple[Control, ...]) -> dict[str, object]:
    """As A1111's extension for ControlNets writes them."""
    return {
        f"ControlNet {number}": f'"Module: {"canny" if control.finds_edges else "none"}, '
        f"Model: {control.file.rpartition('/')[2].removesuffix(extras.SUFFIX)}, Weight: {control.strength:g}, "
        f'Resize Mode: Crop and Resize, Guidance Start: {control.start:g}, Guidance End: {control.end:g}"'
        for number, control in enumerate(controls)
    }


def _find(
    option: ControlOption,
    model: Model,
    registry: Registry,
    models_dir: Path,
    options: argparse.Namespace,
    output: Output,
) -> FoundExtra:
    asked = option.name or next(_of_type(option.type, model, registry, models_dir), None)
    if asked is None:
        names = extras.names("controlnet", registry, models_dir)
        if not any(option.type in {name, name.rpartition("/")[2]} for name in names):
            raise _missing(option, model, names, models_dir)
        asked = option.type
    found = model_files.find_extra("controlnet", asked, registry, models_dir, options, output)
    if found.family is not None and found.family != model.family:
        of = FAMILY_NAMES.get(found.family, found.family)
        raise ModelError(
            f"ControlNet {found.name!r} is for {of}, and model {model.name!r} is {FAMILY_NAMES[model.family]}",
            code="model_wrong",
            hint=f"get one for {FAMILY_NAMES[model.family]}, or use a model that is {of}",
            details={"path": str(found.path), "found": found.family, "wanted": model.family},
        )
    return found


def _of_type(control: str, model: Model, registry: Registry, models_dir: Path) -> Iterator[str]:
    """Names of ControlNets of a type that fit the model: first what is there, then what can be downloaded."""
    entries = [
        entry
        for entry in registry.extras.values()
        if (entry.kind, entry.control, entry.family) == ("controlnet", control, model.family)
    ]
    there = [entry.name for entry in entries if all(path for _, path in installed_files(entry, models_dir))]
    yield from there
    for name, path in extras.by_hand("controlnet", registry, models_dir).items():
        if extra_kinds.control_of(path.stem) == control:
            try:
                found = extras.find("controlnet", name, registry, models_dir)
            except ModelError:
                continue  # a damaged one is not what is meant, as long as nobody names it
            if found.family == model.family:
                yield name
    yield from (entry.name for entry in entries if entry.name not in there)


def _missing(option: ControlOption, model: Model, names: list[str], models_dir: Path) -> ModelError:
    family = FAMILY_NAMES[model.family]
    told = f"there are: {', '.join(names[:20])}" if names else "there is none yet"
    return ModelError(
        f"there is no ControlNet for {option.type!r} and {family}, nor one of that name",
        code="control_missing",
        hint=f"{told}; put one whose file's name says {option.type} into {models_dir / 'controlnet'}",
        details={"type": option.type, "family": model.family, "known": names},
    )
