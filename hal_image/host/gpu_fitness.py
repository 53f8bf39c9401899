"""Whether the cards that were found can do what is wanted, decided before anything is started. Pure.

Everything here is known beforehand and would otherwise show minutes later, as a line in a log: a driver that is too old
for the image's CUDA, a card that its torch has no code for, a model that does not fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.errors import EnvironmentError_

if TYPE_CHECKING:
    from hal_image.host.engines import Needs
    from hal_image.host.gpu_facts import Card, GpuFacts

MIN_DRIVER = {12: ((525, 60, 13), (528, 33)), 13: ((580, 65, 6), (580, 65, 6))}
"""Lowest driver for a major version of CUDA, on Linux and, as WSL2 uses Windows' driver, on Windows.

NVIDIA, CUDA Toolkit Release Notes, table "CUDA Toolkit and Minimum Required Driver Version for CUDA Minor Version
Compatibility": every CUDA 12.x runs on a driver from 525.60.13 (Linux) and 528.33 (Windows).
"""
BLACKWELL, KNOWS_BLACKWELL = (10, 0), (12, 8)
"""Lowest compute capability of the generation of the RTX 50 (which are 12.0), and the first CUDA that has code for it:
CUDA 12.8 Release Notes, "New Features"."""
NEWER_IMAGE = "./build-image.sh --cuda 12.8"
VRAM_TOLERANCE = 0.85
"""Share of its nominal memory that a card must show. What is built in is not all shown: a card of 16 GB shows 15360 MiB
with error correction on, one of 24 GB 22528."""


def on_processor(needs: Needs | None, *, cpu: bool, gpu: str | None, present: bool) -> bool:
    """Whether the processor is used: when that was asked for, or there is no GPU and the model is fit for it.

    Args:
        needs: of the model; ``None`` when none is wanted yet.
        cpu: the processor was asked for.
        gpu: the GPU that was asked for, if any.
        present: whether there is an NVIDIA card.

    Raises:
        EnvironmentError_: ``gpu_missing``.
    """
    if cpu:
        return True
    if present:
        return False
    if gpu is None and needs is not None and needs.fit_for_cpu:
        return True
    what = "the models" if needs is None else f"model {needs.model}"
    raise EnvironmentError_(
        f"there is no NVIDIA GPU for the container, and {what} would take minutes a picture without one",
        code="gpu_missing",
        hint="add --cpu to run on the processor all the same; `doctor` says what was looked for",
    )


def check_cards(facts: GpuFacts, gpu: str, cuda: tuple[int, ...]) -> int | None:
    """Sees that the cards work with the image.

    Args:
        facts: what was found.
        gpu: what is handed out: ``"all"``, or indexes or ids with commas between.
        cuda: version of CUDA in the image; empty when it does not say.

    Returns:
        MiB of memory of the largest card that is handed out; ``None`` when that is not known.

    Raises:
        EnvironmentError_: ``gpu_driver_too_old``, ``gpu_too_new``, ``gpu_not_found``.
    """
    _check_driver(facts, cuda)
    cards = _handed_out(facts, gpu)
    for card in cards:
        if cuda and cuda < KNOWS_BLACKWELL and card.compute is not None and card.compute >= BLACKWELL:
            raise EnvironmentError_(
                f"the image is for CUDA {_dotted(cuda[:2])}, which does not know the {card.name} "
                f"(compute capability {_dotted(card.compute)})",
                code="gpu_too_new",
                hint=f"build an image that does: {NEWER_IMAGE}",
                details={"card": card.name, "compute_capability": _dotted(card.compute), "cuda": _dotted(cuda)},
            )
    return max((card.memory_mb for card in cards), default=0) or None


def _check_driver(facts: GpuFacts, cuda: tuple[int, ...]) -> None:
    least = MIN_DRIVER.get(cuda[0])[int(facts.wsl)] if cuda[:1] and cuda[0] in MIN_DRIVER else None  # type: ignore[index]
    if facts.driver is None or least is None or facts.driver >= least:
        return
    system = "Windows" if facts.wsl else "Linux"
    raise EnvironmentError_(
        f"the NVIDIA driver {_dotted(facts.driver)} is too old for CUDA {_dotted(cuda[:2])} of the image",
        code="gpu_driver_too_old",
        hint=f"update the NVIDIA driver of {system} to {_dotted(least)} or newer, or add --cpu (slow)",
        details={"driver": _dotted(facts.driver), "needed": _dotted(least), "cuda": _dotted(cuda)},
    )


def _handed_out(facts: GpuFacts, gpu: str) -> list[Card]:
    wanted = gpu.split(",")
    if not facts.cards or gpu == "all" or not all(one.isdigit() for one in wanted):
        return list(facts.cards)
    known = {card.number: card for card in facts.cards}
    missing = [one for one in wanted if int(one) not in known]
    if missing:
        listed = ", ".join(f"{card.number} ({card.name})" for card in facts.cards)
        raise EnvironmentError_(
            f"there is no GPU {missing[0]}", code="gpu_not_found", hint=f"give --gpu one of these: {listed}; or all"
        )
    return [known[int(one)] for one in wanted]


def check_memory(needs: Needs | None, vram_mb: int | None) -> None:
    """Sees that the model is expected to fit.

    Raises:
        EnvironmentError_: ``gpu_memory_too_small``.
    """
    if needs is None or vram_mb is None or vram_mb >= needs.min_vram_gb * 1024 * VRAM_TOLERANCE:
        return
    raise EnvironmentError_(
        f"model {needs.model} needs {needs.min_vram_gb:g} GB of VRAM and the GPU has {vram_mb / 1024:.1f} GB",
        code="gpu_memory_too_small",
        hint="use a smaller model (`models list`), or add --low-vram to run it all the same, slowly",
        details={"model": needs.model, "min_vram_gb": needs.min_vram_gb, "vram_mb": vram_mb},
    )


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
