"""Makes a virtual environment from a lock file, so that it is either complete or not there.

The steps: ``python -m venv``, ``pip install`` of exactly what the lock names (``--require-hashes --no-deps``, wheels
only), bytecode, and the marker ``ready.json`` last. A folder without the marker is the rest of an interrupted attempt
and is removed. All under a file lock, which pip inherits: nobody starts over while a survivor still writes.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from hal_image.errors import EnvironmentError_
from hal_image.install import faults, markers, process, where
from hal_image.install.progress import PipProgress
from hal_image.locking import file_lock
from hal_image.paths import make_state_dir, state_dir

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hal_image.install.process import Report
    from hal_image.locking import Lock

_REQUIREMENT = re.compile(r"^[A-Za-z0-9]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class VenvPlan:
    """A venv to be made.

    Attributes:
        kind: ``"host"``, ``"mcp"`` or ``"engine"``; part of the folder's name.
        label: what it is for, in messages: ``"the engine"``.
        lock_file: requirements with hashes, as pip reads them.
        folder: where it goes; its parent need not exist.
        need_bytes: free disk space to ask for beforehand.
    """

    kind: str
    label: str
    lock_file: Path
    folder: Path
    need_bytes: int

    @property
    def what(self) -> str:
        """The work as a phrase: ``"preparing the engine"``."""
        return f"preparing {self.label}"

    @property
    def python(self) -> Path | None:
        """Its interpreter when the venv is complete, else ``None``."""
        found = where.ready_python(str(self.folder))
        return None if found is None else Path(found)

    @property
    def log(self) -> Path:
        """What venv, pip and compileall printed in the last attempt."""
        return state_dir() / "logs" / f"install-{self.kind}.log"


def standard_plan(kind: str, label: str, need_bytes: int) -> VenvPlan:
    """The plan for one of our own lock files, for the running Python."""
    return VenvPlan(kind, label, Path(where.lock_file(kind)), Path(where.venv_dir(kind)), need_bytes)


def ensure_venv(plan: VenvPlan, report: Report, *, deadline: float | None = None, offline: bool = False) -> Path:
    """Make the venv unless it is complete; return its interpreter.

    Args:
        plan: what to make.
        report: takes lines of progress.
        deadline: ``time.monotonic()`` value at which to give up.
        offline: never start pip.

    Raises:
        EnvironmentError_: ``offline_not_prepared``, ``python_without_venv``, ``disk_full``, ``index_unreachable``,
            ``index_incomplete``, ``hash_mismatch``, ``python_unsupported``, ``install_failed``,
            ``state_dir_unwritable``, ``lock_failed``.
        TimeoutError_: ``prepare_timeout``, or the lock was not free in time.
    """
    if plan.python is not None:
        return plan.python
    if offline:
        raise EnvironmentError_(
            f"{plan.label} is not prepared yet, and --offline forbids downloading what is missing",
            code="offline_not_prepared",
            hint="run the command once without --offline",
            details={"path": str(plan.folder)},
        )
    check_can_make_venvs()
    make_state_dir("venvs")
    make_state_dir("logs")
    plan.folder.parent.mkdir(parents=True, exist_ok=True)

    def waiting(pid: int | None) -> None:
        who = "another process" if pid is None else f"process {pid}"
        report(f"waiting for {who}, which is {plan.what}")

    lock_path = plan.folder.with_name(f"{plan.folder.name}.lock")
    with file_lock(lock_path, waiting, process.remaining(deadline, plan.what)) as lock:
        made = plan.python  # by somebody else while we waited
        return made if made is not None else _make(plan, report, deadline, lock)


def check_can_make_venvs() -> None:
    """See that the running Python has venv and ensurepip; Debian and Ubuntu ship it without.

    Raises:
        EnvironmentError_: ``python_without_venv``.
    """
    if any(importlib.util.find_spec(name) is None for name in ("venv", "ensurepip")):
        raise faults.python_without_venv(sys.executable)


def bare_venv(folder: Path, run: Callable[[list[str]], int], label: str, log: Path) -> Path:
    """Make a venv with pip and nothing else in it; returns its interpreter.

    Args:
        folder: where it goes.
        run: runs a command to its end and returns its status.
        label: what it is for, in messages.
        log: where ``run`` puts the output.

    Raises:
        EnvironmentError_: ``python_without_venv``, ``disk_full``.
    """
    check_can_make_venvs()
    python = folder / "bin" / "python"
    # in two steps, since venv keeps ensurepip's output, and so its reason, to itself
    for command in (
        process.module_command(sys.executable, "venv", "--without-pip", str(folder)),
        process.module_command(python, "ensurepip", "--default-pip"),
    ):
        if run(command) != 0:
            # the modules are there, yet e.g. the wheels of a system's ensurepip are not
            raise faults.from_log(label, log, otherwise=faults.python_without_venv(sys.executable))
    return python


def stale_venvs() -> tuple[Path, ...]:
    """Folders of venvs that neither this release nor this Python uses, complete or not.

    Another release or Python of the same user may still use them, so nobody removes them unasked.
    """
    current = {where.venv_name(kind) for kind in ("host", "mcp", "engine", "dev")}
    try:
        found = sorted((state_dir() / "venvs").iterdir())
    except FileNotFoundError:
        return ()
    return tuple(folder for folder in found if folder.is_dir() and folder.name not in current)


def _make(plan: VenvPlan, report: Report, deadline: float | None, lock: Lock) -> Path:
    began = time.monotonic()
    markers.remove_tree(plan.folder)
    free = shutil.disk_usage(plan.folder.parent).free
    if free < plan.need_bytes:
        raise faults.disk_full(plan.label, need=plan.need_bytes, free=free)
    requirements = len(_REQUIREMENT.findall(plan.lock_file.read_text(encoding="utf-8")))
    progress = PipProgress(plan.label, requirements, report)
    temp = plan.folder.with_name(f"{plan.folder.name}.tmp")
    try:
        markers.remove_tree(temp)
        temp.mkdir()
        plan.log.unlink(missing_ok=True)
        progress.step("making a virtual environment")
        packages = _fill(plan, progress, temp, deadline, lock)
        content = {
            "kind": plan.kind,
            "python": ".".join(map(str, sys.version_info[:3])),
            "made_with": sys.executable,
            "packages": packages,
            "seconds": round(time.monotonic() - began, 1),
            "made_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        }
        markers.write(plan.folder / where.READY, content)
    except OSError as error:
        raise faults.from_os_error(plan.label, error) from error
    finally:
        shutil.rmtree(temp, ignore_errors=True)
    report(f"{plan.what}: done in {time.monotonic() - began:.0f} s")
    return plan.folder / "bin" / "python"


def _fill(plan: VenvPlan, progress: PipProgress, temp: Path, deadline: float | None, lock: Lock) -> int:
    """Run the three steps; returns the number of packages.

    Raises:
        HalError: one of them failed.
        OSError: one of them could not be started.
    """
    with_temp = process.clean_environment(temp)

    def step(
        command: list[str], on_line: Callable[[str], None] | None = None, environment: Mapping[str, str] = with_temp
    ) -> int:
        return process.run(
            command,
            what=plan.what,
            log=plan.log,
            environment=environment,
            deadline=deadline,
            on_line=on_line,
            on_second=progress.second,
            lock=lock,
        )

    python = bare_venv(plan.folder, step, plan.label, plan.log)
    install = (
        "install", "--require-hashes", "--no-deps", "--only-binary", ":all:", "--no-compile", "--no-user",
        "--progress-bar", "off", "-r", str(plan.lock_file),
    )  # fmt: skip
    if step(process.module_command(python, "pip", *install), progress.line) != 0:
        raise faults.from_log(plan.label, plan.log)
    progress.step("compiling")
    # some packages carry files that are not meant to compile, so its status says nothing
    step(process.compile_command(python, str(plan.folder / "lib")), environment=process.clean_environment())
    return progress.packages
