"""What takes time at boot and needs no Python: done in a thread of its own, while Python imports other things.

Runs inside ComfyUI's process, set up by ``comfyui_main``. It is all an attempt: what fails here, or is not known here,
torch does itself a moment later, and says so in its own words.
"""

from __future__ import annotations

import ctypes
import importlib.machinery
import os
import sys
import threading
from pathlib import Path

RTLD_NOW = 2
RTLD_GLOBAL = 256
"""Of dlfcn.h on Linux."""
TORCH_LIBRARIES = (
    ("libtorch_global_deps.so", RTLD_NOW | RTLD_GLOBAL),
    ("libtorch_cpu.so", RTLD_NOW),
    ("libtorch_cuda.so", RTLD_NOW),
    ("libtorch.so", RTLD_NOW),
)
"""What ``import torch`` opens before its own library, and how: the first is opened so in ``torch/__init__.py``."""
CUDA_DRIVER = "libcuda.so.1"


def begin(*, cuda: bool) -> None:
    """Opens torch's libraries, and the GPU, in threads: half a second of the processor, as long for the driver.

    Args:
        cuda: whether a GPU will be used, which is the first that is visible.
    """
    if sys.platform != "linux":
        return
    spec = importlib.machinery.PathFinder.find_spec("torch")
    if spec is not None and spec.submodule_search_locations:
        folder = Path(spec.submodule_search_locations[0], "lib")
        threading.Thread(target=_open_libraries, args=(folder,), daemon=True).start()
    if cuda:
        # As torch sets it when it is imported, which may be too late: the driver reads it when it is initialised.
        os.environ.setdefault("CUDA_MODULE_LOADING", "LAZY")
        threading.Thread(target=_open_gpu, daemon=True).start()


def _open_libraries(folder: Path) -> None:
    # Called as a function of a library, for ctypes lets go of Python's lock only then: CDLL itself does not.
    dlopen = ctypes.CDLL(None).dlopen
    dlopen.argtypes = [ctypes.c_char_p, ctypes.c_int]
    dlopen.restype = ctypes.c_void_p
    for name, how in TORCH_LIBRARIES:
        if not dlopen(os.fsencode(folder / name), how):
            return


def _open_gpu() -> None:
    """Makes the context that torch will use: the primary one of the first device."""
    try:
        driver = ctypes.CDLL(CUDA_DRIVER)
    except OSError:
        return  # no NVIDIA GPU, or WSL, where it is elsewhere
    device, context = ctypes.c_int(), ctypes.c_void_p()
    if driver.cuInit(0) == 0 and driver.cuDeviceGet(ctypes.byref(device), 0) == 0:
        driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), device)
