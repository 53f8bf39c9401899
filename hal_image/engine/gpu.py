"""Finds out what ComfyUI can run on, while it boots already on what looks likely."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

from hal_image.errors import EnvironmentError_

NO_CARD = {"", "34", "100"}
"""Answers of the probe that mean: no NVIDIA card. No driver library; CUDA_ERROR_STUB_LIBRARY; CUDA_ERROR_NO_DEVICE."""

# In a process of its own: the driver's library stays initialised in a process that has asked it once.
PROBE = """
import ctypes
for name in ("libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"):
    try:
        print(ctypes.CDLL(name).cuInit(0))
        break
    except OSError:
        continue
"""
HIDDEN = {"", "-1"}
"""Values of ``CUDA_VISIBLE_DEVICES`` that hide every card; ``hal_image/host/gpu_presence.py`` has the same."""
CARD_FILES = ("/dev/nvidia0", "/dev/dxg")
"""Device files of an NVIDIA card: Linux, WSL2 (there of every card, so only together with NVIDIA's library)."""


class Device:
    """What ComfyUI can run on: first what looks likely, a moment later what is so.

    Asking takes a Python and the driver's start, some tenths of a second and longer on a machine of many GPUs, in which
    ComfyUI gets on.

    Args:
        python: the Python that will run ComfyUI.
        cpu: whether the CPU was asked for.
    """

    def __init__(self, python: str, *, cpu: bool) -> None:
        self._options = likely_device_options(cpu=cpu)
        self._error: EnvironmentError_ | None = None
        self._asking = threading.Thread(target=self._ask, args=(python, cpu), daemon=True)
        self._asking.start()

    def _ask(self, python: str, cpu: bool) -> None:
        try:
            self._options = comfyui_device_options(python, cpu=cpu)
        except EnvironmentError_ as error:
            self._error = error

    def options(self, *, wait: bool = False) -> list[str]:
        """ComfyUI's options, as far as is known by now.

        Args:
            wait: for the answer.

        Raises:
            EnvironmentError_: ``gpu_unusable``.
        """
        if wait:
            self._asking.join()
        if self._error is not None:
            raise self._error
        return self._options


def likely_device_options(*, cpu: bool) -> list[str]:
    """What ``comfyui_device_options`` will most likely say, from a look at the files of devices."""
    if cpu:
        return ["--cpu"]
    if sys.platform == "darwin":
        return []
    if os.environ.get("CUDA_VISIBLE_DEVICES") in HIDDEN:
        return ["--cpu"]
    cards = [*Path("/dev").glob("nvidia[0-9]*"), Path("/dev/dxg"), Path("/dev/kfd")]
    return [] if any(card.exists() for card in cards) else ["--cpu"]


def comfyui_device_options(python: str, *, cpu: bool) -> list[str]:
    """ComfyUI's options for the device: ``["--cpu"]`` when asked for or when there is nothing else.

    An NVIDIA card that is there but cannot be used is an error, never a silent fall back to the CPU, where a picture
    of SDXL takes many minutes.

    Args:
        python: the Python that will run ComfyUI.
        cpu: whether the CPU was asked for.

    Raises:
        EnvironmentError_: ``gpu_unusable``.
    """
    if cpu:
        return ["--cpu"]
    if sys.platform == "darwin":
        return []  # Apple's card: torch finds it, there is nothing to choose
    if os.environ.get("CUDA_VISIBLE_DEVICES") in HIDDEN:
        return ["--cpu"]  # asked for in the driver's own way, which answers that there is no card
    answer = _run(sys.executable, PROBE)
    if answer == "0" or _is_for_amd(python):
        return []
    if answer in NO_CARD and not Path(CARD_FILES[0]).exists():
        return ["--cpu"]
    if not any(Path(name).exists() for name in CARD_FILES):
        return ["--cpu"]  # a driver's library without a card
    reason = f"CUDA error {answer}" if answer else "its driver library libcuda.so.1 was not found"
    raise EnvironmentError_(
        f"there is an NVIDIA GPU but it cannot be used: {reason}",
        code="gpu_unusable",
        hint="check that `nvidia-smi` works, or add --cpu to run on the processor (slow)",
    )


def _is_for_amd(python: str) -> bool:
    """Whether there is an AMD card and the engine's torch, which then is the user's own, is built for it."""
    return Path("/dev/kfd").exists() and _run(python, "import torch; print(torch.version.hip or '')") != ""


def _run(python: str, code: str) -> str:
    """What a line of Python prints; nothing when it fails."""
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
