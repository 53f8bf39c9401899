"""``models import DIR``: finds model files in the folder of another program, and uses them where they are.

ComfyUI, A1111 and its relatives, and the cache of huggingface_hub all keep ordinary files or links to them; which of
them are ours, their size and digest say, whatever they are called there.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from hal_image import paths
from hal_image.errors import ModelError, UsageError
from hal_image.host.deadline import Deadline
from hal_image.host.pull_display import PullDisplay
from hal_image.host.result import Result
from hal_image.host.store.add import placed
from hal_image.host.store.digest import digest_of
from hal_image.models import contents, extra_kinds, verified
from hal_image.models.safetensors_header import read_header
from hal_image.models.store import find_file, target
from hal_image.models.types import EXTRA_TITLES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from hal_image.errors import JsonObject
    from hal_image.host.render import Output
    from hal_image.models.types import ModelFile, Registry

BLOBS = "blobs"
"""Folder of the hub's cache with the files themselves, which its other folders link to."""


def run(options: argparse.Namespace, registry: Registry, models_dir: Path, output: Output) -> Result:
    """Puts what is found, and is missing here, into the models folder: a second name for the same file, or a link.

    Raises:
        UsageError: there is no such folder; ``file_exists``.
        ModelError: ``model_unreadable``.
        EnvironmentError_: ``models_dir_unwritable``.
    """
    if len(options.names) != 1:
        raise UsageError("models import takes one folder", hint="models import ~/ComfyUI/models")
    folder = Path(os.path.abspath(paths.typed(options.names[0])))  # noqa: PTH100 - links stay as they are
    if not os.path.isdir(folder):  # noqa: PTH112 - pathlib's raises for a name that no folder can have
        raise UsageError(f"{folder} is no folder", hint="give the folder that the other program keeps its models in")
    wanted: dict[int, list[ModelFile]] = {}
    for model in registry.entries.values():
        for file in model.files:
            if file.bundled is None and find_file(file, models_dir) is None:
                wanted.setdefault(file.bytes, []).append(file)
    display = PullDisplay(output, Deadline.after(options.timeout))
    imported: list[JsonObject] = []
    others: list[JsonObject] = []
    extras: list[JsonObject] = []
    try:
        for path in _files(folder, models_dir):
            files = wanted.get(path.stat().st_size, [])
            digest = digest_of(path, display) if files else None
            fitting = [file for file in files if file.sha256 == digest]
            for file in fitting:
                if find_file(file, models_dir) is not None:
                    continue  # two models share it, or it was found twice
                place = placed(path, target(file, models_dir))
                verified.remember(place, file.sha256)
                imported.append({"file": file.name, "path": str(place), "from": str(path), "bytes": file.bytes})
            if not fitting and (other := _other(path)) is not None:
                (others if other["kind"] == "checkpoint" else extras).append(other)
    finally:
        display.close()
    data = {"models_dir": str(models_dir), "imported": imported, "others": others, "extras": extras}
    lines = [f"{one['path']} is {one['from']}" for one in imported]
    lines += [f"{one['path']}: {contents.FAMILY_NAMES[one['family']]}, `models add` makes it a model" for one in others]
    lines += [f"{one['path']}: {EXTRA_TITLES[one['kind']]}, `models add` makes it known" for one in extras]
    return Result("models", data, (*lines, f"{len(imported)} files imported"))


def _files(folder: Path, models_dir: Path) -> Iterator[Path]:
    """Every model file below ``folder``, links followed, each once; not those of our own folder."""
    seen: set[str] = set()
    ours = models_dir.resolve()
    for where, folders, names in os.walk(folder, followlinks=True):
        real = Path(where).resolve()
        if str(real) in seen or (real.is_relative_to(ours) and not folder.resolve().is_relative_to(ours)):
            folders.clear()
            continue
        seen.add(str(real))
        folders[:] = sorted(name for name in folders if name != BLOBS)
        for name in sorted(names):
            path = Path(where, name)
            if name.endswith(".safetensors") and not name.startswith(".") and path.is_file():
                key = str(path.resolve())
                if key not in seen:
                    seen.add(key)
                    yield path


def _other(path: Path) -> JsonObject | None:
    """A checkpoint that is not the registry's, or what goes with one: what it is, and its family."""
    try:
        tensors = read_header(path).tensors
    except ModelError:
        return None
    kind = extra_kinds.kind_of(tensors)
    if kind is not None:
        return {"path": str(path), "kind": kind, "family": extra_kinds.family_of(kind, tensors)}
    family = contents.family_of(tensors) if contents.role_of(tensors) == "checkpoint" else None
    return None if family is None else {"path": str(path), "kind": "checkpoint", "family": family}
