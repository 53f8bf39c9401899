"""The real Dockerfile, built by build-image.sh on the base of ``base_image``; again only when something changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.docker.base_image import base_image

ROOT = Path(__file__).resolve().parents[2]
TAG = "hal8000-image-gen:test"
CERTIFICATES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables that name the certificates which this machine trusts, where its network needs other than the usual ones."""


def build_command(base: str, *more: str) -> list[str]:
    """build-image.sh for this machine's network: a mirror or proxy on loopback, and certificates of its own."""
    trusted = next((os.environ[name] for name in CERTIFICATES if os.environ.get(name)), None)
    certificates = [] if trusted is None else ["--ca-cert", trusted]
    network = ["--network", "host"]
    return [str(ROOT / "build-image.sh"), "--tag", TAG, "--base-image", base, *network, *certificates, *more]


def real_image(*more: str) -> str:
    """Builds the image and returns its id. Minutes the first time, else a moment.

    Raises:
        Unavailable: there is no Docker here, or no base image.
        AssertionError: the build or the image's self-test failed.
    """
    command = build_command(base_image(), *more)
    built = subprocess.run(command, stdout=sys.__stderr__, stderr=subprocess.PIPE, text=True, check=False)
    assert built.returncode == 0, built.stderr[-4000:]
    return str(inspect(TAG)["Id"])


def inspect(image: str) -> dict[str, Any]:
    """What the engine knows of an image."""
    program = os.environ.get("HAL_DOCKER") or "docker"
    answer = subprocess.run([program, "image", "inspect", image], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(answer.stdout)[0]
    return found
