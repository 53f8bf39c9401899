from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from hal_image import job_inputs
from hal_image.errors import EnvironmentError_
from hal_image.job_files import LIFETIME_S

if TYPE_CHECKING:
    from pathlib import Path

JOB = "01234567-89ab-4def-8123-456789abcdef"
OTHER = "11234567-89ab-4def-8123-456789abcdef"


def test_pictures_are_in_a_folder_of_the_job_and_go_with_it(tmp_path: Path) -> None:
    assert job_inputs.put(tmp_path, JOB, {"a.png": b"a", "b.png": b"b"}) == ["a.png", "b.png"]
    job_inputs.put(tmp_path, OTHER, {"a.png": b"other"})
    folder = tmp_path / job_inputs.FOLDER / JOB
    assert (folder / "a.png").read_bytes() == b"a"
    assert folder.stat().st_mode & 0o777 == 0o700
    job_inputs.remove(tmp_path, JOB)
    assert [path.name for path in folder.parent.iterdir()] == [OTHER]


def test_a_job_without_pictures_has_no_folder(tmp_path: Path) -> None:
    assert job_inputs.put(tmp_path, JOB, {}) == []
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / job_inputs.FOLDER).write_text("")
    with pytest.raises(EnvironmentError_) as caught:
        job_inputs.put(tmp_path, JOB, {"a.png": b"a"})
    assert caught.value.code == "state_dir_unwritable"


def test_a_link_in_the_folder_s_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / job_inputs.FOLDER).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(EnvironmentError_) as caught:
        job_inputs.put(tmp_path / "engine", JOB, {"a.png": b"a"})
    assert caught.value.code == "state_dir_unwritable"
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_where_root_calls_the_pictures_are_the_engine_s(tmp_path: Path) -> None:
    os.chown(tmp_path, 1234, 1235)
    job_inputs.put(tmp_path, JOB, {"a.png": b"a"})
    for path in (tmp_path / job_inputs.FOLDER, *(tmp_path / job_inputs.FOLDER).rglob("*")):
        assert (path.stat().st_uid, path.stat().st_gid) == (1234, 1235)


def test_only_its_own_pictures_are_renamed_in_the_graph() -> None:
    graph: dict[str, Any] = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
        "2": {"class_type": "LoadImageMask", "inputs": {"image": "a.png", "channel": "red"}},
        "3": {"class_type": "LoadImage", "inputs": {"image": "foreign.png"}},
        "4": {"class_type": "Other", "inputs": {"image": "a.png"}},
        "5": {"class_type": "LoadImage", "inputs": {"image": ["1", 0]}},
    }
    changed = job_inputs.of_job(graph, JOB, ["a.png"])
    assert [node["inputs"]["image"] for node in changed.values()] == [
        f"{JOB}/a.png",
        f"{JOB}/a.png",
        "foreign.png",
        "a.png",
        ["1", 0],
    ]
    assert graph["1"]["inputs"]["image"] == "a.png"


def test_nothing_is_removed_for_what_is_no_id(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no job"):
        job_inputs.remove(tmp_path, "..")


def test_old_pictures_of_jobs_that_never_came_are_swept(tmp_path: Path) -> None:
    for job in (JOB, OTHER):
        job_inputs.put(tmp_path, job, {"a.png": b"a"})
    old = time.time() - LIFETIME_S - 1
    os.utime(tmp_path / job_inputs.FOLDER / JOB, (old, old))
    job_inputs.sweep(tmp_path)
    assert [path.name for path in (tmp_path / job_inputs.FOLDER).iterdir()] == [OTHER]
