from __future__ import annotations

import pytest

from hal_image.errors import EnvironmentError_
from hal_image.host import gpu_fitness
from hal_image.host.engines import Needs
from hal_image.host.gpu_facts import Card, GpuFacts

SDXL = Needs("sdxl", min_vram_gb=8, fit_for_cpu=False)
DOODLE = Needs("doodle", min_vram_gb=1, fit_for_cpu=True)
RTX_3090 = Card(0, "NVIDIA GeForce RTX 3090", 24576, (8, 6))
RTX_3060 = Card(1, "NVIDIA GeForce RTX 3060", 12288, (8, 6))
RTX_5090 = Card(2, "NVIDIA GeForce RTX 5090", 32607, (12, 0))
CUDA_12_1, CUDA_12_8, CUDA_13 = (12, 1), (12, 8), (13, 0)
GOOD = (570, 86, 10)


def error_of(facts: GpuFacts, gpu: str, cuda: tuple[int, ...]) -> EnvironmentError_:
    with pytest.raises(EnvironmentError_) as caught:
        gpu_fitness.check_cards(facts, gpu, cuda)
    assert caught.value.exit_code == 3
    assert "\n" not in caught.value.message + caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("needs", "cpu", "gpu", "present", "expected"),
    [
        (SDXL, False, None, True, False),
        (SDXL, True, None, True, True),
        (SDXL, True, None, False, True),  # asked for
        (DOODLE, False, None, False, True),  # fit for it
        (DOODLE, False, None, True, False),
        (None, True, None, False, True),
        (None, False, None, True, False),
    ],
)
def test_the_processor_is_used_when_asked_for_or_fit(
    needs: Needs | None, cpu: bool, gpu: str | None, present: bool, expected: bool
) -> None:
    assert gpu_fitness.on_processor(needs, cpu=cpu, gpu=gpu, present=present) is expected


@pytest.mark.parametrize(("needs", "gpu"), [(SDXL, None), (None, None), (SDXL, "0"), (DOODLE, "0")])
def test_else_a_missing_gpu_is_an_error(needs: Needs | None, gpu: str | None) -> None:
    with pytest.raises(EnvironmentError_) as caught:
        gpu_fitness.on_processor(needs, cpu=False, gpu=gpu, present=False)
    assert (caught.value.code, caught.value.exit_code) == ("gpu_missing", 3)
    assert "--cpu" in caught.value.hint


@pytest.mark.parametrize(
    ("driver", "wsl", "cuda", "fits"),
    [
        ((525, 60, 13), False, CUDA_12_1, True),
        ((525, 60, 11), False, CUDA_12_1, False),
        ((470, 199, 2), False, CUDA_12_1, False),
        ((528, 33), True, CUDA_12_1, True),
        ((527, 41), True, CUDA_12_1, False),
        ((526, 0), False, CUDA_12_1, True),
        ((525, 60, 13), False, CUDA_12_8, True),
        ((570, 86, 10), False, CUDA_13, False),
        ((580, 65, 6), False, CUDA_13, True),
        ((470, 0), False, (), True),  # an image that does not say what it needs
        ((470, 0), False, (99, 0), True),  # nor do we know
        (None, False, CUDA_12_1, True),
    ],
)
def test_drivers(driver: tuple[int, ...] | None, wsl: bool, cuda: tuple[int, ...], fits: bool) -> None:
    facts = GpuFacts((RTX_3090,), driver, wsl)
    if fits:
        assert gpu_fitness.check_cards(facts, "all", cuda) == 24576
        return
    error = error_of(facts, "all", cuda)
    assert error.code == "gpu_driver_too_old"
    assert ("Windows" if wsl else "Linux") in error.hint


def test_the_driver_is_looked_at_without_a_list_of_cards() -> None:
    assert error_of(GpuFacts((), (470, 0), wsl=False), "all", CUDA_12_1).code == "gpu_driver_too_old"
    assert gpu_fitness.check_cards(GpuFacts((), GOOD, wsl=False), "7", CUDA_12_1) is None


@pytest.mark.parametrize(
    ("card", "cuda", "fits"),
    [
        (RTX_3090, CUDA_12_1, True),
        (RTX_5090, CUDA_12_1, False),
        (RTX_5090, (12, 4), False),
        (RTX_5090, CUDA_12_8, True),
        (RTX_5090, (), True),
        (RTX_5090._replace(compute=None), CUDA_12_1, True),
        (RTX_5090._replace(compute=(10, 0)), CUDA_12_1, False),
        (RTX_3090._replace(compute=(9, 0)), CUDA_12_1, True),  # Hopper
    ],
)
def test_cards_that_the_image_does_not_know(card: Card, cuda: tuple[int, ...], fits: bool) -> None:
    facts = GpuFacts((card,), GOOD, wsl=False)
    if fits:
        assert gpu_fitness.check_cards(facts, "all", cuda) == card.memory_mb
        return
    error = error_of(facts, "all", cuda)
    assert error.code == "gpu_too_new"
    assert "./build-image.sh --cuda 12.8" in error.hint
    assert card.name in error.message


TWO = GpuFacts((RTX_3090, RTX_3060, RTX_5090), GOOD, wsl=False)


@pytest.mark.parametrize(("gpu", "memory"), [("0", 24576), ("1", 12288), ("0,1", 24576), ("GPU-5f3c", 32607)])
def test_only_what_is_handed_out_counts(gpu: str, memory: int) -> None:
    assert gpu_fitness.check_cards(TWO, gpu, CUDA_12_8) == memory
    if gpu.startswith("0"):
        assert gpu_fitness.check_cards(TWO, gpu, CUDA_12_1) == memory  # the RTX 5090 stays out of it


def test_a_gpu_that_is_not_there_is_told_with_those_that_are() -> None:
    error = error_of(TWO, "3", CUDA_12_8)
    assert error.code == "gpu_not_found"
    assert "1 (NVIDIA GeForce RTX 3060)" in error.hint


@pytest.mark.parametrize(
    ("min_gb", "vram_mb", "fits"),
    [
        (8, 8192, True),
        (8, 8188, True),
        (8, 6144, False),
        (16, 15360, True),  # a card of 16 GB with error correction
        (24, 22528, True),  # a card of 24 GB, likewise
        (16, 12288, False),
        (32, 24576, False),
        (1, None, True),  # not known
        (0, 512, True),  # --low-vram
    ],
)
def test_memory(min_gb: float, vram_mb: int | None, fits: bool) -> None:
    needs = Needs("m", min_vram_gb=min_gb, fit_for_cpu=False)
    if fits:
        gpu_fitness.check_memory(needs, vram_mb)
        return
    with pytest.raises(EnvironmentError_) as caught:
        gpu_fitness.check_memory(needs, vram_mb)
    assert caught.value.code == "gpu_memory_too_small"
    assert "--low-vram" in caught.value.hint


def test_no_model_needs_no_memory() -> None:
    gpu_fitness.check_memory(None, 10)
