"""Which ComfyUI source is there: the user's own, or ours at the pinned commit. ``comfyui_prepare`` gets ours.

Every call asks this, so nothing is imported here that only an installation needs.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, NamedTuple

from hal_image import about
from hal_image.errors import EnvironmentError_
from hal_image.install import markers, where
from hal_image.paths import state_dir

MARKER = "source.json"
"""In every complete tree: where it came from."""

_VERSION = re.compile(r"""^__version__\s*=\s*["']([^"']+)["']""", re.MULTILINE)
_COMMIT = re.compile(r"[0-9a-f]{40}")

Kind = Literal["git", "wheel"]
KINDS: tuple[Kind, ...] = ("git", "wheel")


class Source(NamedTuple):
    """A folder with ComfyUI in it; ``commit`` and ``version`` are ``None`` when an external one does not say."""

    folder: Path
    kind: Literal["git", "wheel", "external"]
    commit: str | None
    version: str | None


def wanted() -> tuple[Kind, ...]:
    """The ways to get the source, in the order to try them: ``HAL_COMFYUI_SOURCE``, else Git and then the wheel.

    Raises:
        EnvironmentError_: ``comfyui_source_invalid``; ``comfyui_dir_invalid`` when ``HAL_COMFYUI_DIR`` is wrong.
    """
    external()
    explicit = where.setting("HAL_COMFYUI_SOURCE")
    if explicit is None:
        return KINDS
    for kind in KINDS:
        if explicit == kind:
            return (kind,)
    raise EnvironmentError_(
        f"HAL_COMFYUI_SOURCE is {explicit!r}",
        code="comfyui_source_invalid",
        hint="set it to git or wheel, or unset it",
    )


def folder_for(kind: Kind) -> Path:
    """Where the tree that came by way of ``kind`` goes, e.g. ``<state>/comfyui/f8b981ae9a56-git``."""
    return state_dir() / "comfyui" / f"{about.COMFYUI_COMMIT[:12]}-{kind}"


def external() -> Source | None:
    """The user's own ComfyUI, named by ``HAL_COMFYUI_DIR``; ``None`` when it is not set.

    Raises:
        EnvironmentError_: ``comfyui_dir_invalid``.
    """
    explicit = where.setting("HAL_COMFYUI_DIR")
    if explicit is None:
        return None
    folder = Path(where.absolute(explicit))
    if not (folder / "main.py").is_file() or not (folder / "comfy").is_dir():
        raise EnvironmentError_(
            f"HAL_COMFYUI_DIR is not a ComfyUI folder (it has no main.py or no comfy/): {folder}",
            code="comfyui_dir_invalid",
            hint="export HAL_COMFYUI_DIR=/path/to/ComfyUI, or unset it to have the pinned version prepared",
            details={"path": str(folder)},
        )
    return Source(folder, "external", checked_out_commit(folder), version_in(folder))


def found() -> Source | None:
    """The source that would be used now: the user's own, else a complete one of ours, else ``None``.

    Raises:
        EnvironmentError_: as for ``wanted``.
    """
    own = external()
    return own if own is not None else _ours(wanted())


def checked_out_commit(folder: Path) -> str | None:
    """The commit that is checked out in ``folder``, read from ``.git`` without running Git; ``None`` if unknown."""
    git = folder / ".git"
    try:
        if git.is_file():  # a linked worktree or a submodule
            git = folder / git.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref:"):
            return head if _COMMIT.fullmatch(head) else None
        name = head.removeprefix("ref:").strip()
        common = git / "commondir"
        if common.is_file():
            git = git / common.read_text(encoding="utf-8").strip()
        if (git / name).is_file():
            value = (git / name).read_text(encoding="utf-8").strip()
            return value if _COMMIT.fullmatch(value) else None
        for line in (git / "packed-refs").read_text(encoding="utf-8").splitlines():
            if line.endswith(f" {name}"):
                return line.split(" ", 1)[0]
    except (OSError, UnicodeDecodeError):
        return None
    return None


def version_in(folder: Path) -> str | None:
    """The version that a ComfyUI folder says it is, or ``None``."""
    try:
        match = _VERSION.search((folder / "comfyui_version.py").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
    return match[1] if match else None


def _ours(kinds: tuple[Kind, ...]) -> Source | None:
    for kind in kinds:
        folder = folder_for(kind)
        content = markers.read(folder / MARKER)
        if content is not None:
            return Source(folder, kind, content.get("commit"), content.get("version"))
    return None
