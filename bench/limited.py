"""A Python for the engine whose ComfyUI sees, and gets, less memory of the GPU than there is. For measurements only."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests import patched_python

if TYPE_CHECKING:
    from pathlib import Path

CODE = '''
import os, threading, time

REAL = float(os.environ.get("BENCH_VRAM_GIB", "0")) * 2**30
TOLD = float(os.environ.get("BENCH_VRAM_TOLD_GIB", "0")) * 2**30 or REAL
NOTES = os.environ.get("BENCH_VRAM_NOTES")


def watch(cuda, ask):
    """Notes what torch holds at most in each twentieth of a second."""
    with open(NOTES, "a", encoding="ascii") as file:
        while True:
            time.sleep(0.05)
            peak = cuda.max_memory_reserved()
            cuda.reset_peak_memory_stats()
            free, total = ask()
            file.write(f"{time.time():.3f} {peak} {total - free}\\n")
            file.flush()


def patch(cuda):
    ask, begun = cuda.mem_get_info, []

    def mem_get_info(device=None):
        free, total = ask(device)
        if not begun:
            begun.append(True)
            context = total - free  # of a GPU that nobody else uses
            cuda.set_per_process_memory_fraction(max(0.0, REAL - context) / total, device)
            threading.Thread(target=watch, args=(cuda, ask), daemon=True).start()
        return max(0, int(TOLD) - (total - free)), int(TOLD)

    cuda.mem_get_info = mem_get_info


def is_wanted():
    return bool(REAL)
'''


class Limit(NamedTuple):
    """So much memory.

    Attributes:
        real: GiB that there are.
        told: GiB that ComfyUI believes in; with more than ``real`` it is as if another program took the rest.
    """

    real: float
    told: float


def environment(folder: Path, python: str, limit: Limit) -> dict[str, str]:
    """Variables with which the command line starts such an engine.

    Args:
        folder: for the program and its notes; made anew for each limit.
        python: the engine's Python.
        limit: what there is to be.
    """
    folder.mkdir(parents=True)
    return {
        "HAL_ENGINE_PYTHON": str(patched_python.write(folder, python, "torch.cuda", CODE)),
        "BENCH_VRAM_GIB": str(limit.real),
        "BENCH_VRAM_TOLD_GIB": str(limit.told),
        "BENCH_VRAM_NOTES": str(folder / "notes"),
    }


def peak(folder: Path, since: float) -> tuple[int, int]:
    """Bytes that torch held, and that the GPU had in use, at most since that time (``time.time()``)."""
    try:
        lines = (folder / "notes").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0, 0
    fields = [line.split() for line in lines]
    found = [(int(one[1]), int(one[2])) for one in fields if len(one) == 3 and float(one[0]) >= since]
    return max((one for one, _ in found), default=0), max((one for _, one in found), default=0)
