"""Runs the Docker program, and is the only module that does. What it is told is in ``commands``.

The program is started by hand with ``posix_spawn``: a warm call starts two of them, and ``subprocess`` takes 6 ms to
import. It gets a process group of its own, so that Ctrl-C in the terminal reaches us alone, who then take the job back.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from hal_image.errors import EnvironmentError_
from hal_image.install import where

if TYPE_CHECKING:
    from collections.abc import Sequence

LIMIT_S = 60.0
"""Seconds for an answer of the Docker engine, and for whatever runs in a container to read what it is sent; a busy one
takes seconds to start a container."""
CHUNK_BYTES = 65536
_left: list[Call] = []
"""Runs that nobody has waited for. What remains of each is taken away after its end, when the next one begins: a long
batch would collect dead processes."""


class Answer(NamedTuple):
    """How a run of the program ended.

    Attributes:
        code: its exit code; ``-9`` when it was killed, also by us when it took too long.
        out: standard output, stripped.
        err: standard error, stripped.
    """

    code: int
    out: str
    err: str


def name() -> str:
    """What the user calls Docker: ``HAL_DOCKER``, else ``docker``."""
    return where.setting("HAL_DOCKER") or "docker"


def find() -> str | None:
    """The program's path, or ``None`` when there is none. By hand: ``shutil`` is slow to import."""
    wanted = name()
    if os.sep in wanted:
        found = where.absolute(wanted)
        return found if os.access(found, os.X_OK) else None
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder, wanted)  # noqa: PTH118 - pathlib would take as long as all of this
        if os.path.isfile(path) and os.access(path, os.X_OK):  # noqa: PTH113 - likewise
            return path
    return None


def require() -> str:
    """The program's path.

    Raises:
        EnvironmentError_: ``docker_not_found``.
    """
    path = find()
    if path is None:
        raise EnvironmentError_(
            f"there is no program {name()!r} on this machine",
            code="docker_not_found",
            hint="install Docker, or name its program in HAL_DOCKER, or use --engine local, which needs none",
        )
    return path


class Call:
    """One run of the program, talked to over pipes: a carrier for a ``Link``, or an answer to wait for.

    Args:
        program: path of the program.
        arguments: what follows it.
        what: what its end is told as the end of.

    Raises:
        EnvironmentError_: ``docker_not_found``: it cannot be run.
    """

    def __init__(self, program: str, arguments: Sequence[str], what: str = "Docker") -> None:
        _left[:] = [call for call in _left if not call._has_ended()]  # noqa: SLF001 - our own
        self._what = what
        self._code: int | None = None
        self._heard = b""
        ours, theirs = [], []
        for index in range(3):
            read, write = map(_above_standard_streams, os.pipe())
            ours.append(write if index == 0 else read)
            theirs.append(read if index == 0 else write)
        try:
            self._pid = os.posix_spawn(
                program,
                [program, *arguments],
                os.environ,
                file_actions=[(os.POSIX_SPAWN_DUP2, there, index) for index, there in enumerate(theirs)],
                setpgroup=0,
            )
        except OSError as error:
            _close(ours)
            raise EnvironmentError_(
                f"cannot run {program}: {error.strerror}",
                code="docker_not_found",
                hint="correct HAL_DOCKER, or use --engine local",
            ) from error
        finally:
            _close(theirs)
        self._input, self._output, self._error = ours
        self._open = ours

    def fileno(self) -> int:
        """Its standard output."""
        return self._output

    def send(self, data: bytes) -> None:
        """Writes to its standard input, in pieces so small that none waits for room.

        Raises:
            TimeoutError: they are not read.
        """
        end = time.monotonic() + LIMIT_S
        while data:
            if not select.select([], [self._input], [], max(0.0, end - time.monotonic()))[1]:
                raise TimeoutError
            data = data[os.write(self._input, data[: select.PIPE_BUF]) :]

    def receive(self) -> bytes:
        """Reads from its standard output, on which an engine says JSON objects.

        Of a container that is just stopping, Docker itself complains there: that is the end, and no word of an engine.
        """
        received = os.read(self._output, CHUNK_BYTES)
        if not self._heard:
            self._heard = received
        return received if self._heard.startswith(b"{") else b""

    def epitaph(self) -> str:
        """What has ended, and the last line that was said about it, or the exit code."""
        answer = self.finish(5.0)
        complaint = "" if self._heard.startswith(b"{") else self._heard.decode("utf-8", "replace").strip()
        said = (answer.err or complaint or f"exit code {answer.code}").splitlines()
        return f"{self._what} ended ({said[-1]})"

    def close(self) -> None:
        """Lets go of its pipes, which ends one that reads them. It is not waited for: that would take its time."""
        if self._open:
            _left.append(self)
        _close(self._open)
        self._open = []

    def kill(self) -> None:
        """Ends it at once."""
        self.close()
        if self._code is None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            self._reap()

    def finish(self, timeout_s: float = LIMIT_S) -> Answer:
        """Waits for its end, with nothing more on its standard input; kills it after ``timeout_s``."""
        if self._input in self._open:
            os.close(self._input)
            self._open.remove(self._input)
        end = time.monotonic() + timeout_s
        said: dict[int, bytes] = dict.fromkeys((self._output, self._error), b"")
        reading = [descriptor for descriptor in said if descriptor in self._open]
        while reading:
            ready, _, _ = select.select(reading, [], [], max(0.0, end - time.monotonic()))
            if not ready:
                self.kill()
                break
            for descriptor in ready:
                received = os.read(descriptor, CHUNK_BYTES)
                said[descriptor] += received
                if not received:
                    reading.remove(descriptor)
        self.close()
        out, err = (text.decode("utf-8", "replace").strip() for text in said.values())
        return Answer(self._reap(), out, err)

    def _reap(self) -> int:
        if self._code is None:
            self._code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        return self._code

    def _has_ended(self) -> bool:
        if self._code is None:
            ended, status = os.waitpid(self._pid, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if ended else None
        return self._code is not None


def run(program: str, arguments: Sequence[str], timeout_s: float = LIMIT_S) -> Answer:
    """Runs the program to its end.

    Raises:
        EnvironmentError_: ``docker_not_found``.
    """
    return Call(program, arguments).finish(timeout_s)


def _above_standard_streams(descriptor: int) -> int:
    """A descriptor beyond 2, also where the caller has closed our standard streams: the child's come out of it."""
    if descriptor > 2:
        return descriptor
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)
    os.close(descriptor)
    return moved


def _close(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        with suppress(OSError):
            os.close(descriptor)
