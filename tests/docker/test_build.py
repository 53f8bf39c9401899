"""build-image.sh with the real builder, after the image was built."""

from __future__ import annotations

import os
import re
import subprocess
import time

from tests.docker.base_image import base_image
from tests.docker.conftest import docker
from tests.docker.real_image import TAG, build_command, inspect, real_image

UNCHANGED_S = 5.0


def failing(*command: str, **environment: str) -> list[str]:
    """The last two lines of a build that fails."""
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done
    return done.stderr.splitlines()[-2:]


def test_an_unchanged_rebuild_takes_a_moment(image: str) -> None:
    began = time.monotonic()
    assert real_image() == image
    assert time.monotonic() - began < UNCHANGED_S


def test_a_base_that_cannot_be_had(image: str) -> None:
    failure, hint = failing(*build_command("hal8000-test-missing:none"))
    assert re.search("FROM|load metadata", failure)
    assert "the base image hal8000-test-missing:none cannot be pulled" in hint
    assert inspect(TAG)["Id"] == image, "a build that failed leaves the image alone"


def test_an_index_that_cannot_be_reached(image: str) -> None:
    command = build_command(base_image(), "--tag", f"{TAG}-broken")
    nobody = "http://127.0.0.1:9/simple"  # the discard port
    failure, hint = failing(*command, PIP_INDEX_URL=nobody, PIP_RETRIES="0")
    assert re.search(r"RUN set -eu; +(python3 -m venv|cd /build)", failure)  # BuildKit is at both of them then
    assert "PIP_INDEX_URL" in hint
    assert docker("image", "inspect", f"{TAG}-broken", code=None).returncode != 0
    assert inspect(TAG)["Id"] == image
