"""Reads a job's model files while ComfyUI still boots, so that it then loads them out of memory.

A boot computes and hardly touches the disk; loading a model is mostly reading. One after the other they add up, and
ComfyUI reads through a memory map, page by page, which no drive likes. What is read here stays in the kernel's page
cache, whichever process asked for it, so nothing has to be handed over.
"""

from __future__ import annotations

import re
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hal_image import mounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from hal_image.errors import JsonObject

PIECE = 4 << 20
"""Bytes of one read: large enough for a drive's full speed."""
SPARE_BYTES = 2 << 30
"""Memory that is left alone: ComfyUI itself, and what else runs."""
MEMORY = Path("/proc/meminfo")


def files_of(graph: JsonObject, folders: Iterable[Path]) -> list[Path]:
    """The model files that a graph names, in the order of its nodes.

    Args:
        graph: ComfyUI's API format, from anywhere.
        folders: where ComfyUI looks; the first that has a file is the one it opens.
    """
    tops = list(folders)
    found: dict[Path, None] = {}
    for node in graph.values():
        inputs = node.get("inputs", {}) if isinstance(node, dict) else {}
        for name in inputs.values() if isinstance(inputs, dict) else ():
            if isinstance(name, str) and name.endswith(".safetensors") and not {"..", "/"} & set(Path(name).parts):
                with suppress(OSError):  # a name that no file can have
                    there = next((top / name for top in tops if (top / name).is_file()), None)
                    if there is not None:
                        found[there] = None
    return list(found)


def worth_reading(files: Sequence[Path], available: int | None) -> list[Path]:
    """Those of ``files`` that help when they are read before they are wanted.

    A disk of another machine, or a Windows drive in WSL, may keep nothing of what was read: reading it twice would take
    twice as long. What does not fit into memory drives out what was read before it.

    Args:
        files: in the order in which they are wanted.
        available: bytes of memory that are free or can be; ``None`` when that is not known.
    """
    left = (available or 0) - SPARE_BYTES
    chosen = []
    for file in files:
        mount = mounts.mount_here(file)
        size = file.stat().st_size
        if mount is not None and not mount.remark and size <= left:
            left -= size
            chosen.append(file)
    return chosen


def available_memory() -> int | None:
    """Bytes of memory that are free or can be; ``None`` where the kernel does not tell."""
    with suppress(OSError):
        match = re.search(r"^MemAvailable:\s+(\d+) kB", MEMORY.read_text(encoding="ascii"), re.MULTILINE)
        return int(match[1]) * 1024 if match else None
    return None


class ReadAhead:
    """Reads for one job of each boot: the first, which is the one that waits for it.

    Args:
        folders: where ComfyUI looks for files of models.
        tell: takes a line for the log.
    """

    def __init__(self, folders: Sequence[Path], tell: Callable[[str], object]) -> None:
        self._folders = folders
        self._tell = tell
        self._began = False

    def begin(self, graph: JsonObject) -> None:
        """Begins to read the files of a graph, in a thread of its own, unless that has been done for this boot."""
        if not self._began:
            self._began = True
            threading.Thread(target=self._read, args=(graph,), name="read ahead", daemon=True).start()

    def booted(self) -> None:
        """The next boot is another one."""
        self._began = False

    def _read(self, graph: JsonObject) -> None:
        started, total = time.monotonic(), 0
        buffer = bytearray(PIECE)
        with suppress(OSError):  # ComfyUI will meet it too, and say what is wrong
            for file in worth_reading(files_of(graph, self._folders), available_memory()):
                with file.open("rb", buffering=0) as stream:
                    while count := stream.readinto(buffer):
                        total += count
        if total:
            self._tell(f"read {total / 1e6:.0f} MB of models ahead in {time.monotonic() - started:.1f} s")
