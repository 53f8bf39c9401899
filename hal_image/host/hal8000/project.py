"""Finds the HAL8000 project that is meant, and knows where its files are."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from hal_image import paths
from hal_image.errors import UsageError

STATE = Path(".claude", "state.json")


class Project(NamedTuple):
    """A project, by its root."""

    root: Path

    @property
    def state(self) -> Path:
        """What HAL8000 knows about itself."""
        return self.root / STATE

    @property
    def guide(self) -> Path:
        """What coding agents read."""
        return self.root / "CLAUDE.md"

    @property
    def version(self) -> Path:
        """The project's version, three numbers."""
        return self.root / "VERSION"

    @property
    def changelog(self) -> Path:
        """What changed in each version."""
        return self.root / "CHANGELOG.md"


def find(explicit: str | None) -> Project:
    """The project: ``--project``, else the one that this checkout is a tool of, else the nearest from here upwards.

    Raises:
        UsageError: ``project_not_found``.
    """
    if explicit:
        root = Path(explicit).expanduser().absolute()
        if not root.is_dir():
            raise _not_found(f"{root} is no folder")
        if root.resolve() == paths.checkout_dir():
            raise _not_found(f"{root} is this tool itself")
        return Project(root)
    found = at_home()
    if found is None:
        raise _not_found("this tool is not in a project's .claude/tools/image-generation, and no project is here")
    return found


def at_home() -> Project | None:
    """The project that this call belongs to without being told, or ``None``."""
    own = paths.project_dir()
    if own is not None:
        return Project(own)
    try:
        here = Path.cwd()
    except OSError:  # the folder is gone
        return None
    return next((Project(folder) for folder in (here, *here.parents) if (folder / STATE).is_file()), None)


def _not_found(problem: str) -> UsageError:
    return UsageError(problem, code="project_not_found", hint="name the project's root: hal8000 register --project DIR")
