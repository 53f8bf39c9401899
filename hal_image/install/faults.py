"""What went wrong in a preparation, told from pip's output, as an error with the one command that helps."""

from __future__ import annotations

import errno
import os
import platform
import re
import shutil
import sys
from typing import TYPE_CHECKING

from hal_image.errors import EnvironmentError_, HalError
from hal_image.install import where

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NEWEST_PYTHON = (3, 14)
"""Newest Python that locks/engine.in names a torch for."""
MACHINES = ("x86_64", "aarch64", "arm64")
"""Processors that torch has wheels for."""

_DISK = re.compile(r"No space left on device|Disk quota exceeded|\[Errno (?:28|122)\]")
_HASH = re.compile(r"DO NOT MATCH THE HASHES")
_HASH_OF = re.compile(r"^\s+(?P<requirement>[^\s:]+) from (?P<link>\S+)")
_NETWORK = re.compile(
    r"Retrying \(Retry|Max retries exceeded|NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|"
    r"ConnectionReset|ConnectionRefused|Connection refused|Connection broken|Connection aborted|IncompleteRead|"
    r"name resolution|ProxyError|SSLError|CERTIFICATE_VERIFY_FAILED|SSL module is not available|"
    r"HTTP error \d+|\d{3} (?:Client|Server) Error"
)
_CERTIFICATE = re.compile(r"CERTIFICATE_VERIFY_FAILED|SSLError|SSL module is not available")
_PROXY = re.compile(r"ProxyError|\b407\b")
# With PIP_RETRIES=0 pip keeps silent about a connection that failed; all it says then is that the very first package
# has no versions at all.
_NOTHING = re.compile(r"from versions: none\)")
_COLLECTED = re.compile(r"^Collecting ", re.MULTILINE)
_MISSING = re.compile(r"No matching distribution found for (?P<requirement>\S+)")
_CHECK = "python3 -m pip download --no-deps -d /tmp PyYAML"


def tail(log: Path, lines: int = 15) -> list[str]:
    """The last ``lines`` lines of ``log`` that say something."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [line for line in text.splitlines() if line.strip()][-lines:]


def from_log(label: str, log: Path, *, otherwise: HalError | None = None) -> HalError:
    """The error that explains why a step failed.

    Args:
        label: what was being prepared, e.g. ``"the engine"``.
        log: output of this attempt and no other.
        otherwise: the error when the output says nothing that we know.
    """
    text = log.read_text(encoding="utf-8", errors="replace")
    last = tail(log)
    details: dict[str, object] = {"log": str(log), "tail": last}
    if _DISK.search(text):
        return disk_full(label, details=details)
    if _HASH.search(text):
        return _hash_mismatch(label, text, details)
    if _NETWORK.search(text) or (_NOTHING.search(text) and not _COLLECTED.search(text)):
        return _index_unreachable(label, text, details)
    missing = _MISSING.search(text)
    if missing is not None:
        return _missing(label, missing["requirement"], details)
    if otherwise is not None:
        otherwise.details.update(details)
        return otherwise
    errors = [line for line in text.splitlines() if line.startswith("ERROR:")] or last[-1:]
    reason = errors[-1].removeprefix("ERROR: ").strip() if errors else "pip gave no reason"
    return EnvironmentError_(
        f"could not prepare {label}: {reason}",
        code="install_failed",
        hint=f"read {log}, then run the command again: what pip has downloaded is kept",
        details=details,
    )


def from_os_error(label: str, error: OSError) -> EnvironmentError_:
    """The error for a failed file operation of ours."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(label)
    return EnvironmentError_(
        f"could not prepare {label}: {error}",
        code="install_failed",
        hint="if the folder is not on a local disk that you can write to, set HAL_STATE_DIR to one that is",
    )


