"""Facts about the machine, and the versions of what is measured."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.world import ROOT

if TYPE_CHECKING:
    from bench.world import World


def facts(world: World) -> dict[str, Any]:
    """What goes to the head of a record: ``machine``, ``versions``, ``settings``."""
    gpu = None if world.cpu else _gpu()
    return {
        "machine": {
            "cpu": _cpu(),
            "cores": os.cpu_count(),
            "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
            "os": f"{platform.system()} {platform.release().partition('-')[0]}",
            "load_at_start": round(os.getloadavg()[0], 2),
            "gpu": gpu and gpu["name"],
            "gpu_memory_mib": gpu and gpu["memory_mib"],
            "driver": gpu and gpu["driver"],
        },
        "versions": {
            "tool": (ROOT / "VERSION").read_text(encoding="utf-8").strip(),
            "commit": _said(["git", "-C", str(ROOT), "rev-parse", "HEAD"]),
            "comfyui": world.engine.comfyui_version,
            "comfyui_commit": world.engine.comfyui_commit,
            "torch": installed(world.engine.python, "torch"),
            "engine_python": _said(
                [str(world.engine.python), "-c", "import platform; print(platform.python_version())"]
            ),
            "python": _said([world.python, "-c", "import platform; print(platform.python_version())"]),
        },
        "settings": {
            "runs": world.options.runs,
            "cold_runs": world.options.cold_runs,
            "weights": "own" if world.options.models_dir else world.options.weights,
            "size": world.options.size,
            "steps": world.options.steps,
            "file_system": _file_system(world.folder if world.options.models_dir is None else world.models_dir),
        },
    }


def installed(python: Path | str, package: str) -> str | None:
    """The version of a package that a Python has, without importing it."""
    return _said([str(python), "-c", f"from importlib import metadata; print(metadata.version({package!r}))"])


def _said(command: list[str]) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None


def _cpu() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def _gpu() -> dict[str, Any] | None:
    said = _said(["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader,nounits"])
    if said is None:
        return None
    name, driver, memory = (part.strip() for part in said.splitlines()[0].split(","))
    return {"name": name, "driver": driver, "memory_mib": int(memory)}


def _file_system(folder: Path) -> str | None:
    """Its kind, ``"tmpfs"``: a cold page cache means nothing there."""
    try:
        mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    except OSError:
        return None
    path = str(folder.resolve())
    inside = [(len(place), kind) for place, kind in mounts if path == place or path.startswith(place.rstrip("/") + "/")]
    return max(inside)[1] if inside else None
