"""Alternating runs and their summary: ratios within one session are what counts, machines are noisy."""

from __future__ import annotations

import re
import statistics
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


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


def alternate(measures: Mapping[str, Callable[[], float]], runs: int, warm_up: int = 1) -> dict[str, list[float]]:
    """Runs every measure in turn, ``warm_up`` uncounted rounds first; seconds by name."""
    results: dict[str, list[float]] = {name: [] for name in measures}
    for turn in range(warm_up + runs):
        for name, measure in measures.items():
            seconds = measure()
            if turn >= warm_up:
                results[name].append(seconds)
    return results


def show(title: str, results: Mapping[str, list[float]], base: str | None = None) -> None:
    """Prints a row a measure: min, median, max in seconds, and the ratio of the medians to that of ``base``."""
    print(f"\n{title}")
    print(f"  {'':44} {'min':>8} {'median':>8} {'max':>8}   ratio")
    for name, seconds in results.items():
        median = statistics.median(seconds)
        ratio = "" if base is None else f"{median / statistics.median(results[base]):7.2f}"
        print(f"  {name:44} {min(seconds):8.3f} {median:8.3f} {max(seconds):8.3f} {ratio}")
