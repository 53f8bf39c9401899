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
from tests.store.conftest import model
from tests.unit.models.file_server import NAME, Server, registry_with

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATA = os.urandom(2_000_000)
WITH_NETWORK = SEALED[2:]


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server(DATA)
    yield running
    running.close()


def test_pull(image: str, server: Server, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "models.yaml").write_text(registry_with(DATA))
    models = tmp_path / "models"
    models.mkdir()
    os.chown(models, UID, UID)
    server.cut_after = [1_000_000]
    pulled = docker(
        "run", "--rm", "--network", "host", *WITH_NETWORK, "--user", f"{UID}:{UID}",
        "--env", f"HF_ENDPOINT={server.url}", "--env", "HF_TOKEN=secret", "--env", "HAL_REGISTRY=/tmp/models.yaml",
        "--volume", f"{models}:/models", "--volume", f"{tmp_path / 'models.yaml'}:/tmp/models.yaml:ro",
        image, "pull", "mine",
    )  # fmt: skip
    assert pulled.stdout == f"/models/checkpoints/{NAME}\n"
    assert "secret" not in pulled.stderr
    file = models / "checkpoints" / NAME
    assert file.read_bytes() == DATA
    assert (file.stat().st_uid, file.stat().st_gid) == (UID, UID)
    assert [token for _, _, token in server.asked] == ["Bearer secret"] * 2


def test_the_host_has_a_container_pull(
    image: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
    assert [token for _, _, token in server.asked] == ["Bearer hf_a_secret"]
