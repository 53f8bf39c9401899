"""``--stepwise DIR``: how a picture looked after each sampling step, as files of the user's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hal_image import paths
from hal_image.host import output as targets

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from hal_image.errors import JsonObject
    from hal_image.host.picture import Picture
    from hal_image.host.render import Output

NAMELESS = "picture"
"""What they are called after where the picture goes to standard output."""


def add_stepwise(group: argparse._ActionsContainer, to_path: object) -> None:
    """The option; ``to_path`` is the type of paths."""
    group.add_argument(
        "--stepwise",
        type=to_path,  # type: ignore[arg-type]
        metavar="DIR",
        help="a small JPEG after each sampling step, too, into that folder",
    )


def folder(options: argparse.Namespace, files: Iterable[Path]) -> str | None:
    """Where they go, absolute; ``None`` where nobody wants them.

    Args:
        options: ``stepwise`` is looked at.
        files: of the pictures.

    Raises:
        UsageError: ``output_invalid``: it cannot be a folder.
        EnvironmentError_: ``output_unwritable``.
    """
    if options.stepwise is None:
        return None
    place = paths.typed(options.stepwise).absolute()
    named: list[Path | None] = [*files] or [None]
    for file in named:
        targets.check(_target(place, file, 1), no_clobber=False)
    return str(place)


def _target(place: Path, file: Path | None, number: int) -> Path:
    return place / f"{NAMELESS if file is None else file.stem}-{number:05}.jpg"


def keep(picture: Picture, event: JsonObject, output_dir: Path, output: Output) -> None:
    """Brings one to its place. One that the engine has removed again is left out.

    Args:
        picture: that it is of.
        event: the engine's ``step_picture``.
        output_dir: of the engine.
        output: where it is told.

    Raises:
        EnvironmentError_: ``output_unwritable``, ``disk_full``.
    """
    if picture.stepwise is None:
        return
    source = output_dir / event["image"]
    try:
        if not source.resolve().is_relative_to(output_dir.resolve()):
            return
        raw = source.read_bytes()
    except (OSError, ValueError, RuntimeError):
        return
    target = _target(Path(picture.stepwise), picture.file, event["number"])
    targets.write(target, raw, no_clobber=False)
    output.detail(f"step {event['number']}: {target}")
