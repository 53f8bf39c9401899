"""Which image the tests run, and what happens where there is none."""

from __future__ import annotations

import functools
import os

import pytest

from hal_image.host.docker import answers, commands, program
from hal_image.host.engines.docker import IMAGE


def docker_image_name() -> str:
    """The image's name. Without it the test is skipped, or, with ``HAL_TESTS_REQUIRE_DOCKER=1``, fails."""
    name = os.environ.get("HAL_DOCKER_IMAGE") or IMAGE
    problem = _problem(name)
    if problem:
        if os.environ.get("HAL_TESTS_REQUIRE_DOCKER") == "1":
            pytest.fail(problem)
        pytest.skip(problem)
    return name


@functools.cache
def _problem(name: str) -> str:
    path = program.find()
    if path is None:
        return "there is no Docker program"
    answer = program.run(path, commands.image_id(name))
    return "" if answer.code == 0 else answers.failure(answer).message
