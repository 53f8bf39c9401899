"""Reads the files of a project and changes several of them together: all or none, each at once, and with a copy of what
was there before.
"""

from __future__ import annotations

import difflib
import os
import re
import stat
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from hal_image import paths
from hal_image.errors import EnvironmentError_, HalError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BACKUPS = "backups"
"""Folder in the state directory with the copies."""


class Change(NamedTuple):
    """What a file held and is to hold; ``None`` where there was or is to be no file."""

    path: Path
    before: bytes | None
    after: bytes | None


def read(path: Path) -> bytes | None:
    """A file of the project, or ``None`` when it is not there.

    Raises:
        UsageError: ``project_file_unusable``: it is no ordinary file, or no text in an encoding with ASCII in it.
        EnvironmentError_: ``project_unwritable``: it cannot be read.
    """
    try:
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            raise unusable(path, f"it is a link to {path.readlink()}", "put a copy of that file in its place")
        if not stat.S_ISREG(found.st_mode):
            raise unusable(path, "it is no file", "move it out of the way")
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from error
    if b"\0" in text:
        raise unusable(path, "it is no UTF-8 text", "save it as UTF-8")
    return text


def unusable(path: Path, problem: str, hint: str) -> UsageError:
    """The refusal to change a file that is not what is expected."""
    return UsageError(
        f"{path} is left as it is: {problem}",
        code="project_file_unusable",
        hint=hint,
        details={"path": str(path)},
    )


def diff(change: Change, root: Path) -> str:
    """What a change does, in the unified form of ``diff -u``; empty when it does nothing."""
    name = str(change.path.relative_to(root))
    before, after = (_lines(text) for text in (change.before, change.after))
    old = "/dev/null" if change.before is None else f"a/{name}"
    new = "/dev/null" if change.after is None else f"b/{name}"
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        for line in difflib.unified_diff(before, after, old, new)
    )


def check(changes: Sequence[Change]) -> None:
    """Looks whether the changes can be made.

    Raises:
        EnvironmentError_: ``project_unwritable``.
    """
    for change in changes:
        if change.before == change.after:
            continue
        folder = change.path.parent
        if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
            raise _unwritable(folder, "permission denied")
        # somebody who has made a file read-only means it, and a new file in its place would not ask
        if change.before is not None and not change.path.stat().st_mode & stat.S_IWUSR:
            raise _unwritable(change.path, "it is read-only")


def apply(changes: Sequence[Change], *, backup: bool) -> Path | None:
    """Makes the changes; a folder that is missing is made.

    Args:
        changes: what is to be done. Files are compared with ``before`` once more, immediately before.
        backup: whether to keep copies of what is changed.

    Returns:
        the folder with the copies, if any were made.

    Raises:
        HalError: ``project_file_changed``: somebody else has changed a file since it was read.
        EnvironmentError_: ``project_unwritable``; ``state_dir_unwritable``. In each case every file is as it was.
    """
    check(changes)
    wanted = [change for change in changes if change.before != change.after]
    kept = _keep(wanted) if backup and any(change.before is not None for change in wanted) else None
    done: list[Change] = []
    ready: dict[Path, Path | None] = {}
    try:
        for change in wanted:
            ready[change.path] = _beside(change)
        for change in wanted:
            _put(change, ready[change.path])
            done.append(change)
    except BaseException:
        for change in reversed(done):
            with suppress(OSError, HalError):
                back = Change(change.path, change.after, change.before)
                _put(back, _beside(back))
        raise
    finally:
        for temporary in ready.values():
            if temporary is not None:
                temporary.unlink(missing_ok=True)
    return kept


def _keep(changes: Sequence[Change]) -> Path:
    folder = paths.make_state_dir(BACKUPS, f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.getpid()}")
    for change in changes:
        if change.before is not None:
            try:
                (folder / change.path.name).write_bytes(change.before)
            except OSError as error:
                raise _unwritable(folder, error.strerror or str(error)) from error
    return folder


def _beside(change: Change) -> Path | None:
    """The new content under another name in the same folder, on the disk; ``None`` when the file is to go."""
    if change.after is None:
        return None
    temporary = change.path.with_name(f".{change.path.name}.{os.urandom(4).hex()}.tmp")
    try:
        change.path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as stream:
            with suppress(OSError):  # there may be no file yet, and only root may give files away
                known = change.path.stat()
                os.fchmod(stream.fileno(), stat.S_IMODE(known.st_mode))
                os.fchown(stream.fileno(), known.st_uid, known.st_gid)
            stream.write(change.after)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _unwritable(change.path, error.strerror or str(error)) from error
    return temporary


def _put(change: Change, temporary: Path | None) -> None:
    if read(change.path) != change.before:
        raise HalError(
            f"{change.path} was changed by somebody else at the same moment",
            code="project_file_changed",
            hint="run it again: nothing was changed",
            retryable=True,
            details={"path": str(change.path)},
        )
    try:
        if temporary is None:
            change.path.unlink()
        else:
            temporary.replace(change.path)
    except OSError as error:
        raise _unwritable(change.path, error.strerror or str(error)) from error


def _unwritable(path: Path, problem: str) -> EnvironmentError_:
    return EnvironmentError_(
        f"cannot change {path}: {problem}",
        code="project_unwritable",
        hint=f"give yourself the right to, e.g. chmod u+w '{path}', or ask who owns the project",
        details={"path": str(path)},
    )


def _lines(text: bytes | None) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", (text or b"").decode("utf-8", "replace"))
