from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.faults.copies import image_from, impatient
from tests.world import Hal, docker, environment_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def impatient_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tool with short limits."""
    return impatient(tmp_path_factory.mktemp("copy") / "tool")


@pytest.fixture(scope="session")
def impatient_image(impatient_program: Path) -> Iterator[str]:
    """The image with the same short limits."""
    from tests.docker.image import image_or_skip  # noqa: PLC0415 - only where the Docker engine is tested

    tag = image_from(impatient_program.parent, image_or_skip(), f"hal8000-test-impatient:{os.getpid()}")
    yield tag
    docker("image", "rm", "--force", tag)


@pytest.fixture(scope="session")
def shared_impatient_hal(
    request: pytest.FixtureRequest,
    kind: str,
    models_dir: Path,
    impatient_program: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Hal]:
    """As ``shared_hal``, with short limits."""
    environment = environment_for(request, kind, models_dir, tmp_path_factory.mktemp("state"))
    if kind == "docker":
        environment["HAL_DOCKER_IMAGE"] = request.getfixturevalue("impatient_image")
    hal = Hal(environment, tmp_path_factory.mktemp("cwd"), impatient_program)
    yield hal
    hal("stop", "--force", code=None)


@pytest.fixture
def impatient_hal(shared_impatient_hal: Hal, tmp_path: Path) -> Hal:
    """As ``hal``, with short limits."""
    return Hal(shared_impatient_hal.environment, tmp_path, shared_impatient_hal.script)
