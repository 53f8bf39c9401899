"""Writes the checkpoint of a packed model: whole and with the digest that the registry names, or not at all."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from hal_image.errors import EnvironmentError_, HalError
from hal_image.locking import file_lock, try_lock
from hal_image.models import packed
from hal_image.models.bundled_models import damaged
from hal_image.models.store import sha256_of

if TYPE_CHECKING:
    from pathlib import Path

    from hal_image.locking import WaitCallback


def unpack(
    source: Path,
    target: Path,
    *,
    size: int,
    sha256: str,
    lock: Path,
    on_wait: WaitCallback | None = None,
    timeout: float | None = None,
) -> bool:
    """Lay a packed model out as an ordinary checkpoint.

    It is written beside ``target``, read back, and then takes its place. Its zeros are holes where the file system has
    such: it looks bigger than the room that it takes.

    Args:
        source: the packed model.
        target: the checkpoint; its folder is made, and what is there under that name is replaced.
        size: bytes that the checkpoint must have.
        sha256: lowercase hex digest that it must have.
        lock: lock file; of several processes one does it, the others wait for that one.
        on_wait: called once before waiting, with the process id of the one that does it, if known.
        timeout: seconds to wait at most; ``None`` waits for ever.

    Returns:
        whether it was done here; ``False`` when another process was quicker.

    Raises:
        ModelError: ``bundled_model_damaged``, also when size or digest are others.
        EnvironmentError_: ``models_dir_unwritable``, ``disk_full``, ``lock_failed``.
        TimeoutError_: another process took too long.
    """
    with file_lock(lock, on_wait, timeout):
        try:
            if target.stat().st_size == size:
                return False
        except OSError:
            pass  # not there, or a link to nowhere: it is about to be
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _remove_leftovers(target)
            _write(source, target, size, sha256)
        except OSError as error:
            raise _failed(target, error) from error
    return True


def lay_out(source: Path, descriptor: int) -> int:
    """Write the checkpoint of the packed model ``source`` into an open, empty file; returns its size in bytes.

    Raises:
        ModelError: ``bundled_model_damaged``.
        OSError: it cannot be written.
    """
    layout = packed.read_layout(source)
    os.ftruncate(descriptor, layout.size)
    for begin, data in packed.pieces(source, layout):
        left, place = memoryview(data), begin
        while left:
            count = os.pwrite(descriptor, left, place)
            left, place = left[count:], place + count
    return layout.size


def _write(source: Path, target: Path, size: int, sha256: str) -> None:
    part = target.with_name(f"{_prefix(target)}{os.urandom(4).hex()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with suppress(OSError):  # says that somebody is at it; a disk without locks cannot be told
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found = lay_out(source, descriptor)
        if found != size:
            raise damaged(source, f"it makes a file of {found:,} bytes, not {size:,}")
        if sha256_of(part) != sha256:
            raise damaged(source, "it makes another file than the registry names (its SHA-256 differs)")
        os.fsync(descriptor)
        part.replace(target)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
    finally:
        os.close(descriptor)


def _prefix(target: Path) -> str:
    return f".{target.name}.part-"


def _remove_leftovers(target: Path) -> None:
    """Remove what runs that were killed have left beside ``target``; one that still writes holds a lock on its file."""
    for part in target.parent.glob(f"{_prefix(target)}*"):
        with suppress(HalError, OSError):
            lock = try_lock(part)
            if lock is not None:
                with lock:
                    part.unlink()


def _failed(target: Path, error: OSError) -> HalError:
    reason = error.strerror or str(error)
    details = {"path": str(target)}
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return EnvironmentError_(
            f"cannot write {target}: {reason}",
            code="disk_full",
            hint="free some space, or choose another models folder with --models-dir or HAL_MODELS_DIR",
            details=details,
        )
    return EnvironmentError_(
        f"cannot write {target}: {reason}",
        code="models_dir_unwritable",
        hint="choose a models folder that you can write to: --models-dir DIR, or export HAL_MODELS_DIR=DIR",
        details=details,
    )
