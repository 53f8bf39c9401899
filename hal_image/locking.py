"""Locks between processes, made of ``flock``: they vanish with the process that holds them, however it ends.

The lock file stays behind on purpose; removing it would let two processes hold "the" lock on two different files.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from hal_image.errors import EnvironmentError_, TimeoutError_

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

WaitCallback = Callable[[int | None], None]
"""Called once, before waiting, with the process id of the holder when it is known."""

_LONGEST_PAUSE = 0.2  # seconds between two tries: short to a person, nothing to the machine


class Lock:
    """A lock that is held. Let go with ``release``, at the end of a ``with`` block, or by ending the process."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor: int | None = descriptor

    def fileno(self) -> int:
        """The open file that carries the lock; a child process that inherits it keeps the lock alive.

        Raises:
            ValueError: the lock was released.
        """
        if self._descriptor is None:
            raise ValueError("the lock was released")
        return self._descriptor

    def release(self) -> None:
        """Let go; a second call does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)  # the last descriptor of an open file takes its lock with it
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def try_lock(path: Path) -> Lock | None:
    """Take the lock ``path`` if it is free; ``None`` when another process, or this one, holds it.

    The file is created if needed; its folder must exist. Child processes do not inherit the lock.

    Raises:
        EnvironmentError_: ``lock_failed`` when the file cannot be opened or the file system has no locks.
    """
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _failed(path, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                return None
            raise _failed(path, error) from error
        if _same_file(path, descriptor):
            with suppress(OSError):  # who holds it is a courtesy to those who wait
                os.ftruncate(descriptor, 0)
                os.write(descriptor, b"%d\n" % os.getpid())
            return Lock(path, descriptor)
        os.close(descriptor)  # somebody removed the file between open and flock: lock the new one


@contextmanager
def file_lock(path: Path, on_wait: WaitCallback | None = None, timeout: float | None = None) -> Iterator[Lock]:
    """Hold the lock ``path`` for the ``with`` block, waiting for it if need be.

    Args:
        path: the lock file; created if needed, its folder must exist.
        on_wait: called once when somebody else holds it, with their process id if known.
        timeout: seconds to wait at most; ``None`` waits for ever.

    Raises:
        TimeoutError_: it was not free in time.
        EnvironmentError_: ``lock_failed``, as for ``try_lock``.
    """
    end = None if timeout is None else time.monotonic() + timeout
    pause = 0.01
    lock = try_lock(path)
    if lock is None and on_wait is not None:
        on_wait(holder(path))
    while lock is None:
        left = _LONGEST_PAUSE if end is None else end - time.monotonic()
        if left <= 0:
            pid = holder(path)
            who = "another process" if pid is None else f"process {pid}"
            raise TimeoutError_(
                f"{who} still holds {path.name} after {timeout:g} s",
                hint=f"wait for it and try again with a longer --timeout, or end {who}",
                retryable=True,
                details={"lock": str(path), "pid": pid},
            )
        time.sleep(min(pause, left))
        pause = min(2 * pause, _LONGEST_PAUSE)
        lock = try_lock(path)
    with lock:
        yield lock


def holder(path: Path) -> int | None:
    """The process id that last took the lock ``path``; ``None`` when the file does not say."""
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _same_file(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except OSError:
        return False


def _failed(path: Path, error: OSError) -> EnvironmentError_:
    return EnvironmentError_(
        f"cannot lock {path}: {error.strerror}",
        code="lock_failed",
        hint="set HAL_STATE_DIR to a folder on a local disk that you can write to",
        details={"lock": str(path)},
    )
