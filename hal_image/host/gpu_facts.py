"""What is known of this machine's NVIDIA cards: asked of the driver's tools, and read from their answers (pure)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

SMI = "nvidia-smi"
SMI_IN_WSL = "/usr/lib/wsl/lib/nvidia-smi"
"""Windows' driver brings it; not every distribution has that folder in PATH."""
VERSION_FILE = "proc/driver/nvidia/version"
FIELDS = ("index", "name", "memory.total", "driver_version", "compute_cap")
"""Of ``nvidia-smi --query-gpu``. The last is not known to drivers before about 460."""
SMI_LIMIT_S = 20


class Card(NamedTuple):
    """A card.

    Attributes:
        number: as ``nvidia-smi`` counts, by place on the bus.
        name: e.g. ``NVIDIA GeForce RTX 3090``.
        memory_mb: MiB.
        compute: compute capability, e.g. ``(8, 6)``; ``None`` when the driver does not say.
    """

    number: int
    name: str
    memory_mb: int
    compute: tuple[int, ...] | None


class GpuFacts(NamedTuple):
    """What was found.

    Attributes:
        cards: by index; none when the driver's tools are not there or fail.
        driver: version of the driver, e.g. ``(535, 104, 5)``; in WSL2 that of Windows' driver; ``None`` when unknown.
        wsl: whether this is WSL2.
        complaint: why there is no answer, in words; empty when there is one.
    """

    cards: tuple[Card, ...]
    driver: tuple[int, ...] | None
    wsl: bool
    complaint: str = ""


def probe(root: Path = Path("/")) -> GpuFacts:
    """Asks ``nvidia-smi``, which takes a second when nothing keeps the driver awake; else reads the driver's file."""
    import shutil  # noqa: PLC0415 - only a start of an engine, and doctor, ask
    import subprocess  # noqa: PLC0415 - likewise

    wsl = (root / "dev/dxg").exists()
    smi = shutil.which(SMI) or (SMI_IN_WSL if Path(SMI_IN_WSL).exists() else None)
    complaint = f"there is no {SMI}"
    for fields in (FIELDS, FIELDS[:-1]) if smi is not None else ():
        query = [smi or "", f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits"]
        try:
            done = subprocess.run(query, capture_output=True, text=True, timeout=SMI_LIMIT_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            complaint = f"{SMI} failed: {error}"
            break
        if done.returncode == 0:
            return from_smi(done.stdout, wsl=wsl)
        complaint = (done.stdout + done.stderr).strip().splitlines()[-1][:200] if done.stdout + done.stderr else SMI
    return GpuFacts((), from_version_file(root / VERSION_FILE), wsl, complaint)


def from_smi(answer: str, *, wsl: bool) -> GpuFacts:
    """The facts in what ``nvidia-smi`` printed for ``FIELDS``, with or without the last of them."""
    cards: list[Card] = []
    driver: tuple[int, ...] | None = None
    for line in answer.splitlines():
        values = [value.strip() for value in line.split(",")]
        if len(values) < 4 or not values[0].isdigit():
            continue
        memory = int(values[2]) if values[2].isdigit() else 0  # "[N/A]" where memory is shared with the processor
        compute = version(values[4]) if len(values) > 4 else None
        cards.append(Card(int(values[0]), values[1], memory, compute))
        driver = version(values[3])
    return GpuFacts(tuple(cards), driver, wsl, "" if cards else f"{SMI} lists no card")


def from_version_file(path: Path) -> tuple[int, ...] | None:
    """The driver's version in ``/proc/driver/nvidia/version``: ``NVRM version: NVIDIA UNIX … 535.104.05  Sat …``."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    found = re.search(r"^NVRM version:.*?\s(\d+\.\d+(?:\.\d+)?)\s", text, re.MULTILINE)
    return version(found[1]) if found is not None else None


def version(text: str) -> tuple[int, ...] | None:
    """The numbers of a version; ``None`` when it is none."""
    return tuple(map(int, text.split("."))) if re.fullmatch(r"\d+(\.\d+)*", text) else None
