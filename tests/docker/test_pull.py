"""Downloading into a mounted models folder, by a container that may do nothing else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.docker.conftest import SEALED, UID, docker
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
