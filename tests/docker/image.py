"""Which image the tests of running engines use, and what happens where there is none."""

from __future__ import annotations

import functools
import os

import pytest

from tests.docker.base_image import Unavailable
from tests.docker.real_image import real_image


@functools.cache
def _image() -> str:
    return os.environ.get("HAL_DOCKER_IMAGE") or real_image()


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
