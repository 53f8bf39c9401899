"""Finds the files of the model that is to draw, downloads what is missing, and says what is peculiar about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.errors import ModelError
from hal_image.host.deadline import Deadline
from hal_image.models import verified
from hal_image.models.store import resolve

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from hal_image.host.render import Output
    from hal_image.models.store import ResolvedModel
    from hal_image.models.types import Entry, Model, Registry


def find(
    model: Model, registry: Registry, models_dir: Path, options: argparse.Namespace, output: Output
) -> ResolvedModel:
    """The model with its files; ``--offline``, ``--no-download`` and ``--dry-run`` forbid to download.

    Raises:
        ModelError: as for ``store.resolve`` and ``download.download``.
        EnvironmentError_, TimeoutError_: as for the latter.
    """
    try:
        resolved = resolve(model, models_dir, verified.read())
    except ModelError as error:
        if error.code != "model_missing" or options.offline or options.no_download or options.dry_run:
            raise
        download(model, registry, models_dir, options, output)
        resolved = resolve(model, models_dir, verified.read())
    for found in resolved.files:
        if not found.matches_size:
            output.warn(
                "model_size_differs",
                f"{found.path} has {found.bytes_found} bytes, not the {found.file.bytes} of the published file: "
                "another file of that name is used",
            )
        elif found.verified and found.sha256 != found.file.sha256:
            output.warn(
                "model_digest_differs",
                f"{found.path} has other bytes than the published file: another file of that name is used, or it is "
                f"damaged; `models verify {model.name} --repair` gets the published one",
            )
    return resolved


def download(entry: Entry, registry: Registry, models_dir: Path, options: argparse.Namespace, output: Output) -> None:
    """Downloads what is missing of an entry, and says so.

    Raises:
        ModelError, EnvironmentError_, TimeoutError_: as for ``download.download``.
    """
    from hal_image.host.hal8000 import registration  # noqa: PLC0415 - once in the life of a model
    from hal_image.host.pull import pull  # noqa: PLC0415 - likewise

    output.note(
        f"{entry.name} is not here yet and is downloaded now; Ctrl-C stops that, what has come stays, "
        "and --no-download forbids it"
    )
    deadline = Deadline.after(options.timeout)
    pull([entry], registry, models_dir, engine=options.engine, output=output, deadline=deadline)
    registration.refresh(models_dir, output)
