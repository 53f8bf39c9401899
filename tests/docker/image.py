"""Which image the tests of running engines use, and what happens where there is none."""

from __future__ import annotations

import functools
import os

import pytest

from tests.docker.base_image import Unavailable
from tests.docker.real_image import real_image


@functools.cache
def _image() -> str:
    image = os.environ.get("HAL_DOCKER_IMAGE") or real_image()
    threads = os.environ.get("OMP_NUM_THREADS")
    return image if threads is None else _with_threads(image, threads)


def _with_threads(image: str, threads: str) -> str:
    """The image for so many threads of torch: containers get none of the variables that local engines get."""
    from tests.docker.conftest import docker  # noqa: PLC0415 - pytest loads it itself, in its own time

    text = f"FROM {image}\nENV OMP_NUM_THREADS={threads}\n"
    return docker("build", "--quiet", "-", stdin=text).stdout.strip()


def image_or_skip() -> str:
    """The image of this checkout, or that of ``HAL_DOCKER_IMAGE``.

    Without a Docker engine the test is skipped, or, with ``HAL_TESTS_REQUIRE_DOCKER=1``, fails.
    """
    try:
        return _image()
    except Unavailable as error:
        if os.environ.get("HAL_TESTS_REQUIRE_DOCKER") == "1":
            raise
        pytest.skip(str(error))
