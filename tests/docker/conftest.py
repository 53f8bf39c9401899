from __future__ import annotations

import json
import os
import subprocess
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.docker.base_image import Unavailable
from tests.docker.real_image import real_image

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM = os.environ.get("HAL_DOCKER") or "docker"
SEALED = (
    "--network", "none", "--read-only", "--tmpfs", "/tmp", "--tmpfs", "/run/hal", "--cap-drop", "ALL",
    "--security-opt", "no-new-privileges",
)  # fmt: skip
"""As the host runs an engine."""
UID = 4711 if os.getuid() == 0 else os.getuid()
"""Somebody whom the image does not know, and whose folder we can make."""


def docker(*arguments: str, stdin: str | None = None, code: int | None = 0) -> subprocess.CompletedProcess[str]:
    """Runs one Docker command to its end; ``code=None`` accepts every exit code."""
    done = subprocess.run(
        [PROGRAM, *arguments], input=stdin if stdin is not None else "", capture_output=True, text=True, check=False
    )
    assert code is None or done.returncode == code, done
    return done


@pytest.fixture(scope="session")
def image() -> str:
    """The id of the image of this checkout."""
    try:
        return real_image()
    except Unavailable as error:
        if os.environ.get("HAL_TESTS_REQUIRE_DOCKER") == "1":
            raise
        pytest.skip(str(error))


@dataclass(frozen=True)
class Container:
    """A container that runs."""

    name: str
    spool: Path

    def exec(self, *command: str, stdin: str | None = None, code: int | None = 0) -> str:
        """What a command in it prints."""
        return docker("exec", "-i", self.name, *command, stdin=stdin, code=code).stdout

    def python(self, code: str) -> str:
        """What a piece of Python prints, in the container's own."""
        return self.exec("/opt/venv/bin/python", "-c", code)

    def inspect(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(docker("inspect", self.name).stdout)[0]
        return found

    def status(self) -> dict[str, Any]:
        """The engine's answer to ``status``, over the line that the host uses."""
        lines = self.exec("/opt/hal/submit", "30", stdin='{"v": 1, "op": "status"}\n').splitlines()
        status: dict[str, Any] = json.loads(lines[-1])
        return status

    def wait_until_idle(self) -> dict[str, Any]:
        end = time.monotonic() + 120
        while (status := self.status())["state"] != "idle":
            assert status["boot_error"] is None, status
            assert time.monotonic() < end, status
            time.sleep(0.2)
        return status


@pytest.fixture(scope="module")
def container(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    """An engine as the host runs it, with every default: ComfyUI on the processor, for an unknown user."""
    yield from started(image, tmp_path_factory.mktemp("engine"))


def started(image: str, folder: Path, *options: str, models: Path | None = None) -> Iterator[Container]:
    """Starts an engine, and removes it in the end."""
    spool = folder / "spool"
    spool.mkdir()
    os.chown(spool, UID, UID)
    if models is None:
        models = folder / "models"
        models.mkdir()
    name = f"hal8000-test-{uuid.uuid4().hex[:8]}"
    mounts = ("--volume", f"{models}:/models:ro", "--volume", f"{spool}:/spool")
    docker(
        "run", "--detach", "--name", name, *SEALED, "--user", f"{UID}:{UID}", *mounts, *options, image, "serve", "--cpu"
    )
    try:
        yield Container(name, spool)
    finally:
        docker("rm", "--force", name)
