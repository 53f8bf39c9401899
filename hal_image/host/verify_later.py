"""Has model files that were dropped in by hand read for their digest, after a picture was made with them.

A process of its own does it (``hal_image.host.store.read_later``), which stays for as long as that takes and gives way
to everything else. The next call with such a file knows what became of it, as after ``models verify``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hal_image.install import where

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hal_image.models.store import ResolvedFile

MODULE = "hal_image.host.store.read_later"


def begin(files: Iterable[ResolvedFile]) -> bool:
    """Starts the process where there is something to read. Never raises.

    Args:
        files: that pictures were made with; only those count that are taken for published ones by their size alone.

    Returns:
        whether it was started.
    """
    unknown = [found.path for found in files if _is_taken_on_trust(found)]
    if not unknown or where.setting("HAL_VERIFY") == "0":
        return False
    from hal_image.models import verified  # noqa: PLC0415 - most files are known

    known = verified.read()  # since they were looked for, the hot cache may have read them
    unknown = [path for path in unknown if verified.digest(known, path) is None]
    return bool(unknown) and _start(unknown)


def _is_taken_on_trust(found: ResolvedFile) -> bool:
    of_ours = found.included or found.file.bundled is not None  # checked while it was written
    return not found.verified and found.matches_size and bool(found.file.sha256) and not of_ours


def _start(files: list[Path]) -> bool:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2]), "PYTHONSAFEPATH": "1"}
    null = [
        (os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0)  # nobody is to wait for the end of our output
        for number in range(3)
    ]
    try:
        os.posix_spawn(
            sys.executable, [sys.executable, "-m", MODULE, *map(os.fspath, files)], environment, file_actions=null
        )
    except OSError:  # no memory, no process left: the next call tries it again
        return False
    return True
