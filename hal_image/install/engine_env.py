"""What the engine runs on: a Python with torch, and ComfyUI's source. Each half can be the user's own.

``HAL_ENGINE_PYTHON`` names an interpreter that has ComfyUI's packages, ``HAL_COMFYUI_DIR`` a ComfyUI checkout. What is
not given is prepared: a venv from our lock, the pinned source.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from hal_image.errors import EnvironmentError_
from hal_image.install import comfyui_source, where

if TYPE_CHECKING:
    from hal_image.install.process import Report

LABEL = "the engine"
NEED_BYTES = 9_500_000_000
"""Free disk space to ask for beforehand.

Measured on Linux while pip installs: 8.4 GB with Python 3.11, 8.8 GB with 3.13, of which about 3 GB are wheels that it
removes in the end. What stays is 5.9 and 6.2 GB. pip's own cache, outside of the state directory, comes on top.
"""


class EnginePaths(NamedTuple):
    """Everything that is needed to start ComfyUI.

    Attributes:
        python: interpreter with torch.
        python_source: ``"venv"`` for ours, ``"external"`` for ``HAL_ENGINE_PYTHON``.
        comfyui_dir: folder with ComfyUI's ``main.py``.
        comfyui_source: ``"git"`` or ``"wheel"`` for ours, ``"external"`` for ``HAL_COMFYUI_DIR``.
        comfyui_commit: 40 hex digits; ``None`` when an external folder does not say.
        comfyui_version: e.g. ``"0.3.75"``; ``None`` when an external folder does not say.
    """

    python: Path
    python_source: Literal["venv", "external"]
    comfyui_dir: Path
    comfyui_source: Literal["git", "wheel", "external"]
    comfyui_commit: str | None
    comfyui_version: str | None


def engine_ready() -> EnginePaths | None:
    """What the engine runs on when all of it is there, else ``None``. A few looks at the disk.

    Raises:
        EnvironmentError_: ``engine_python_invalid``, ``comfyui_dir_invalid``, ``comfyui_source_invalid``.
    """
    python = _external_python()
    source = comfyui_source.found()
    if source is None:
        return None
    if python is None:
        ours = where.ready_python(where.venv_dir("engine"))
        return None if ours is None else _paths(Path(ours), "venv", source)
    return _paths(python, "external", source)


def prepare_engine(report: Report, *, deadline: float | None = None, offline: bool = False) -> EnginePaths:
    """Prepare the halves that are missing.

    Args:
        report: takes lines of progress.
        deadline: ``time.monotonic()`` value at which to give up.
        offline: download nothing.

    Raises:
        EnvironmentError_: as for ``engine_ready``, ``venvs.ensure_venv`` and ``comfyui_prepare.ensure_source``.
        TimeoutError_: ``prepare_timeout``.
    """
    from hal_image.install import faults, venvs  # noqa: PLC0415 - only an installation needs them
    from hal_image.install.comfyui_prepare import ensure_source  # noqa: PLC0415 - likewise

    python = _external_python()
    comfyui_source.wanted()  # a wrong setting is told before gigabytes are downloaded
    if python is not None:
        source = ensure_source(python, report, deadline=deadline, offline=offline)
        return _paths(python, "external", source)
    plan = venvs.standard_plan("engine", LABEL, NEED_BYTES)
    if plan.python is None and not faults.platform_supported():
        raise faults.python_unsupported(LABEL)
    python = venvs.ensure_venv(plan, report, deadline=deadline, offline=offline)
    source = ensure_source(python, report, deadline=deadline, offline=offline)
    return _paths(python, "venv", source)


def _paths(python: Path, origin: Literal["venv", "external"], source: comfyui_source.Source) -> EnginePaths:
    return EnginePaths(python, origin, source.folder, source.kind, source.commit, source.version)


def _external_python() -> Path | None:
    explicit = where.setting("HAL_ENGINE_PYTHON")
    if explicit is None:
        return None
    python = Path(where.absolute(explicit))  # a venv's interpreter is a link that must not be followed
    if python.is_file() and os.access(python, os.X_OK):
        return python
    raise EnvironmentError_(
        f"HAL_ENGINE_PYTHON is not a program that can be run: {python}",
        code="engine_python_invalid",
        hint="export HAL_ENGINE_PYTHON=/path/to/venv/bin/python, or unset it to have one prepared",
        details={"path": str(python)},
    )
