"""Whether a container will be able to read a model: it sees the models folder only, and is not root."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hal_image.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

    from hal_image.host.engines import EngineRequest


def check_files(request: EngineRequest, models_dir: Path) -> None:
    """Sees that the container can read the model's files: it sees the models folder only, and is not root.

    Raises:
        ModelError: ``model_outside``: a link leads out of the folder; ``model_unreadable``.
    """
    for file in request.needs.files if request.needs is not None else ():
        real = file.resolve()
        if not real.is_relative_to(models_dir):
            raise ModelError(
                f"{file} is a link to {real}, and the container sees nothing but {models_dir}",
                code="model_outside",
                hint="put the file itself there, or use --engine local",
            )
        if os.getuid() == 0 and not _others_may_read(real, models_dir):
            import shlex  # noqa: PLC0415 - not needed when all is well

            raise ModelError(
                f"the container of a caller who is root runs as somebody else, who may not read {real}",
                code="model_unreadable",
                hint=f"let others read it: chmod -R a+rX {shlex.quote(str(models_dir))}",
            )


def _others_may_read(file: Path, top: Path) -> bool:
    folders = [folder for folder in (top, *file.parents) if folder.is_relative_to(top)]
    return bool(file.stat().st_mode & 0o004) and all(folder.stat().st_mode & 0o005 == 0o005 for folder in folders)
