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
        fields: fields of ``ImageRequest`` that say how it is used.
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
    options: argparse.Namespace,  # noqa: ARG001
    model: Model,  # noqa: ARG001
    registry: Registry,  # noqa: ARG001
    models_dir: Path,  # noqa: ARG001
    output: Output,  # noqa: ARG001
) -> Materials:
    """Finds and reads everything that the options name.

    Args:
        options: as ``--help`` lists them.
        model: the one that draws.
        registry: all that is known.
        models_dir: where model files are.
        output: where warnings go.
    """
    return NOTHING_MORE
