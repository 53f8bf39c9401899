"""Packages of peers, installed by the benchmark itself at pinned versions, in the state directory and nowhere else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from hal_image.install import process
from hal_image.paths import make_state_dir

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COMFY_CLI = "1.23.0"
DIFFUSERS = "0.35.2"
READY = "ready"
"""A file that is written last: without it a folder is the rest of an attempt."""


class Unavailable(Exception):
    """A peer can't be had here; the message says why."""


def may_install() -> bool:
    """Whether anything is to be installed: not where the command line's own venv is unwanted either."""
    return os.environ.get("HAL_NO_VENV", "0") == "0"


def comfy_cli(given: str | None) -> str:
    """The ``comfy`` command: the given one, or that of a venv of its own.

    Raises:
        Unavailable: it is not there and can't be installed.
    """
    if given is not None:
        return given
    folder = _folder(f"comfy-cli-{COMFY_CLI}")

    def fill() -> None:
        _run([sys.executable, "-I", "-m", "venv", str(folder)], "a venv could not be made")
        _pip(str(folder / "bin" / "python"), [f"comfy-cli=={COMFY_CLI}"])

    _make(folder, fill, f"comfy-cli {COMFY_CLI}")
    return str(folder / "bin" / "comfy")


def diffusers_path() -> Path:
    """A folder to import diffusers from, beside the packages of the engine's Python, which has all else that it needs.

    Raises:
        Unavailable: it is not there and can't be installed.
    """
    folder = _folder(f"diffusers-{DIFFUSERS}")
    target = ["--no-deps", "--target", str(folder)]
    _make(folder, lambda: _pip(sys.executable, [*target, f"diffusers=={DIFFUSERS}"]), f"diffusers {DIFFUSERS}")
    return folder


def _folder(name: str) -> Path:
    return make_state_dir("bench") / name


def _make(folder: Path, fill: Callable[[], None], what: str) -> None:
    if (folder / READY).is_file():
        return
    if not may_install():
        raise Unavailable(f"{what} is not installed, and HAL_NO_VENV says to install nothing")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    print(f"installing {what}", file=sys.stderr, flush=True)
    try:
        fill()
        (folder / READY).touch()
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _pip(python: str, arguments: list[str]) -> None:
    command = [python, "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    _run(command, f"{arguments[-1]} could not be installed")


def _run(command: list[str], trouble: str) -> None:
    done = subprocess.run(command, env=process.clean_environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unavailable(f"{trouble}: {(done.stderr.strip().splitlines() or ['it did not say why'])[-1]}")
