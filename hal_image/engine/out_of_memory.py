"""Whether it was the kernel that killed a process, because the machine or the container had no memory left."""

from __future__ import annotations

from pathlib import Path

VMSTAT = Path("/proc/vmstat")


def kernel_kills() -> int | None:
    """How many processes the kernel has killed for want of memory since this machine started: ``oom_kill`` of
    ``/proc/vmstat``, which counts a container's limit, too, and can be read in one. ``None`` where there is none.
    """
    try:
        lines = VMSTAT.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), None)
