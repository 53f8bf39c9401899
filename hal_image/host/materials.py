"""What a picture is made with beside the model: other model files, and pictures that are given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from pathlib import Path

    from hal_image.host.render import Output
    from hal_image.models.store import ResolvedFile
    from hal_image.models.types import Model, Registry


class Materials(NamedTuple):
    """What was found and read.

    Attributes:
        fields: fields of ``ImageRequest`` that say how it is used; ``width`` and ``height`` too where they follow.
        files: model files.
        inputs: pictures for the graph to load, as files that ComfyUI reads, by the name that the graph has for them.
    """

    fields: Mapping[str, Any] = {}
    files: tuple[ResolvedFile, ...] = ()
    inputs: Mapping[str, bytes] = {}

    def with_more(self, other: Materials) -> Materials:
        """Both together."""
        return Materials({**self.fields, **other.fields}, (*self.files, *other.files), {**self.inputs, **other.inputs})


NOTHING_MORE = Materials()


def gather(
    options: argparse.Namespace, model: Model, registry: Registry, models_dir: Path, output: Output
) -> Materials:
    """Finds and reads everything that the options name.

    Args:
        options: as ``--help`` lists them.
        model: the one that draws.
        registry: all that is known.
        models_dir: where model files are.
        output: where warnings go.

    Raises:
        UsageError: something that was given cannot be used.
        ModelError: as for ``loras.gather`` and ``controls.gather``.
    """
    from hal_image.host import hires, init_image, sparing, upscale  # noqa: PLC0415 - they know this module

    found = NOTHING_MORE.with_more(init_image.gather(options, model, output))
    if options.lora:
        from hal_image.host import loras  # noqa: PLC0415 - most pictures have none

        found = found.with_more(loras.gather(options, model, registry, models_dir, output))
    if options.control:
        from hal_image.host import controls, picture_size  # noqa: PLC0415 - likewise

        fields = found.fields
        size = (fields["width"], fields["height"]) if "width" in fields else picture_size.asked(options, model)
        found = found.with_more(controls.gather(options, model, size, registry, models_dir, output))
    if options.preset:
        from hal_image.host import presets  # noqa: PLC0415 - likewise

        found = found.with_more(presets.gather(options))
    found = found.with_more(hires.gather(options)).with_more(sparing.gather(options))
    return found.with_more(upscale.gather(options, registry, models_dir, output))


def lay_out(materials: Materials, models_dir: Path) -> Materials:
    """Gives files that are outside of the models folder their names in it.

    Raises:
        ModelError: ``extra_outside``.
    """
    if not materials.files:
        return materials
    from hal_image.models import extras  # noqa: PLC0415 - likewise

    return materials._replace(files=tuple(extras.lay_out_file(file, models_dir) for file in materials.files))