def disk_full(
    label: str, *, need: int | None = None, free: int | None = None, details: Mapping[str, object] | None = None
) -> EnvironmentError_:
    """There is too little room below the state directory.

    Args:
        label: what was being prepared.
        need: bytes that it takes, when known beforehand.
        free: bytes that there are.
        details: extra facts.
    """
    folder = where.state_dir()
    amount = "" if need is None or free is None else f": it takes {size(need)} and {size(free)} are free"
    return EnvironmentError_(
        f"not enough disk space in {folder} to prepare {label}{amount}",
        code="disk_full",
        hint="free some space, or move the folder to a larger disk: export HAL_STATE_DIR=/path/on/a/larger/disk",
        details={"path": folder, "need_bytes": need, "free_bytes": free, **(details or {})},
    )


def python_without_venv(python: str) -> EnvironmentError_:
    """This Python cannot make virtual environments."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    package = f"python{version}-venv" if python.startswith("/usr/bin/") else "python3-venv"
    if shutil.which("apt-get"):
        hint = f"sudo apt-get install {package}"
        if not python.startswith("/usr/bin/"):
            hint += ", then run it with /usr/bin/python3"
    else:
        hint = (
            f"install the part of your system's Python {version} that brings venv and ensurepip, or use another Python"
        )
    return EnvironmentError_(
        f"this Python has no venv module with pip in it: {python}",
        code="python_without_venv",
        hint=hint,
        details={"python": python},
    )


def python_unsupported(label: str, requirement: str = "torch") -> EnvironmentError_:
    """The engine's packages do not exist for this Python or machine."""
    return EnvironmentError_(
        f"cannot prepare {label}: there is no {requirement} for {_platform()}",
        code="python_unsupported",
        hint="run it with Python 3.10 to 3.14 (e.g. python3.12 hal_generate_image.py), "
        "or set HAL_ENGINE_PYTHON to a Python that has torch",
        details={"platform": _platform()},
    )


def platform_supported() -> bool:
    """Whether locks/engine.in names a torch for this Python and machine."""
    return sys.version_info[:2] <= NEWEST_PYTHON and platform.machine() in MACHINES and sys.maxsize > 2**32


def size(count: int) -> str:
    """``count`` bytes for people, e.g. ``"7.3 GB"``; decimal units, as pip has them."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def _platform() -> str:
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return f"{platform.python_implementation()} {version} on {platform.system()} {platform.machine()}"


def _hash_mismatch(label: str, text: str, details: Mapping[str, object]) -> EnvironmentError_:
    after = text[_HASH.search(text).start() :]  # type: ignore[union-attr]  # the caller found it
    found = next((match for match in map(_HASH_OF.match, after.splitlines()) if match), None)
    name = found["requirement"] if found is not None else "a package"
    return EnvironmentError_(
        f"could not prepare {label}: {name} is not the file that the lock names (its SHA-256 differs)",
        code="hash_mismatch",
        hint="the index or a cache hands out a changed file: python3 -m pip cache purge, "
        "or set PIP_INDEX_URL to an index that you trust",
        details=details,
    )


def _index_unreachable(label: str, text: str, details: Mapping[str, object]) -> EnvironmentError_:
    if _PROXY.search(text):
        hint = "the proxy refused: set HTTPS_PROXY=http://user:password@host:port"
    elif _CERTIFICATE.search(text):
        hint = "your network's certificates are missing: PIP_CERT=/etc/ssl/certs/ca-certificates.crt"
    else:
        hint = f"check it with: {_CHECK}; behind a mirror or proxy set PIP_INDEX_URL or HTTPS_PROXY"
    return EnvironmentError_(
        f"could not prepare {label}: the package index cannot be reached",
        code="index_unreachable",
        hint=hint,
        retryable=True,
        details=details,
    )


def _missing(label: str, requirement: str, details: Mapping[str, object]) -> EnvironmentError_:
    if not platform_supported():
        return python_unsupported(label, requirement)
    return EnvironmentError_(
        f"could not prepare {label}: the package index has no {requirement} for {_platform()}",
        code="index_incomplete",
        hint="set PIP_INDEX_URL to a complete mirror"
        + (", and unset PIP_NO_INDEX" if os.environ.get("PIP_NO_INDEX") else "")
        + f"; check it with: {_CHECK}",
        details=details,
    )
