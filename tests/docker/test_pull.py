"""Downloading into a mounted models folder, by a container that may do nothing else."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from hal_image.host.docker import answers, commands, program
from hal_image.host.docker import pull as in_container
from hal_image.models import hub as hubs
from hal_image.models.download import Pull
from tests.docker.conftest import PROGRAM, SEALED, UID, docker
from tests.store.conftest import NAME, REGISTRY, model
from tests.store.hub_server import Hub
from tests.store.xet_storage import XetStorage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SMALL_FILES_OVER_XET = """
import runpy, sys
sys.path.insert(0, "/opt/hal")
from hal_image.models import xet
xet.FROM_BYTES, xet.AHEAD_BYTES, xet.PIECE_BYTES = 0, 1_000_000, 200_000
sys.argv = ["entrypoint.py", "pull", "mine"]
runpy.run_path("/opt/hal/entrypoint.py", run_name="__main__")
"""
DATA = os.urandom(2_000_000)
WITH_NETWORK = SEALED[2:]


@pytest.fixture
def server() -> Iterator[Hub]:
    running = Hub(DATA)
    yield running
    running.close()


@pytest.fixture
def options(server: Hub, tmp_path: Path) -> list[str]:
    """Of a container that may download the model ``mine`` and nothing else."""
    tmp_path.chmod(0o755)
    registry = tmp_path / "models.yaml"
    registry.write_text(REGISTRY.format(name=NAME, bytes=len(DATA), sha256=server.sha256, gated="true"))
    models = tmp_path / "models"
    models.mkdir()
    os.chown(models, UID, UID)
    return [
        "--rm", "--network", "host", *WITH_NETWORK, "--user", f"{UID}:{UID}",
        "--env", f"HF_ENDPOINT={server.url}", "--env", "HF_TOKEN=secret", "--env", "HAL_REGISTRY=/tmp/models.yaml",
        "--volume", f"{models}:/models", "--volume", f"{registry}:/tmp/models.yaml:ro",
    ]  # fmt: skip


def test_pull(image: str, server: Hub, options: list[str], tmp_path: Path) -> None:
    server.cut_after, server.cuts = 1_000_000, 1
    pulled = docker("run", *options, image, "pull", "mine")
    assert pulled.stdout == f"/models/checkpoints/{NAME}\n"
    assert "secret" not in pulled.stderr
    file = tmp_path / "models" / "checkpoints" / NAME
    assert file.read_bytes() == DATA
    assert (file.stat().st_uid, file.stat().st_gid) == (UID, UID)
    assert [asked.authorization for asked in server.asked] == ["Bearer secret"] * 2


def test_pull_over_xet(image: str, server: Hub, options: list[str], tmp_path: Path) -> None:
    storage = XetStorage(DATA)
    server.xet, server.cdn = storage, "http://127.0.0.1:1"
    try:
        pulled = docker(
            "run", *options, "--entrypoint", "/opt/venv/bin/python", image, "-I", "-c", SMALL_FILES_OVER_XET
        )
    finally:
        storage.close()
    assert pulled.stdout == f"/models/checkpoints/{NAME}\n"
    assert "Xet failed" not in pulled.stderr
    assert (tmp_path / "models" / "checkpoints" / NAME).read_bytes() == DATA
    assert storage.sent >= len(DATA)


def test_the_host_has_a_container_pull(
    image: str, server: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HAL_STATE_DIR", str(tmp_path / "state"))
    usual = commands.pull

    def on_the_hosts_network(*what: Any) -> list[str]:  # where the server is
        first, *rest = usual(*what)
        return [first, "--network", "host", *rest]

    monkeypatch.setattr(commands, "pull", on_the_hosts_network)
    seen: list[str] = []

    def look(event: dict[str, Any]) -> None:
        if not seen and event["event"] == "pull_source":
            seen.append(docker("inspect", *docker("ps", "--quiet").stdout.split()).stdout)

    models = tmp_path / "models"
    wanted = Pull((model(data=DATA),), models, hubs.Hub(server.url, "hf_a_secret"), look)
    path = shutil.which(PROGRAM)
    assert path is not None
    assert in_container.download(path, answers.image(program.run(path, commands.image(image)), image, ""), wanted) == [
        models / "checkpoints" / NAME
    ]
    assert (models / "checkpoints" / NAME).read_bytes() == DATA
    assert (models / "checkpoints" / NAME).stat().st_uid == os.getuid()
    assert "pull" in seen[0]
    assert "hf_a_secret" not in seen[0]
    assert [asked.authorization for asked in server.asked] == ["Bearer hf_a_secret"]
