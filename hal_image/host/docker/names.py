"""What containers, their folders and their volume are called: the same on every call, so that Docker can find them."""

from __future__ import annotations

import os
import zlib
from typing import TYPE_CHECKING

from hal_image import paths

if TYPE_CHECKING:
    from pathlib import Path


def owner() -> str:
    """Short name of whose containers these are: of one user, and of one state directory."""
    return f"{zlib.crc32(os.fsencode(f'{os.getuid()}:{paths.state_dir()}')):08x}"


def hot_volume() -> str:
    """The name of the volume with the owner's hot cache."""
    return f"hal8000-hot-{owner()}"


def key(models_dir: Path) -> str:
    """Short name of the engine of a models folder: there is one a folder. Not that of its local engine."""
    return f"{zlib.crc32(os.fsencode(models_dir.resolve())):08x}-docker"


def engine_folder(models_dir: Path) -> Path:
    """The folder of the engine of a models folder; it may not be there."""
    return paths.state_dir() / "engines" / key(models_dir)


def container_name(engine_key: str) -> str:
    """The name of the container: always the same, so that Docker itself refuses a second one."""
    return f"hal8000-{owner()}-{engine_key.removesuffix('-docker')}"
