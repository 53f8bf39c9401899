"""What kind of disk a folder is on, as the kernel's table of mounts tells, and how fast a file is read from there."""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

TABLE = Path("/proc/self/mounts")
SAMPLE_BYTES = 64 * 1024 * 1024
"""Read to measure a disk: a second on a slow one."""
NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "ceph", "glusterfs", "fuse.rclone"}
SHARED = {"9p", "virtiofs", "vboxsf", "fuse.vmhgfs-fuse", "fuse.grpcfuse", "fuse.osxfs", "prl_fs", "hgfs"}
"""Folders of the machine that a virtual machine runs on."""


class Mount(NamedTuple):
    r"""A line of the table.

    Attributes:
        source: what is mounted, e.g. ``/dev/sda1`` or ``D:\``.
        point: where.
        kind: its file system.
        options: with commas between.
    """

    source: str
    point: str
    kind: str
    options: str

    @property
    def windows_drive(self) -> str | None:
        """Windows' name of the drive behind a mount of WSL, e.g. ``D:``; ``None`` when it is none.

        WSL2 mounts a drive over 9P (``aname=drvfs`` among the options) or virtiofs, WSL1 as drvfs.
        """
        if self.kind != "drvfs" and "aname=drvfs" not in self.options and not self.source.startswith("drvfs"):
            return None
        found = re.search(r"\b([A-Za-z]):", f"{self.source} {self.options}")
        return f"{found[1].upper()}:" if found is not None else "a drive"

    @property
    def remark(self) -> str:
        """What is to be said about a disk like this, or nothing about an ordinary one."""
        if (drive := self.windows_drive) is not None:
            return f"Windows' {drive} through {self.kind}, which is slower than a Linux disk"
        if self.kind in NETWORK:
            return f"a network disk ({self.kind})"
        if self.kind in SHARED:
            return f"a folder shared with the machine around this one ({self.kind})"
        return ""


def mount_of(path: Path, table: str) -> Mount | None:
    """The mount that holds ``path``, which is absolute and without links.

    Args:
        path: the folder.
        table: text of ``/proc/self/mounts``.
    """
    best = None
    for line in table.splitlines():
        fields = [re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), field) for field in line.split(" ")]
        if len(fields) < 4:
            continue
        mount = Mount(*fields[:4])
        # a later line hides an earlier one at the same place
        if path.is_relative_to(mount.point) and (best is None or len(mount.point) >= len(best.point)):
            best = mount
    return best


def mount_here(path: Path) -> Mount | None:
    """The mount that holds ``path`` on this machine; ``None`` where there is no such table."""
    try:
        return mount_of(path.resolve(), TABLE.read_bytes().decode("utf-8", "surrogateescape"))
    except OSError:
        return None


def read_speed(file: Path) -> float | None:
    """Bytes a second of reading a sample out of the middle of ``file``; ``None`` when it is too short or unreadable.

    The kernel is asked to forget the sample first. It need not, so this can be too high; it is never too low by that.
    """
    try:
        size = file.stat().st_size
        if size < 2 * SAMPLE_BYTES:
            return None
        start = (size // 2) & ~0xFFFFF
        with file.open("rb", buffering=0) as stream:
            with suppress(AttributeError, OSError):
                os.posix_fadvise(stream.fileno(), start, SAMPLE_BYTES, os.POSIX_FADV_DONTNEED)
            stream.seek(start)
            began, got = time.perf_counter(), 0
            while got < SAMPLE_BYTES and (piece := stream.read(1 << 20)):
                got += len(piece)
            return got / max(1e-9, time.perf_counter() - began)
    except OSError:
        return None
