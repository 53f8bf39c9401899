"""What can stand between a call and its container: folders, images, GPUs, Docker itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hal_image.host.docker import program
from tests.engine.containers import containers
from tests.world import QUICK, SD15, Hal, docker

pytestmark = pytest.mark.docker_only("containers")

ODD = 'mod els, "quoted": it\'s 模型'
"""A folder's name with everything that a command line or Docker's own syntax could trip over."""


def test_any_folder_name_works(lone_hal: Hal, models_dir: Path) -> None:
    odd = lone_hal.cwd / ODD
    shutil.copytree(models_dir, odd / "models", ignore=shutil.ignore_patterns("*flux*", "*sd*_*"))
    odd.chmod(0o755)
    hal = Hal({**lone_hal.environment, "HAL_STATE_DIR": str(odd / "state")}, lone_hal.cwd)
    try:
        run = hal("-p", "x", *QUICK, "-o", f"{ODD}/out.png", "--models-dir", f"{ODD}/models", "--json")
        assert run.json["data"]["images"][0]["path"] == str(odd / "out.png")
        assert hal.engine()["models_dir"] == str(odd / "models")
    finally:
        hal("stop", "--force")


def test_a_link_out_of_the_models_folder_is_told(lone_hal: Hal, models_dir: Path, tmp_path: Path) -> None:
    mine = tmp_path / "models"
    (mine / "checkpoints").mkdir(parents=True)
    (mine / "checkpoints" / SD15).symlink_to(models_dir / "checkpoints" / SD15)
    error = lone_hal("-p", "x", *QUICK, "-o", "x.png", "--models-dir", str(mine), "--json", code=4).json["error"]
    assert error["code"] == "model_outside"
    assert containers(lone_hal) == []


def test_a_missing_image_is_told_with_the_command_that_builds_it(lone_hal: Hal) -> None:
    hal = Hal({**lone_hal.environment, "HAL_DOCKER_IMAGE": "hal8000-test-nothing:here"}, lone_hal.cwd)
    error = hal("-p", "x", *QUICK, "-o", "x.png", "--json", code=3).json["error"]
    assert error["code"] == "docker_image_missing"
    assert "./build-image.sh --tag hal8000-test-nothing:here" in error["hint"]


def test_an_engine_that_does_not_run_is_told(lone_hal: Hal) -> None:
    hal = Hal({**lone_hal.environment, "DOCKER_HOST": f"unix://{lone_hal.cwd}/none.sock"}, lone_hal.cwd)
    error = hal("-p", "x", *QUICK, "-o", "x.png", "--json", code=3).json["error"]
    assert error["code"] == "docker_not_running"


def test_without_a_gpu_a_model_that_is_not_fit_wants_to_be_asked_for(lone_hal: Hal) -> None:
    hal = Hal({**lone_hal.environment, "HAL_REGISTRY": "", "CUDA_VISIBLE_DEVICES": ""}, lone_hal.cwd)
    error = hal("-p", "x", *QUICK, "-o", "x.png", "--json", code=3).json["error"]
    assert error["code"] == "gpu_missing"
    assert "--cpu" in error["hint"]
    assert containers(lone_hal) == []
    assert hal("-p", "x", *QUICK, "-o", "x.png", "--cpu", "--json").json["data"]["engine"]["device"] == "cpu"


def test_a_gpu_that_docker_cannot_hand_out_is_told_before_anything_is_loaded(lone_hal: Hal, tmp_path: Path) -> None:
    if "nvidia" in docker("info", "--format", "{{json .Runtimes}}"):
        pytest.skip("this Docker can hand out GPUs")
    launcher = tmp_path / "with_gpu.py"
    launcher.write_text(
        f"import sys\nsys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
        "from hal_image.host.engines import docker\nfrom hal_image.host.main import main\n"
        "docker.nvidia_present = lambda: True\nsys.exit(main(sys.argv[1:]))\n"
    )
    hal = Hal(lone_hal.environment, lone_hal.cwd, launcher)
    error = hal("-p", "x", *QUICK, "-o", "x.png", "--json", code=3).json["error"]
    assert error["code"] == "docker_gpu_runtime_missing"
    assert containers(lone_hal) == []


def test_auto_takes_the_container_where_there_is_an_image(lone_hal: Hal) -> None:
    auto = Hal({**lone_hal.environment, "HAL_ENGINE": "auto"}, lone_hal.cwd)
    for reused in (False, True):
        engine = auto("-p", "x", *QUICK, "-o", "x.png", "--json").json["data"]["engine"]
        assert (engine["kind"], engine["reused"]) == ("docker", reused)
    assert program.find() is not None
