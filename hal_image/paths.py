"""Every folder that this tool uses, and the environment variables that move it.

=====================  ==============================================================================================
state                  ``HAL_STATE_DIR``, else the user's state directory: venvs, ComfyUI's source, locks, logs, sockets
models                 ``--models-dir``, ``HAL_MODELS_DIR``, else ``.docker-cache/models`` of the project that the
                       checkout is a tool of, else that of the checkout, else the user's cache directory
user's registry files  ``HAL_REGISTRY``, else ``models.yaml`` in the user's configuration directory
user's presets         ``HAL_PRESETS``, else ``presets.yaml`` in the same place
=====================  ==============================================================================================

``~`` is expanded, a relative path counts from the current directory, an empty variable is an unset one. The defaults
are those of platformdirs, which cannot be imported here: this module runs before anything is installed.
"""

from __future__ import annotations

import os
import stat
import zlib
from pathlib import Path

from hal_image.errors import EnvironmentError_
from hal_image.install import where

TOOL_FOLDER = (".claude", "tools", "image-generation")
"""Where a HAL8000 project keeps this tool, from its root on."""

MAX_SOCKET_BYTES = 100
"""Longest path given to a unix socket. The kernels allow 108 (Linux) and 104 (macOS) including the final NUL."""


def typed(path: str) -> Path:
    """A path as a user typed it, with ``~`` expanded; ``~name`` of nobody is a file of that name, as for a shell."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - pathlib's raises where there is nobody of that name


def state_dir() -> Path:
    """The state directory: ``HAL_STATE_DIR``, else platformdirs' ``user_state_dir``. Neither created nor checked."""
    return Path(where.state_dir())


def make_state_dir(*below: str) -> Path:
    """Create the state directory, or the folder ``below`` in it, for this user only, and return it.

    Raises:
        EnvironmentError_: ``state_dir_unwritable``.
    """
    folder = state_dir().joinpath(*below)
    try:
        if not folder.is_absolute():
            raise NotADirectoryError(f"no home directory for user id {os.getuid()}")
        # mode= applies to the last folder only, so the state directory itself is made first
        state_dir().mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise _unwritable(folder, reason) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _unwritable(folder, "permission denied")
    return folder


def _unwritable(folder: Path, reason: str) -> EnvironmentError_:
    return EnvironmentError_(
        f"cannot write to the state directory {folder}: {reason}",
        code="state_dir_unwritable",
        hint="set HAL_STATE_DIR to a folder that you can write to, e.g. export HAL_STATE_DIR=/var/tmp/hal8000",
        details={"path": str(folder)},
    )


def checkout_dir() -> Path | None:
    """The checkout that this code runs from; ``None`` when it is an installed package."""
    folder = Path(__file__).resolve().parent.parent
    if (folder / "hal_generate_image.py").is_file() and (folder / "models.yaml").is_file():
        return folder
    return None


def project_dir() -> Path | None:
    """The HAL8000 project that the checkout is a tool of; ``None`` when it stands by itself."""
    checkout = checkout_dir()
    if checkout is None or checkout.parts[-len(TOOL_FOLDER) :] != TOOL_FOLDER:
        return None
    return checkout.parents[len(TOOL_FOLDER) - 1]


def models_dir(explicit: str | None = None) -> Path:
    """The models folder, laid out as ComfyUI does. Neither created nor checked.

    Args:
        explicit: value of ``--models-dir``; ``None`` or empty when it was not given.
    """
    chosen = explicit or where.setting("HAL_MODELS_DIR")
    if chosen:
        return Path(where.absolute(chosen))
    root = project_dir() or checkout_dir()
    if root is not None:
        return root / ".docker-cache" / "models"
    return Path(where.user_dir("XDG_CACHE_HOME", ".cache", "Library/Caches")) / "models"


def user_registry_files() -> tuple[Path, ...]:
    """The user's own registry files, in the order in which they are merged over ours.

    Those of ``HAL_REGISTRY`` (separated by ``:``) are returned whether they exist or not, so that a typing error is
    told; the default one only when it exists.
    """
    return _user_files("HAL_REGISTRY", default_user_registry())


def default_user_registry() -> Path:
    """Where the user's own registry file is, unless ``HAL_REGISTRY`` says otherwise; it may not be there."""
    return _config_dir() / "models.yaml"


def user_preset_files() -> tuple[Path, ...]:
    """The files of the user's presets, as ``user_registry_files``; the variable is ``HAL_PRESETS``."""
    return _user_files("HAL_PRESETS", default_user_presets())


def default_user_presets() -> Path:
    """Where the user's presets are, unless ``HAL_PRESETS`` says otherwise; it may not be there."""
    return _config_dir() / "presets.yaml"


def _config_dir() -> Path:
    return Path(where.user_dir("XDG_CONFIG_HOME", ".config", "Library/Application Support"))


def _user_files(variable: str, default: Path) -> tuple[Path, ...]:
    explicit = where.setting(variable)
    if explicit is not None:
        return tuple(Path(where.absolute(part)) for part in explicit.split(os.pathsep) if part)
    return (default,) if default.is_file() else ()


def runtime_socket(key: str) -> Path:
    """Where the engine ``key`` listens; its folder exists on return and belongs to this user only.

    Below the state directory unless that path is too long for a unix socket; then in a folder of this user's below
    the temporary directory.

    Args:
        key: short name of the engine, safe in a file name.

    Raises:
        EnvironmentError_: ``state_dir_unwritable``; ``runtime_dir_unsafe`` when the folder in the temporary directory
            belongs to or can be opened by somebody else; ``socket_path_too_long`` when that path is too long as well.
    """
    preferred = state_dir() / "engines" / key / "engine.sock"
    if len(os.fsencode(preferred)) < MAX_SOCKET_BYTES:
        make_state_dir("engines")
        return make_state_dir("engines", key) / preferred.name
    # the same key may be in use below another state directory
    owner = f"{zlib.crc32(os.fsencode(state_dir())):08x}"
    fallback = _private_temp_dir() / f"{owner}-{key}.sock"
    if len(os.fsencode(fallback)) >= MAX_SOCKET_BYTES:
        raise EnvironmentError_(
            f"no path short enough for a unix socket: {fallback}",
            code="socket_path_too_long",
            hint="set HAL_STATE_DIR to a shorter path, e.g. export HAL_STATE_DIR=/var/tmp/hal8000",
        )
    return fallback


def _private_temp_dir() -> Path:
    """A folder of this user's below the temporary directory, which everybody can write to."""
    import tempfile  # noqa: PLC0415 - seldom needed, and slow to import

    folder = Path(tempfile.gettempdir()) / f"{where.APP}-{os.getuid()}"
    problem = "it cannot be created"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()  # not stat: a link planted by somebody else must not be followed
    except OSError as error:
        problem = error.strerror or problem
    else:
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077:
            return folder
        problem = "it is not a folder that only you can open"
    raise EnvironmentError_(
        f"cannot use {folder} for the engine's socket: {problem}",
        code="runtime_dir_unsafe",
        hint=f"remove {folder}, or set HAL_STATE_DIR to a shorter path",
    )
