"""A base image without a registry: debootstrap makes it from the packages of this machine's own distribution mirror.

``python -m tests.docker.base_image`` makes it and prints its name, for ``build-image.sh --base-image``.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PYTHON = ("ca-certificates", "python3", "python3-venv")
SUITES = {"debian": "bookworm", "ubuntu": "jammy"}
"""Of each distribution the release whose Python torch 2.4.1 has wheels for, whatever release this machine runs."""
COMPONENTS = {"debian": "main", "ubuntu": "main,universe"}
REPOSITORY = "hal8000-test-base"


class Unavailable(Exception):
    """This machine cannot make or run containers; the argument says why."""


def docker() -> str:
    """The Docker program, whose engine answers.

    Raises:
        Unavailable: there is none.
    """
    program = shutil.which(os.environ.get("HAL_DOCKER") or "docker")
    if program is None:
        raise Unavailable("there is no Docker here")
    answer = subprocess.run([program, "info"], capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise Unavailable(f"Docker does not answer: {answer.stderr.strip().splitlines()[-1:]}")
    return program


def base_image() -> str:
    """The name of the base image, which is made unless it is there.

    Raises:
        Unavailable: it cannot be made here.
    """
    program = docker()
    distribution = _distribution()
    suite = SUITES[distribution]
    name = f"{REPOSITORY}:{suite}"
    if subprocess.run([program, "image", "inspect", name], capture_output=True, check=False).returncode == 0:
        return name
    debootstrap = shutil.which("debootstrap", path=f"{os.environ['PATH']}:/usr/sbin")
    if debootstrap is None:
        raise Unavailable("there is no debootstrap to make a base image with")
    if os.getuid() != 0:
        raise Unavailable("only root can make a base image with debootstrap")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        command = [
            debootstrap, "--variant=minbase", f"--include={','.join(PYTHON)}",
            f"--components={COMPONENTS[distribution]}", suite, str(root), *_mirror(suite),
        ]  # fmt: skip
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise Unavailable(f"debootstrap failed: {(made.stdout + made.stderr).strip().splitlines()[-3:]}")
        for cache in (root / "var/cache/apt/archives", root / "var/lib/apt/lists"):
            shutil.rmtree(cache)
            cache.mkdir()
        with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as tar:
            subprocess.run([program, "import", "-", name], stdin=tar.stdout, stdout=subprocess.DEVNULL, check=True)
    return name


def _distribution() -> str:
    """The family whose packages this machine can get: its own, or Debian."""
    try:
        own = platform.freedesktop_os_release()["ID"]
    except OSError:
        return "debian"
    return own if own in SUITES else "debian"


def _mirror(suite: str) -> list[str]:
    """Where this machine's apt gets its packages: such a mirror has the other releases too. Else debootstrap knows."""
    if shutil.which("apt-get") is None:
        return []
    asked = ["apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages"]
    answer = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    sources = dict(line.split(" ", 1) for line in reversed(answer.splitlines()) if " " in line)
    try:
        own = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    except OSError:
        own = ""
    found = sources.get(suite) or sources.get(own)
    return [found] if found else []


if __name__ == "__main__":
    try:
        print(base_image())  # noqa: T201 - it is what was asked for
    except Unavailable as error:
        sys.exit(str(error))
