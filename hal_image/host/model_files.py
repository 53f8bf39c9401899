"""Finds the files of the model that is to draw, downloads what is missing, and says what is peculiar about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from hal_image.errors import ModelError
from hal_image.host.deadline import Deadline
from hal_image.models import verified
from hal_image.models.store import resolve

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from hal_image.host.render import Output
    from hal_image.models.extras import FoundExtra
    from hal_image.models.store import ResolvedFile, ResolvedModel
    from hal_image.models.types import Entry, ExtraKind, Model, Registry

_Found = TypeVar("_Found")


def find(
    model: Model, registry: Registry, models_dir: Path, options: argparse.Namespace, output: Output
) -> ResolvedModel:
    """The model with its files; ``--offline``, ``--no-download`` and ``--dry-run`` forbid to download.

    Raises:
        ModelError: as for ``store.resolve`` and ``download.download``.
        EnvironmentError_, TimeoutError_: as for the latter.
    """

    def look() -> ResolvedModel:
        return resolve(model, models_dir, verified.read())

    resolved = _found_or_downloaded(look, model, registry, models_dir, options, output)
    for found in resolved.files:
        if not found.matches_size:
            output.warn("model_size_differs", _other_size(found.path, found.bytes_found, found.file.bytes))
    warn_of_other_bytes(resolved.files, [model], output)
    return resolved


def warn_of_other_bytes(files: Iterable[ResolvedFile], models: Sequence[Model], output: Output) -> None:
    """Says which files are not the published ones, though they have their size: once they were read, it is known.

    Args:
        files: all there are.
        models: that they belong to.
        output: is warned.
    """
    for found in files:
        if found.matches_size and found.verified and found.sha256 != found.file.sha256:
            name = next(model.name for model in models if any(one.name == found.file.name for one in model.files))
            output.warn(
                "model_digest_differs",
                f"{found.path} has other bytes than the published file: another file of that name is used, or it is "
                f"damaged; `models verify {name} --repair` gets the published one",
            )


def _other_size(path: Path, found: int, published: int) -> str:
    return f"{path} has {found} bytes, not the {published} of the published file: another file of that name is used"


def find_extra(
    kind: ExtraKind, asked: str, registry: Registry, models_dir: Path, options: argparse.Namespace, output: Output
) -> FoundExtra:
    """A LoRA, ControlNet or upscaler by its name or path; one of the registry is downloaded as a model would be.

    Raises:
        ModelError, EnvironmentError_, TimeoutError_: as for ``find`` and ``extras.find``.
    """
    from hal_image.models import extras  # noqa: PLC0415 - most pictures have none

    def look() -> FoundExtra:
        return extras.find(kind, asked, registry, models_dir)

    entry = registry.extras.get(asked)
    if entry is None:
        return look()
    found = _found_or_downloaded(look, entry, registry, models_dir, options, output)
    if found.bytes != entry.files[0].bytes:
        output.warn("model_size_differs", _other_size(found.path, found.bytes, entry.files[0].bytes))
    return found


def _found_or_downloaded(
    look: Callable[[], _Found],
    entry: Entry,
    registry: Registry,
    models_dir: Path,
    options: argparse.Namespace,
    output: Output,
) -> _Found:
    try:
        return look()
    except ModelError as error:
        if error.code != "model_missing" or options.offline or options.no_download or options.dry_run:
            raise
    _download(entry, registry, models_dir, options, output)
    return look()


def _download(model: Entry, registry: Registry, models_dir: Path, options: argparse.Namespace, output: Output) -> None:
    from hal_image.host.hal8000 import registration  # noqa: PLC0415 - once in the life of a model
    from hal_image.host.pull import pull  # noqa: PLC0415 - likewise

    output.note(
        f"{model.name} is not here yet and is downloaded now; Ctrl-C stops that, what has come stays, "
        "and --no-download forbids it"
    )
    deadline = Deadline.after(options.timeout)
    pull([model], registry, models_dir, engine=options.engine, output=output, deadline=deadline)
    registration.refresh(models_dir, output)
