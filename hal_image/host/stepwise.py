"""``--stepwise DIR``: how a picture looked after each sampling step, as files of the user's.

``--preview`` shows the same on a terminal: ``hal_image.host.terminal_preview``.
"""

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


def add_step_options(group: argparse._ActionsContainer, to_path: object) -> None:
    """What is shown of the steps; ``to_path`` is the type of paths."""
    group.add_argument(
        "--stepwise",
        type=to_path,  # type: ignore[arg-type]
        metavar="DIR",
        help="a small JPEG after each sampling step, too, into that folder",
    )
    group.add_argument("--preview", action="store_true", help="on a terminal, draw how the picture comes about")


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


def read(event: JsonObject, output_dir: Path) -> bytes | None:
    """A picture of a step; ``None`` where the engine has removed it again.

    Args:
        event: the engine's ``step_picture``.
        output_dir: of the engine.
    """
    source = output_dir / event["image"]
    try:
        return source.read_bytes() if source.resolve().is_relative_to(output_dir.resolve()) else None
    except (OSError, ValueError, RuntimeError):
        return None


def keep(picture: Picture, number: int, jpeg: bytes, output: Output) -> None:
    """Brings one to its place.

    Args:
        picture: that it is of.
        number: of the step, from 1.
        jpeg: how it looked.
        output: where it is told.

    Raises:
        EnvironmentError_: ``output_unwritable``, ``disk_full``.
    """
    if picture.stepwise is None:
        return
    target = _target(Path(picture.stepwise), picture.file, number)
    targets.write(target, jpeg, no_clobber=False)
    output.detail(f"step {number}: {target}")
