"""Whether this machine has a GPU that the engine could use, told in microseconds from files that drivers leave.

The engine finds out exactly (``hal_image/engine/gpu.py``), which takes a second or more and an installed engine. What
is decided here is only which model is used when none was asked for, before anything is installed or started. A card
that is there counts, whether it works or not, and with ``--cpu``, too: nobody who has one should get the small model
by surprise.

=========================  ============================================================================================
NVIDIA                     a device file ``/dev/nvidia0``, ``1`` …; or a card that the driver lists and whose device
                           files ``nvidia-modprobe`` makes on first use (a container sees the list of its host, without
                           that program)
NVIDIA in WSL2             ``/dev/dxg``, which is there for every maker's card, together with NVIDIA's library
AMD                        ``/dev/kfd``, with a Python of the user's own: the torch that we install is not for AMD
Apple                      its own processors
none of NVIDIA and AMD     ``CUDA_VISIBLE_DEVICES`` is empty or ``-1``
=========================  ============================================================================================
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hal_image.install import where

HIDDEN = {"", "-1"}
"""Values of ``CUDA_VISIBLE_DEVICES`` that hide every card; unset is another thing."""


def gpu_present(root: Path = Path("/")) -> bool:
    """Whether there is a GPU.

    Args:
        root: the file system to look at.
    """
    if sys.platform == "darwin":
        return os.uname().machine == "arm64"
    if os.environ.get("CUDA_VISIBLE_DEVICES") in HIDDEN:
        return False
    amd = (root / "dev/kfd").exists() and where.setting("HAL_ENGINE_PYTHON") is not None
    return nvidia_present(root) or amd


def nvidia_present(root: Path = Path("/")) -> bool:
    """Whether there is an NVIDIA card, the only kind that a container of ours could use.

    Args:
        root: the file system to look at.
    """
    if os.environ.get("CUDA_VISIBLE_DEVICES") in HIDDEN:
        return False
    if any(name.startswith("nvidia") and name[6:].isdigit() for name in _entries(root / "dev")):
        return True
    if _entries(root / "proc/driver/nvidia/gpus") and (root / "usr/bin/nvidia-modprobe").exists():
        return True
    return (root / "dev/dxg").exists() and (root / "usr/lib/wsl/lib/libcuda.so.1").exists()


def _entries(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir()]
    except OSError:
        return []
