"""Which engines run, where Docker is a script."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hal_image.errors import EnvironmentError_
from hal_image.host.engines.running import running_engines

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program, in a state directory that has had a container."""
    (tmp_path / "state" / "engines" / "0123abcd-docker").mkdir(parents=True)
    monkeypatch.setenv("HAL_STATE_DIR", str(tmp_path / "state"))
    path = tmp_path / "docker"
    path.write_text("")
    path.chmod(0o755)
    monkeypatch.setenv("HAL_DOCKER", str(path))
    return path


def test_docker_that_does_not_answer_in_time_is_not_docker_without_containers(docker: Path) -> None:
    docker.write_text("#!/bin/sh\nkill -9 $$\n")  # as we end one that takes too long
    with pytest.raises(EnvironmentError_, match="did not answer in time") as caught:
        running_engines()
    assert caught.value.code == "docker_failed"


def test_without_a_docker_engine_no_container_runs(docker: Path) -> None:
    docker.write_text("#!/bin/sh\necho Cannot connect to the Docker daemon >&2\nexit 1\n")
    assert running_engines() == []
