"""When each model file was last used: the time of change of an empty file in the state directory, which costs a warm
call next to nothing and needs no lock.
"""

from __future__ import annotations

import os
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

from hal_image import paths
from hal_image.errors import HalError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FOLDER = "used"


def _marker(path: Path) -> str:
    real = os.path.realpath(path.parent)  # a file's name stays its own where it is a link into a cache of others
    return f"{path.name}-{zlib.crc32(os.fsencode(real)):08x}"


def touch(files: Iterable[Path]) -> None:
    """Remember that these files are being used now. Never raises."""
    folder = paths.state_dir() / FOLDER
    for path in files:
        marker = folder / _marker(path)
        try:
            os.utime(marker)
        except OSError:
            with suppress(OSError, HalError):
                paths.make_state_dir(FOLDER)
                marker.touch(mode=0o600)


def last_used(path: Path) -> float | None:
    """Seconds since the epoch; ``None`` when it is not known that it was ever used. Never raises."""
    try:
        return (paths.state_dir() / FOLDER / _marker(path)).stat().st_mtime
    except OSError:
        return None


def forget(path: Path) -> None:
    """Forget about a file that is gone. Never raises."""
    with suppress(OSError):
        (paths.state_dir() / FOLDER / _marker(path)).unlink()
