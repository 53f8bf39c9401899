"""Where prepared things are and whether they are ready, in plain strings.

Every warm call from a checkout runs this before anything else, so it imports next to nothing: no ``pathlib``,
no ``hashlib``, no ``json``. ``hal_image.paths`` offers the same folders as ``Path``.
"""

# ruff: noqa: PTH100, PTH111, PTH113, PTH117, PTH118, PTH119, PTH120, PTH123
# (os.path throughout: importing pathlib takes longer than all of this)

from __future__ import annotations

import os
import sys
import zlib

APP = "hal8000-image-gen"
"""Folder name below the user's state, cache and configuration directories."""
READY = "ready.json"
"""Marker file that is written last: a venv or a source tree without it is incomplete."""

LOCKS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "locks")


def setting(name: str) -> str | None:
    """The value of the environment variable ``name``; ``None`` when it is unset or empty."""
    return os.environ.get(name) or None


def home(below: str) -> str:
    """``~/below`` as an absolute path; a relative ``HOME`` counts as unset, as platformdirs has it.

    May still start with ``~`` for a user without a home directory (an unknown uid in a container).
    """
    base = os.environ.get("HOME")
    if base is not None and not os.path.isabs(base):
        import pwd  # noqa: PLC0415 - rarely needed

        try:
            base = pwd.getpwuid(os.getuid()).pw_dir
        except KeyError:
            base = "~"
        return f"{base.rstrip('/')}/{below}"
    return os.path.expanduser(f"~/{below}")


def user_dir(xdg: str, linux: str, macos: str) -> str:
    """This tool's folder below one of the user's base directories, exactly where platformdirs puts it.

    Args:
        xdg: environment variable that moves the base directory when it holds an absolute path.
        linux: the base directory below the home directory otherwise.
        macos: the same on macOS.
    """
    base = os.environ.get(xdg, "")
    if not os.path.isabs(base):
        base = home(macos if sys.platform == "darwin" else linux)
    return os.path.join(base, APP)


def absolute(path: str) -> str:
    """``path`` with ``~`` expanded, relative to the current directory."""
    return os.path.abspath(os.path.expanduser(path))


def state_dir() -> str:
    """``HAL_STATE_DIR``, else the user's state directory. Neither created nor checked."""
    explicit = setting("HAL_STATE_DIR")
    if explicit is not None:
        return absolute(explicit)
    return user_dir("XDG_STATE_HOME", ".local/state", "Library/Application Support")


def lock_file(kind: str) -> str:
    """The lock file of the venv ``kind``, e.g. ``"host"``: every package with version and hashes."""
    return os.path.join(LOCKS, f"{kind}.txt")


def venv_name(kind: str) -> str:
    """Folder name of the venv ``kind``, e.g. ``host-cp311-1a2b3c4d``: Python's version and the lock's checksum.

    A CRC is enough: it tells one release's lock from another's. The packages themselves are held to SHA-256 by pip.
    """
    with open(lock_file(kind), "rb") as stream:
        checksum = zlib.crc32(stream.read())
    return f"{kind}-cp{sys.version_info[0]}{sys.version_info[1]}-{checksum:08x}"


def venv_dir(kind: str) -> str:
    """The folder of the venv ``kind`` that fits this release and this Python, ready or not."""
    return os.path.join(state_dir(), "venvs", venv_name(kind))


def ready_python(venv: str) -> str | None:
    """The interpreter of the venv in the folder ``venv``; ``None`` unless it was prepared to the end and still runs.

    A venv whose base Python was removed has a dangling link for an interpreter and counts as not ready.
    """
    python = os.path.join(venv, "bin", "python")
    if os.path.isfile(os.path.join(venv, READY)) and os.access(python, os.X_OK):
        return python
    return None


def inside(kind: str) -> bool:
    """Whether the running Python is that of the venv ``kind`` of this release.

    By name: the folder's path may be spelled in several ways, e.g. through a link.
    """
    return os.path.basename(sys.prefix) == venv_name(kind)
