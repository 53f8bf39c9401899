"""One run of a command: its time, its memory."""

from __future__ import annotations

import re
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def wall(command: Sequence[str | Path], env: Mapping[str, str], cwd: Path | None = None) -> float:
    """Seconds that a command takes as a whole process.

    Raises:
        RuntimeError: it failed; the message carries what it said.
    """
    started = time.perf_counter()
    done = subprocess.run([str(part) for part in command], env=dict(env), cwd=cwd, capture_output=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode != 0:
        said = (done.stdout + done.stderr).decode(errors="replace")[-800:]
        raise RuntimeError(f"{command} ended with exit code {done.returncode}: {said}")
    return seconds


def measured(
    command: Sequence[str], env: Mapping[str, str], folder: Path, stdout: int | IO[bytes] = subprocess.DEVNULL
) -> tuple[float, int]:
    """Seconds that a command takes, and its largest resident set in KiB as the kernel last told (Linux; else 0)."""
    started = time.perf_counter()
    process = subprocess.Popen(command, env=dict(env), cwd=folder, stdout=stdout)
    peak = 0
    while process.poll() is None:  # not what wait4 tells: that begins with the memory of whoever forked
        with suppress(OSError):
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
            peak = max([peak, *(int(size) for size in re.findall(r"VmHWM:\s+(\d+) kB", status))])
        time.sleep(0.005)
    if process.returncode != 0:
        raise RuntimeError(f"{command} ended with exit code {process.returncode}")
    return time.perf_counter() - started, peak
