"""``entrypoint.py selftest``, inside the image: whether it has what it should have, and whether ComfyUI boots in it.

Each check is a generator's step: a name, and what was found or the problem. A build ends with this, and it is the first
thing to run when a container misbehaves. It needs neither network nor GPU: ComfyUI is booted on the processor.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hal_image import about, container, paths
from hal_image.engine.comfyui_environment import child_environment
from hal_image.engine.comfyui_process import ComfyProcess
from hal_image.errors import HalError
from hal_image.install import comfyui_source, markers
from hal_image.wire import EngineSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOCKS = ("engine.txt", "host.txt")
"""The lock files that the image's packages were installed from; the Dockerfile keeps them beside the packages."""
LEFT_OUT = frozenset({"triton", "setuptools"})
"""Locked packages that the Dockerfile removes again."""
SCHEMA_VERSION = 1
"""Of the JSON object that ``selftest --json`` prints."""

_REQUIREMENT = re.compile(r"^[A-Za-z0-9][^\\\n]*", re.MULTILINE)


class Check(NamedTuple):
    """One thing that was looked at: what was found, or what is wrong with it."""

    name: str
    ok: bool
    detail: str


class Problem(Exception):
    """A check failed; the argument says how."""


def run() -> Iterator[Check]:
    """Every check, one after the other; a failure does not keep the others from being made."""
    for name, check in CHECKS:
        try:
            yield Check(name, ok=True, detail=check())
        except (Problem, HalError) as error:
            yield Check(name, ok=False, detail=str(error))
        except Exception as error:  # noqa: BLE001 - whatever a broken library raises is what we look for
            yield Check(name, ok=False, detail=f"{type(error).__name__}: {error}")


def user() -> str:
    """Not root: neither model code nor a left-over file needs that."""
    if os.getuid() == 0:
        raise Problem("this is root: run the container with --user UID:GID")
    return f"{os.getuid()}:{os.getgid()}"


def python() -> str:
    """The Python of the image, new enough."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < about.MIN_PYTHON:
        raise Problem(f"Python {version} is too old")
    if sys.executable != container.PYTHON:
        raise Problem(f"runs in {sys.executable}, not in {container.PYTHON}")
    return version


def packages() -> str:
    """What is installed is what the locks name, in their versions, and nothing else."""
    expected = locked()
    installed = {_normal(found.metadata["Name"]): found.version for found in metadata.distributions()}
    wrong = [
        f"{name} is {installed.get(name, 'missing')}, not {version}"
        for name, version in expected.items()
        if installed.get(name) != version
    ]
    wrong += [f"{name} is in no lock" for name in sorted(installed.keys() - expected.keys())]
    if wrong:
        raise Problem("; ".join(wrong))
    return f"{len(expected)} as locked"


def locked() -> dict[str, str]:
    """Name and version of every package that the locks name for this Python and machine, without ``LEFT_OUT``."""
    from packaging.requirements import Requirement  # noqa: PLC0415 - in the image, and for this alone

    found = {}
    for lock in LOCKS:
        text = Path(sys.prefix, lock).read_text(encoding="utf-8")
        for requirement in map(Requirement, _REQUIREMENT.findall(text)):
            name = _normal(requirement.name)
            if name not in LEFT_OUT and (requirement.marker is None or requirement.marker.evaluate()):
                (version,) = requirement.specifier
                found[name] = version.version
    return found


def torch() -> str:
    """It imports, and is built for the CUDA whose libraries are locked with it."""
    import torch as module  # noqa: PLC0415 - seconds

    runtime = locked()["nvidia-cuda-runtime-cu12"]
    cuda = ".".join(runtime.split(".")[:2])
    if module.version.cuda != cuda:
        raise Problem(f"torch is built for CUDA {module.version.cuda}, and CUDA {cuda} is locked")
    return f"{module.__version__}, CUDA {cuda}"


def comfyui() -> str:
    """The pinned source."""
    folder = Path(container.COMFYUI)
    marker = markers.read(folder / comfyui_source.MARKER) or {}
    version = comfyui_source.version_in(folder)
    if (version, marker.get("commit")) != (about.COMFYUI_VERSION, about.COMFYUI_COMMIT):
        raise Problem(f"version {version} of commit {marker.get('commit')} is not the pinned {about.COMFYUI_VERSION}")
    return f"{version} ({about.COMFYUI_COMMIT[:12]}, from {marker.get('source')})"


def folders() -> str:
    """What the engine writes to can be written, what it reads can be read, and the code cannot be changed."""
    for folder in (Path(container.SPOOL), Path(container.SOCKET).parent, Path(tempfile.gettempdir())):
        with tempfile.TemporaryFile(dir=folder):
            pass
    models = paths.models_dir()
    for folder in (models, *(entry for entry in models.iterdir() if entry.is_dir())):
        if not os.access(folder, os.R_OK | os.X_OK):
            raise Problem(f"{folder} cannot be read by user {os.getuid()}")
    for code in (container.HOME, container.COMFYUI, sys.prefix):
        if os.access(code, os.W_OK):
            raise Problem(f"{code} can be written by user {os.getuid()}")
    return "as they should be"


def nodes() -> str:
    """Every module that ComfyUI can use imports: at boot the engine leaves most of them for later.

    ComfyUI's own quick test, which loads all of its nodes and ends.
    """
    with tempfile.TemporaryDirectory(prefix="selftest-") as folder:
        page = Path(folder, "page")
        page.mkdir()
        (page / "index.html").touch()
        # fmt: off
        command = [
            sys.executable, "main.py", "--quick-test-for-ci", "--cpu",
            "--base-directory", folder, "--front-end-root", str(page), "--database-url", "sqlite:///:memory:",
            "--disable-all-custom-nodes", "--disable-api-nodes",
        ]
        # fmt: on
        done = subprocess.run(
            command,
            cwd=container.COMFYUI,
            env=child_environment(os.environ, cpu=True),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    failed = [line for line in lines if "IMPORT FAILED" in line]
    if done.returncode != 0 or failed:
        raise Problem("; ".join(failed or lines[-1:]))
    return "all of ComfyUI's import"


def boot() -> str:
    """ComfyUI boots as the engine boots it, on the processor, and answers."""
    with tempfile.TemporaryDirectory(prefix="selftest-") as folder:
        settings = EngineSettings(about.version(), str(paths.models_dir()), sys.executable, container.COMFYUI, cpu=True)
        process = ComfyProcess(settings, Path(folder))
        seconds = 0.0

        def tick(now: float) -> bool:
            nonlocal seconds
            seconds = now
            return True

        try:
            process.boot(tick)
            system = (process.stats or {}).get("system", {})
        finally:
            process.end()
    if system.get("comfyui_version") != about.COMFYUI_VERSION:
        raise Problem(f"ComfyUI says that it is {system.get('comfyui_version')}")
    return f"ComfyUI {system['comfyui_version']} answered after {seconds:.1f} s"


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


CHECKS: tuple[tuple[str, Callable[[], str]], ...] = (
    ("user", user),
    ("python", python),
    ("packages", packages),
    ("torch", torch),
    ("comfyui", comfyui),
    ("folders", folders),
    ("nodes", nodes),
    ("boot", boot),
)
"""In this order; a new one goes here."""
