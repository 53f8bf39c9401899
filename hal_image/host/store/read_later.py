"""The process that reads model files for their digest while nothing else is to do: ``python -m … FILE…``.

It has the lowest priority for processor and disk that there is, there is one at a time, and it holds still while a
picture is made. Where the disk is slow, as a Windows drive is in WSL2, it waits until nothing was made for a while. It
can be ended at any time: what it had not read by then is read after the next picture.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hal_image import job_files, paths
from hal_image.errors import HalError
from hal_image.locking import try_lock
from hal_image.models import verified
from hal_image.mounts import mount_here

if TYPE_CHECKING:
    from collections.abc import Sequence

LOCK = "read-later.lock"
LIMIT_S = 3600.0
"""Seconds after which it gives up: who makes pictures for that long makes another one afterwards."""
LONGEST_JOB_S = 900.0
"""Seconds for which a job without an end counts as being made: its caller may have been killed."""
QUIET_S = 60.0
"""Seconds without a new job, or the end of one, before a slow disk is read."""
PAUSE_S = 1.0
PIECE_BYTES = 1 << 20
LOOK_EVERY = 32
"""Pieces after which it looks whether it is in the way."""


class Ended(Exception):
    """It is not to go on."""


def main(files: Sequence[str]) -> int:
    """Reads the files whose digest is not known; returns the exit code, which nobody looks at."""
    with suppress(OSError):
        os.setsid()  # Ctrl-C in the terminal of the call is not its business
    os.chdir("/")
    _give_way()
    with suppress(HalError, OSError, Ended):
        lock = try_lock(Path(paths.make_state_dir()) / LOCK)
        if lock is None:
            return 0
        with lock:
            reader = _Reader(lock.path)
            for file in files:
                reader.read(Path(file))
    return 0


def _give_way() -> None:
    """The lowest priority. Linux gives a process of this kind the disk only while nobody else wants it, too."""
    try:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    except (AttributeError, OSError):  # on macOS, or where it is not allowed
        with suppress(OSError):
            os.nice(19)


class _Reader:
    """Reads files as long as it may.

    Args:
        lock: its lock file: when that is gone, so is the state directory.
    """

    def __init__(self, lock: Path) -> None:
        self._lock = lock
        self._end = time.monotonic() + LIMIT_S
        self._jobs = lock.parent / job_files.FOLDER

    def read(self, path: Path) -> None:
        """Computes the digest of a file and remembers it.

        Raises:
            Ended: it is not to go on.
        """
        if verified.digest(verified.read(), path) is not None:
            return
        import hashlib  # noqa: PLC0415 - OpenSSL, where there is something to read

        mount = mount_here(path)
        quiet_s = QUIET_S if mount is not None and mount.remark else 0.0
        digest, buffer, pieces = hashlib.sha256(), memoryview(bytearray(PIECE_BYTES)), 0
        try:
            before = path.stat()
            with path.open("rb", buffering=0) as stream:
                while True:
                    if pieces % LOOK_EVERY == 0:
                        self._hold_still(quiet_s)
                    count = stream.readinto(buffer)
                    if not count:
                        break
                    digest.update(buffer[:count])
                    pieces += 1
        except OSError:  # gone, or a disk that fails, which a picture with it will tell
            return
        if self._lock.exists():
            verified.remember(path, digest.hexdigest(), before)

    def _hold_still(self, quiet_s: float) -> None:
        while True:
            if time.monotonic() > self._end or not self._lock.exists():
                raise Ended
            if not self._is_in_the_way(quiet_s):
                return
            time.sleep(PAUSE_S)

    def _is_in_the_way(self, quiet_s: float) -> bool:
        paths_of_jobs = (job_files.path_of(self._jobs, job) for job in job_files.jobs_in(self._jobs))
        if any(path.exists() and not job_files.is_old(path, LONGEST_JOB_S) for path in paths_of_jobs):
            return True
        try:  # a record comes and goes with each job
            return 0 <= time.time() - self._jobs.stat().st_mtime < quiet_s
        except OSError:
            return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
