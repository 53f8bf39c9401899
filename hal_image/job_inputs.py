"""Pictures that a job's graph loads: the host puts them into the engine's folder, the engine removes them with the job.

``input`` in the engine's folder is ComfyUI's input folder; each job has a folder of its own in it, so that no job sees
another one's pictures, and ComfyUI, which remembers what it has loaded by its name, loads them anew.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hal_image.errors import EnvironmentError_
from hal_image.job_files import is_job_id, is_old

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from hal_image.errors import JsonObject

FOLDER = "input"
LOADERS = {"LoadImage", "LoadImageMask"}
"""ComfyUI's nodes whose input ``image`` is the name of a file in its input folder."""


_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def _own(descriptor: int, owner: os.stat_result) -> None:
    """Gives what is open to ``owner`` where it is another's, which only root can."""
    if os.fstat(descriptor).st_uid != owner.st_uid:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def put(engine_folder: Path, job: str, inputs: Mapping[str, bytes]) -> list[str]:
    """Writes a job's pictures, for the engine's user only.

    A container writes in the engine's folder, too: a link that it put there must not lead us elsewhere, and where root
    calls, it runs as another user, who is the folder's owner then.

    Returns:
        their names, for the engine.

    Raises:
        EnvironmentError_: ``state_dir_unwritable``.
    """
    if not inputs:
        return []
    folder = engine_folder / FOLDER / job
    try:
        (engine_folder / FOLDER).mkdir(mode=0o700, exist_ok=True)
        owner = engine_folder.stat()
        top = os.open(engine_folder / FOLDER, _FOLDER)
        try:
            _own(top, owner)
            os.mkdir(job, mode=0o700, dir_fd=top)
            inner = os.open(job, _FOLDER, dir_fd=top)
        finally:
            os.close(top)
        try:
            _own(inner, owner)
            for name, data in inputs.items():
                file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=inner)
                with os.fdopen(file, "wb") as stream:
                    _own(file, owner)
                    stream.write(data)
        finally:
            os.close(inner)
    except OSError as error:
        raise EnvironmentError_(
            f"cannot write {folder}: {error.strerror}",
            code="state_dir_unwritable",
            hint="free some space there, or set HAL_STATE_DIR to a folder that you can write to",
        ) from error
    return list(inputs)


def of_job(graph: JsonObject, job: str, inputs: Iterable[str]) -> JsonObject:
    """A copy of a graph in which its pictures are those of the job."""
    own = set(inputs)

    def is_own(node: JsonObject) -> bool:
        image = node.get("inputs", {}).get("image")
        return node.get("class_type") in LOADERS and isinstance(image, str) and image in own

    return {
        node_id: {**node, "inputs": {**node["inputs"], "image": f"{job}/{node['inputs']['image']}"}}
        if is_own(node)
        else node
        for node_id, node in graph.items()
    }


def remove(engine_folder: Path, job: str) -> None:
    """Removes a job's pictures.

    Raises:
        ValueError: it is no job's id: this deletes.
    """
    if not is_job_id(job):
        raise ValueError(f"{job!r} is no job's id")
    _remove(engine_folder / FOLDER / job)


def sweep(engine_folder: Path) -> None:
    """Removes the pictures of jobs that never came to the engine."""
    try:
        folders = [folder for folder in (engine_folder / FOLDER).iterdir() if is_job_id(folder.name)]
    except OSError:
        return
    for folder in folders:
        if is_old(folder):
            _remove(folder)


def _remove(folder: Path) -> None:
    from shutil import rmtree  # noqa: PLC0415 - brings the compression modules, and the host removes nothing

    rmtree(folder, ignore_errors=True)
