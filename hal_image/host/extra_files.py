"""Finds the file of an upscaler, or of another thing that goes with a model, downloads it if it was named and may be,
and gives it its name in the models folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.errors import ModelError
from hal_image.host.model_files import download
from hal_image.models import extras, verified
from hal_image.models.store import ResolvedFile
from hal_image.models.types import EXTRA_ROLES, FOLDERS, ModelFile

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from hal_image.host.render import Output
    from hal_image.models.extras import FoundExtra
    from hal_image.models.types import ExtraKind, Registry

LICENCE = "not stated"


def find(
    kind: ExtraKind, asked: str, options: argparse.Namespace, registry: Registry, models_dir: Path, output: Output
) -> FoundExtra:
    """What ``asked`` names; ``--offline``, ``--no-download`` and ``--dry-run`` forbid to download.

    ``elsewhere`` says whether it was outside of the models folder, where ``path`` is now unless it is a dry run.

    Raises:
        ModelError: as for ``extras.find`` and ``extras.lay_out``, and ``download.download``.
        EnvironmentError_, TimeoutError_: as for the latter.
    """
    try:
        found = extras.find(kind, asked, registry, models_dir)
    except ModelError as error:
        if error.code != "model_missing" or options.offline or options.no_download or options.dry_run:
            raise
        download(registry.extras[asked], registry, models_dir, options, output)
        found = extras.find(kind, asked, registry, models_dir)
    entry = registry.extras.get(found.name)
    if entry is not None and found.bytes != entry.files[0].bytes:
        output.warn(
            "model_size_differs",
            f"{found.path} has {found.bytes} bytes, not the {entry.files[0].bytes} of the published file: another file "
            "of that name is used",
        )
    return found if options.dry_run else extras.lay_out(found, models_dir)._replace(elsewhere=found.elsewhere)


def resolved(found: FoundExtra) -> ResolvedFile:
    """The same as one of the files that a picture is made with."""
    role = EXTRA_ROLES[found.kind]
    name = found.comfy_name.rpartition("/")[2]
    file = ModelFile(role, FOLDERS[role][0], name, found.bytes, found.sha256, LICENCE, sources=())
    read = verified.digest(verified.read(), found.path) is not None
    return ResolvedFile(file, found.path, found.comfy_name, found.bytes, True, found.sha256, verified=read)
