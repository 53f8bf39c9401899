"""Runs one long command for the preparation: output into a log, line by line to a reader, never left behind.

The command runs in a session of its own, so a Ctrl-C at the terminal reaches only us and we end the whole group.
Python modules are started through a lifeline: when we die without a chance to clean up, they die too, and with them
goes the copy of the lock that they hold.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from hal_image.errors import TimeoutError_

if TYPE_CHECKING:
    from pathlib import Path

    from hal_image.locking import Lock

Report = Callable[[str], None]
"""Takes one line of progress for the user."""

_GRACE = 3.0  # seconds between SIGTERM and SIGKILL; pip removes its temporary folders in well under one

_LIFELINE = """\
import os, runpy, signal, sys, threading
def watch():
    os.read(0, 1)
    os.killpg(0, signal.SIGKILL)
threading.Thread(target=watch, daemon=True).start()
del sys.argv[0]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""

_DROPPED = frozenset(
    # these would make pip install somewhere else, something else, or not at all
    f"PIP_{name}"
    for name in (
        "BREAK_SYSTEM_PACKAGES", "BUILD_CONSTRAINT", "CONSTRAINT", "DRY_RUN", "EDITABLE", "FORCE_REINSTALL",
        "IGNORE_INSTALLED", "NO_BINARY", "NO_COMPILE", "NO_DEPS", "ONLY_BINARY", "PREFIX", "PRE", "PROGRESS_BAR",
        "PYTHON", "PYTHON_VERSION", "QUIET", "REPORT", "REQUIREMENT", "REQUIRE_HASHES", "REQUIRE_VIRTUALENV", "ROOT",
        "SRC", "TARGET", "UPGRADE", "USER", "VERBOSE",
    )
) | {
    "__PYVENV_LAUNCHER__", "VIRTUAL_ENV",
    # set inside a Git hook, they would point our git at the caller's repository
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_NAMESPACE",
}  # fmt: skip


def clean_environment(temp: Path | None = None) -> dict[str, str]:
    """The caller's environment without what would lead Python, pip or Git astray.

    Index, certificate and proxy settings stay: the user's pip configuration is honoured.

    Args:
        temp: folder for temporary files instead of the usual one; wheels of 800 MB do not fit into every /tmp.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _DROPPED and not name.startswith("PYTHON")
    }  # fmt: skip
    kept.update(
        PIP_DISABLE_PIP_VERSION_CHECK="1",
        PIP_NO_INPUT="1",
        PIP_NO_COLOR="1",
        PIP_ROOT_USER_ACTION="ignore",
        PYTHONUTF8="1",
        GIT_TERMINAL_PROMPT="0",
        LC_ALL="C.UTF-8",  # what they print is read by us
    )
    if temp is not None:
        kept["TMPDIR"] = str(temp)
    return kept


def compile_command(python: str | Path, *arguments: str) -> list[str]:
    """The command line that makes bytecode with every core; run it without a ``temp`` of ours.

    The worker processes of Python 3.13 talk over a unix socket in the temporary directory, and below a state
    directory its path can be longer than a socket's may be.
    """
    return module_command(python, "compileall", "-q", "-j", "0", *arguments)


def module_command(python: str | Path, module: str, *arguments: str) -> list[str]:
    """The command line that runs ``python -m module`` isolated and on a lifeline."""
    return [str(python), "-I", "-c", _LIFELINE, module, *arguments]


def run(
    command: Sequence[str],
    *,
    what: str,
    log: Path,
    environment: Mapping[str, str],
    deadline: float | None = None,
    on_line: Callable[[str], None] | None = None,
    on_second: Callable[[], None] | None = None,
    lock: Lock | None = None,
) -> int:
    """Run ``command`` and return its exit status; its output is appended to ``log``.

    Args:
        command: program and arguments.
        what: the step's name in a timeout's message, e.g. ``"preparing the engine"``.
        log: file that stdout and stderr are appended to.
        environment: the complete environment.
        deadline: ``time.monotonic()`` value at which it is ended.
        on_line: called with every line of output, without its end.
        on_second: called about once a second, also while there is no output.
        lock: a lock that the command keeps alive as long as it runs, so that nobody takes it from a survivor.

    Raises:
        TimeoutError_: the deadline passed. On this and any other exception the command and its children are dead.
        OSError: the command could not be started.
    """
    pending = b""
    with log.open("ab") as sink:
        sink.write(f"$ {' '.join(word for word in command if word != _LIFELINE)}\n".encode())
        sink.flush()
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            start_new_session=True,
            pass_fds=() if lock is None else (lock.fileno(),),
        )
        assert process.stdin is not None
        assert process.stdout is not None
        with process.stdin, process.stdout:
            try:
                for chunk in _chunks(process.stdout.fileno(), what, deadline, on_second):
                    sink.write(chunk)
                    sink.flush()
                    if on_line is not None:
                        *lines, pending = (pending + chunk).split(b"\n")
                        for line in lines:
                            on_line(line.decode("utf-8", "replace").rstrip())
                return process.wait()
            except BaseException:
                _end(process)
                raise


def _chunks(source: int, what: str, deadline: float | None, on_second: Callable[[], None] | None) -> Iterator[bytes]:
    """What can be read from the descriptor ``source``, until its end."""
    while True:
        remaining(deadline, what)
        if select.select([source], [], [], 1.0)[0]:
            chunk = os.read(source, 65536)
            if not chunk:
                return
            yield chunk
        if on_second is not None:
            on_second()


def remaining(deadline: float | None, what: str) -> float | None:
    """Seconds left until ``deadline``; ``None`` without one.

    Raises:
        TimeoutError_: it has passed.
    """
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError_(
            f"{what} took longer than --timeout allows",
            code="prepare_timeout",
            hint="run it again with a longer --timeout; what was downloaded so far is kept in pip's cache",
            retryable=True,
        )
    return left


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and everything in its group."""
    if process.poll() is None:
        _signal(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_GRACE)
    _signal(process, signal.SIGKILL)  # also what the leader left behind
    process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # macOS says EPERM for a group of zombies
        os.killpg(process.pid, number)
