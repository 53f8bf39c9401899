"""Pictures that a job's graph loads: the host puts them into the engine's folder, the engine removes them with the job.

``input`` in the engine's folder is ComfyUI's input folder; each job has a folder of its own in it, so that no job sees
another one's pictures, and ComfyUI, which remembers what it has loaded by its name, loads them anew.
"""

from __future__ import annotations

import shutil
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


def put(engine_folder: Path, job: str, inputs: Mapping[str, bytes]) -> list[str]:
    """Writes a job's pictures, for this user only.

    Returns:
        their names, for the engine.

    Raises:
        EnvironmentError_: ``state_dir_unwritable``.
    """
    if not inputs:
        return []
    folder = engine_folder / FOLDER / job
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, data in inputs.items():
            (folder / name).write_bytes(data)
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
    shutil.rmtree(engine_folder / FOLDER / job, ignore_errors=True)


def sweep(engine_folder: Path) -> None:
    """Removes the pictures of jobs that never came to the engine."""
    try:
        folders = [folder for folder in (engine_folder / FOLDER).iterdir() if is_job_id(folder.name)]
    except OSError:
        return
    for folder in folders:
        if is_old(folder):
            shutil.rmtree(folder, ignore_errors=True)
