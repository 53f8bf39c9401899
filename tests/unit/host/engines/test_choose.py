"""Which engine is used, with a script in the place of Docker and nothing behind it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from hal_image.errors import EnvironmentError_, UsageError
from hal_image.host.deadline import Deadline
from hal_image.host.docker import card, names
from hal_image.host.engines import EngineRequest, Needs, choose, docker, local
from hal_image.host.render import Output

if TYPE_CHECKING:
    from pathlib import Path

NO_IMAGE = "sys.stderr.write('Error: No such image: x'); sys.exit(1)"
NO_DAEMON = "sys.stderr.write('Cannot connect to the Docker daemon at unix:///x.'); sys.exit(1)"
NO_RIGHTS = "sys.stderr.write('permission denied while trying to connect to the Docker daemon'); sys.exit(1)"
IMAGE = 'print(\'{"id": "sha256:1", "labels": {}}\')'
NEVER = Deadline.after(None)


class Chosen(Exception):
    """Raised in the place of a connection: which engine was asked for one."""


@pytest.fixture(autouse=True)
def _machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HAL_ENGINE", "HAL_ENGINE_PYTHON", "HAL_COMFYUI_DIR", "HAL_DOCKER_IMAGE", "DOCKER_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("HAL_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("HAL_DOCKER", str(tmp_path / "docker"))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(docker, "nvidia_present", lambda: True)
    monkeypatch.setattr(local.LocalEngine, "connect", engine("local"))
    monkeypatch.setattr(docker.DockerEngine, "connect", engine("docker"))


def engine(kind: str) -> Any:
    def connect(*_: object) -> None:
        raise Chosen(kind)

    return connect


def write_docker(folder: Path, code: str) -> str:
    path = folder / "docker"
    path.write_text(f"#!{sys.executable}\nimport sys\n{code}\n")
    path.chmod(0o755)
    return str(path)


def request_for(
    folder: Path, needs: Needs | None = None, *, cpu: bool = False, gpu: str | None = None
) -> EngineRequest:
    return EngineRequest(folder / "models", cpu, gpu, 300.0, offline=False, needs=needs)


def chosen(folder: Path, name: str | None = None) -> str:
    with pytest.raises(Chosen) as caught:
        choose(name).connect(request_for(folder), Output("generate"), NEVER)
    return str(caught.value)


def test_what_is_asked_for_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_docker(tmp_path, IMAGE)
    assert chosen(tmp_path, "local") == "local"
    assert chosen(tmp_path, "docker") == "docker"
    monkeypatch.setenv("HAL_ENGINE", "local")
    assert chosen(tmp_path) == "local"
    assert chosen(tmp_path, "docker") == "docker"
    monkeypatch.setenv("HAL_ENGINE", "dokcer")
    with pytest.raises(UsageError, match="dokcer"):
        choose(None)


@pytest.mark.parametrize(
    ("script", "expected"),
    [(None, "local"), (NO_IMAGE, "local"), (NO_DAEMON, "local"), (NO_RIGHTS, "local"), (IMAGE, "docker")],
)
def test_auto_takes_docker_where_it_has_the_image(tmp_path: Path, script: str | None, expected: str) -> None:
    if script is not None:
        write_docker(tmp_path, script)
    assert chosen(tmp_path) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [("HAL_ENGINE_PYTHON", "/x"), ("HAL_COMFYUI_DIR", "/x"), ("DOCKER_HOST", "tcp://10.0.0.1:2375")],
)
def test_auto_is_local_where_that_is_meant_or_docker_is_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    write_docker(tmp_path, IMAGE)
    monkeypatch.setenv(name, value)
    assert chosen(tmp_path) == "local"


def test_auto_is_local_on_a_mac(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_docker(tmp_path, IMAGE)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert chosen(tmp_path) == "local"


def test_auto_does_not_ask_docker_where_a_local_engine_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_docker(tmp_path, f"open({str(tmp_path / 'asked')!r}, 'w')\n{IMAGE}")
    monkeypatch.setattr("hal_image.host.engines.auto._local_runs", lambda _: True)
    assert chosen(tmp_path) == "local"
    assert not (tmp_path / "asked").exists()


def test_a_card_of_a_docker_that_is_gone_does_not_stand_in_the_way(tmp_path: Path) -> None:
    path = write_docker(tmp_path, NO_DAEMON)
    made = docker.DockerEngine()
    folder = names.engine_folder(tmp_path / "models")
    folder.mkdir(parents=True)
    settings = made.settings(request_for(tmp_path))
    assert settings.program == path
    card.write(folder, card.Card(settings, "n", "1f", "sha256:1", None))
    assert chosen(tmp_path) == "local"


def test_docker_elsewhere_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_docker(tmp_path, IMAGE)
    monkeypatch.setenv("DOCKER_HOST", "ssh://box")
    with pytest.raises(EnvironmentError_) as caught:
        choose("docker")
    assert caught.value.code == "docker_remote"
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/user/1000/docker.sock")
    choose("docker")


def test_what_a_container_is_started_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_docker(tmp_path, IMAGE)
    made = docker.DockerEngine()
    plain = made.settings(request_for(tmp_path))
    assert (plain.cpu, plain.gpu, plain.image) == (False, "all", docker.IMAGE)
    assert made.settings(request_for(tmp_path, gpu="1")).gpu == "1"
    assert made.settings(request_for(tmp_path, cpu=True)) == plain._replace(cpu=True, gpu="none")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,0")
    assert made.settings(request_for(tmp_path)).gpu == "1,0"
    assert made.settings(request_for(tmp_path, gpu="all")).gpu == "all"
    assert made.build_command() == "./build-image.sh"
    monkeypatch.setenv("HAL_DOCKER_IMAGE", "mine:1")
    assert docker.DockerEngine().build_command() == "./build-image.sh --tag mine:1"


def test_a_card_of_a_container_that_is_gone_is_forgotten(tmp_path: Path) -> None:
    write_docker(tmp_path, "sys.stderr.write('Error: No such container: n'); sys.exit(1)")
    made = docker.DockerEngine()
    folder = names.engine_folder(tmp_path / "models")
    folder.mkdir(parents=True)
    card.write(folder, card.Card(made.settings(request_for(tmp_path)), "n", "1f", "sha256:1", None))
    assert made.find(request_for(tmp_path), Output("generate"), NEVER) is None
    assert card.read(folder) is None


def test_a_card_with_other_settings_asks_docker_nothing(tmp_path: Path) -> None:
    write_docker(tmp_path, f"open({str(tmp_path / 'asked')!r}, 'w')")
    made = docker.DockerEngine()
    folder = names.engine_folder(tmp_path / "models")
    folder.mkdir(parents=True)
    card.write(folder, card.Card(made.settings(request_for(tmp_path, gpu="1")), "n", "1f", "sha256:1", None))
    assert made.find(request_for(tmp_path), Output("generate"), NEVER) is None
    assert not (tmp_path / "asked").exists()


def test_a_model_that_does_not_fit_is_told_although_a_container_runs(tmp_path: Path) -> None:
    write_docker(tmp_path, f"open({str(tmp_path / 'asked')!r}, 'w')")
    made = docker.DockerEngine()
    folder = names.engine_folder(tmp_path / "models")
    folder.mkdir(parents=True)
    card.write(folder, card.Card(made.settings(request_for(tmp_path)), "n", "1f", "sha256:1", vram_mb=8192))
    large = Needs("flux", min_vram_gb=16, fit_for_cpu=False)
    with pytest.raises(EnvironmentError_) as caught:
        made.find(request_for(tmp_path, large), Output("generate"), NEVER)
    assert caught.value.code == "gpu_memory_too_small"
    assert not (tmp_path / "asked").exists()


def test_a_container_that_is_only_just_being_made_is_waited_for(tmp_path: Path) -> None:
    # Between the two questions it may come into being: what has no id yet is its starter's.
    hello = '{"v": 1, "event": "hello", "output_dir": "/spool/output", "comfyui": {}}'
    write_docker(
        tmp_path, f"sys.argv[1] == 'container' and sys.exit(1)\nprint({hello!r}, flush=True)\nsys.stdin.read()"
    )
    made = docker.DockerEngine()
    folder = names.engine_folder(tmp_path / "models")
    folder.mkdir(parents=True)
    kept = card.Card(made.settings(request_for(tmp_path)), "n", "", "sha256:1", None)
    card.write(folder, kept)
    assert made.find(request_for(tmp_path), Output("generate"), NEVER) is None
    card.write(folder, kept._replace(id="1f", image_id=hello))
    connection = made.find(request_for(tmp_path), Output("generate"), NEVER)
    assert connection is not None
    assert (connection.reused, connection.place["container"]["id"]) == (True, "1f")
    assert str(connection.output_dir) == str(folder / "output")
    connection.link.close()
