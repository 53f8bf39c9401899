"""The model files that a workflow names: where they are, and what is known of them."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple, cast

from hal_image.errors import ModelError, UsageError
from hal_image.models import contents, verified
from hal_image.models.folders import MODEL_FOLDERS, ROLES, folder_for
from hal_image.models.safetensors_header import read_header
from hal_image.models.store import ResolvedFile, resolve
from hal_image.models.types import Model, ModelFile
from hal_image.workflow.own.faults import called, listed, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hal_image.errors import JsonObject
    from hal_image.models.types import Registry, Role
    from hal_image.workflow.own.check import FileUse

SAFE = (".safetensors", ".sft")
"""Suffixes of files that are numbers and nothing else. The others are pickles, which run what is in them."""
MAIN = ("checkpoints", "diffusion_models")
"""Kinds whose files draw."""
MOST_LISTED = 5


class Found(NamedTuple):
    """What a workflow's files are.

    Attributes:
        files: each once, those that draw first.
        family: of the first that draws, as for ``contents.family_of``; ``None`` when it is none that we know.
        models: models of the registry that files belong to.
    """

    files: tuple[ResolvedFile, ...]
    family: str | None
    models: tuple[Model, ...]


def refuse_path(name: str, where: str) -> None:
    """Refuses a name that leads out of its folder.

    Raises:
        UsageError: ``workflow_path_refused``.
    """
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or "\0" in name or (len(name) > 1 and name[1] == ":"):
        raise UsageError(
            f"{where} names a file outside of its folder: {name[:100]!r}",
            code="workflow_path_refused",
            hint="put the file into its folder and name it as it is called there",
            details={"name": name[:200]},
        )


def find(uses: Sequence[FileUse], graph: JsonObject, models_dir: Path, registry: Registry) -> Found:
    """Finds every file.

    Raises:
        UsageError: ``workflow_path_refused``.
        ModelError: ``workflow_model_missing`` with all that are, ``workflow_model_unsafe``, ``model_corrupt``,
            ``model_unreadable``.
    """
    top = Path(os.path.abspath(models_dir))  # noqa: PTH100 - links in the path stay as they are
    by_name = {file.name: model for model in registry.models.values() for file in model.files}
    index = verified.read()
    files: dict[Path, ResolvedFile] = {}
    missing: list[FileUse] = []
    family: str | None = None
    for use in sorted(uses, key=lambda one: one.kinds[0] not in MAIN):
        where = called(use.node, graph[use.node])
        refuse_path(use.name, where)
        _refuse_pickle(use, where)
        path = _path_of(use, top)
        owner = by_name.get(PurePosixPath(use.name).name)
        if path is None:
            included = _included(owner, use, top)
            if included is None:
                missing.append(use)
                continue
            files[included.path] = included
            continue
        header = read_header(path)
        if family is None and use.kinds[0] in MAIN:
            family = contents.family_of(header.tensors)
        files[path] = _resolved(use, path, owner, verified.digest(index, path))
    if missing:
        raise _missing(missing, graph, top, by_name)
    models = {found.file.name: by_name[found.file.name] for found in files.values() if found.file.name in by_name}
    if family is None and models:
        family = next(iter(models.values())).family
    return Found(tuple(files.values()), family, tuple(models.values()))


def _refuse_pickle(use: FileUse, where: str) -> None:
    if not use.name.lower().endswith(SAFE):
        raise ModelError(
            f"{where} names {use.name[:100]}: only safetensors files are loaded, since others run what is in them",
            code="workflow_model_unsafe",
            hint="get the model as .safetensors and name that: --set NODE.INPUT=FILE.safetensors",
            details={"node": use.node, "input": use.input, "file": use.name[:200]},
        )


def _path_of(use: FileUse, top: Path) -> Path | None:
    for kind in use.kinds:
        for folder in MODEL_FOLDERS.get(kind, ()):
            path = top / folder / use.name
            if path.is_file():
                return path
    return None


def _included(owner: Model | None, use: FileUse, top: Path) -> ResolvedFile | None:
    """A file that comes inside this package and is yet to be written."""
    if owner is None or not any(file.bundled for file in owner.files):
        return None
    for found in resolve(owner, top).files:
        if found.included and found.file.name == use.name and found.file.folder in MODEL_FOLDERS.get(use.kinds[0], ()):
            return found
    return None


def _resolved(use: FileUse, path: Path, owner: Model | None, digest: str | None) -> ResolvedFile:
    size = path.stat().st_size
    published = None if owner is None else next((one for one in owner.files if one.name == path.name), None)
    same_size = published is not None and published.bytes == size
    claimed = published.sha256 if published is not None and same_size else None
    sha256 = digest or claimed
    role = published.role if published is not None else cast("Role", ROLES.get(use.kinds[0], "model"))
    file = ModelFile(role, folder_for(use.kinds[0]), path.name, size, claimed or sha256 or "", "", ())
    return ResolvedFile(file, path, use.name, size, matches_size=True, sha256=sha256, verified=digest is not None)


def _missing(missing: Iterable[FileUse], graph: JsonObject, top: Path, by_name: dict[str, Model]) -> ModelError:
    told, details, pull = [], [], None
    for use in missing:
        folder = top / folder_for(use.kinds[0])
        owner = by_name.get(PurePosixPath(use.name).name)
        pull = pull or (owner.name if owner is not None else None)
        told.append(f"{use.name} of {called(use.node, graph[use.node])}, which belongs into {folder}")
        details.append(
            {
                "node": use.node,
                "class_type": graph[use.node]["class_type"],
                "input": use.input,
                "file": use.name,
                "folder": str(folder),
                "model": None if owner is None else owner.name,
                "nearest": nearest(use.name, _names_in(use, top)),
            }
        )
    near = details[0]["nearest"]
    if pull is not None:
        hint = f"`models pull {pull}` downloads it"
    elif near is not None:
        hint = f"did you mean {near}? --set {details[0]['node']}.{details[0]['input']}={near}"
    else:
        hint = "put the file there, or name another with --set NODE.INPUT=FILE"
    return ModelError(
        f"the workflow needs a file that is not there: {listed(told)}",
        code="workflow_model_missing",
        hint=hint,
        details={"missing": details, "models_dir": str(top)},
    )


def _names_in(use: FileUse, top: Path) -> list[str]:
    """The files that could be named instead."""
    return [
        path.relative_to(top / folder).as_posix()
        for kind in use.kinds
        for folder in MODEL_FOLDERS.get(kind, ())
        for path in sorted((top / folder).rglob("*"))[:1000]
        if path.name.lower().endswith(SAFE)
    ]
