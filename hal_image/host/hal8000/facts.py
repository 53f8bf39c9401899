"""What a project is told about this tool in its state.json."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hal_image import about
from hal_image.errors import EnvironmentError_
from hal_image.host import registry
from hal_image.host.docker import program
from hal_image.models import usage
from hal_image.models.pull_events import size
from hal_image.models.store import installed_files, is_usable, part_of

if TYPE_CHECKING:
    from pathlib import Path

    from hal_image.errors import JsonObject

FIELDS = (
    "status",
    "version",
    "docker_image",
    "models_dir",
    "models_cached",
    "storage_used",
    "tested",
    "bios_documented",
)
"""Names of the members that are ours, in the order in which they are written."""


class ModelFacts(NamedTuple):
    """What is in the models folder.

    Attributes:
        ready: whether some model can draw without a download.
        cached: models of which every file is there, and their sizes.
        storage_used: of all files of known models, and of downloads that were begun.
        tested: whether a picture was ever asked for with one of them.
    """

    ready: bool
    cached: dict[str, str]
    storage_used: str
    tested: bool

    def fields(self) -> JsonObject:
        """As members of the entry."""
        return {
            "status": "ready" if self.ready else "no model",
            "models_cached": self.cached,
            "storage_used": self.storage_used,
            "tested": self.tested,
        }


def of_models(models_dir: Path) -> ModelFacts:
    """Looks into the models folder.

    Raises:
        RegistryError: a registry is wrong.
    """
    known = registry.load()
    cached: dict[str, str] = {}
    sizes: dict[Path, int] = {}
    for model in known.entries.values():
        files = installed_files(model, models_dir)
        places = [path for _, path in files if path is not None]
        begun = [part for file, path in files if path is None and (part := part_of(file, models_dir)).exists()]
        sizes |= {path.resolve(): path.stat().st_size for path in (*places, *begun)}
        if model.name in known.models and len(places) == len(files):
            cached[model.name] = size(sum(path.stat().st_size for path in places))
    return ModelFacts(
        ready=any(is_usable(model, models_dir) for model in known.models.values()),
        cached=cached,
        storage_used=size(sum(sizes.values())),
        tested=any(usage.last_used(path) is not None for path in sizes),
    )


def all_fields(project: Path, models_dir: Path) -> JsonObject:
    """The members of the entry, in the order of ``FIELDS``.

    Raises:
        RegistryError: a registry is wrong.
    """
    found = {
        **of_models(models_dir).fields(),
        "version": about.version(),
        "docker_image": docker_image(),
        "models_dir": place(project, models_dir),
        "bios_documented": True,
    }
    return {name: found[name] for name in FIELDS}


def place(project: Path, folder: Path) -> str:
    """A folder as it is written into files of the project: from the project on where it is in it."""
    inside = folder.resolve().is_relative_to(project.resolve())
    shown = folder.resolve().relative_to(project.resolve()) if inside else folder
    return str(shown).encode("utf-8", "replace").decode()


def docker_image() -> str | None:
    """The image that pictures can be made in; ``None`` when there is no Docker, or it has none."""
    if program.find() is None:
        return None
    from hal_image.host.engines.docker import DockerEngine  # noqa: PLC0415 - only where there is Docker

    try:
        docker = DockerEngine()
        docker.find_image()
    except EnvironmentError_:
        return None
    return docker.image
