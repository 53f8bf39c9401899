from __future__ import annotations

import pytest

from hal_image.models import memory_plan
from hal_image.models.memory_plan import GIB, Card, could_be_fp8, least_vram, plan
from hal_image.models.registry import default_registry_path, load_registry
from hal_image.models.types import FOLDERS, Defaults, Family, Model, ModelFile, Role

OURS = load_registry(default_registry_path()).models
CARDS_GB = (4, 6, 8, 12, 16, 24, 32, 48)


def model(family: Family, **sizes: int) -> Model:
    roles: dict[str, Role] = {role: role for role in FOLDERS}
    files = tuple(
        ModelFile(roles[role], "x", f"{role}.safetensors", size, "0" * 64, "x", ()) for role, size in sizes.items()
    )
    return Model("m", "x", family, files, Defaults(1024, 1024, 20, 7, None, "euler", "simple"), 1, "x.yaml")


@pytest.mark.parametrize(
    ("name", "vram_gb", "how", "offloaded_gib"),
    [
        ("sd15", 4, "together", 0),
        ("sd15", 24, "together", 0),
        ("sdxl", 4, "offloaded", 2.5),
        ("sdxl", 8, "in_turns", 0),
        ("sdxl", 24, "together", 0),
        ("sdxl-lightning", 24, "together", 0),
        ("sdxl-turbo", 24, "together", 0),
        ("flux", 8, "offloaded", 5.0),
        ("flux", 12, "offloaded", 1.0),
        ("flux", 16, "in_turns", 0),
        ("flux", 24, "together", 0),
        ("flux-schnell", 24, "together", 0),
        ("flux-dev-fp16", 16, "offloaded", 8.1),
        ("flux-dev-fp16", 24, "offloaded", 0.1),
        ("flux-dev-fp16", 32, "in_turns", 0),
        ("sd35-medium", 24, "together", 0),
        ("sd35-large", 24, "in_turns", 0),
        ("doodle", 24, "together", 0),
        ("sdxl", 1, "too_small", 0),
    ],
)
def test_how_our_models_run(name: str, vram_gb: float, how: str, offloaded_gib: float) -> None:
    found = plan(OURS[name], Card(int(vram_gb * GIB)))
    assert found.how == how
    if how != "too_small":
        assert found.offloaded / GIB == pytest.approx(offloaded_gib, abs=0.1)


@pytest.mark.parametrize("name", [name for name, model in OURS.items() if not model.cpu])
def test_the_stated_memory_is_what_the_plan_needs(name: str) -> None:
    """Enough for each part in its turn, but for a twentieth; and no more than the smallest card that holds all of it.

    Models that are fit for a processor are left out: ComfyUI reserves more for any model than they take.
    """
    ours = OURS[name]
    stated = ours.min_vram_gb
    at_stated = plan(ours, Card(int(stated * GIB)))
    assert at_stated.offloaded <= at_stated.main_memory / 20
    assert at_stated.how != "too_small"
    assert stated <= min(size for size in CARDS_GB if size >= least_vram(ours, "together"))


def test_fp8_halves_the_diffusion_model_in_16_bits_and_no_other() -> None:
    card = Card(24 * GIB)
    assert [name for name, one in OURS.items() if could_be_fp8(one)] == ["flux-dev-fp16"]
    parts = {part.name: part for part in plan(OURS["flux-dev-fp16"], card).parts}
    smaller = {part.name: part for part in plan(OURS["flux-dev-fp16"], card, fp8=True).parts}
    assert smaller["diffusion_model"].weights == parts["diffusion_model"].weights // 2
    assert smaller["text_encoders"] == parts["text_encoders"]
    assert plan(OURS["flux-dev-fp16"], card, fp8=True).how == "in_turns"
    assert not could_be_fp8(model("flux", diffusion_model=11_900_000_000))


def test_fp8_weights_take_16_bits_where_there_is_room_and_no_arithmetic_for_them() -> None:
    """``unet_dtype()``: on an Ampere card of 24 GB SD 3.5 Large is in 16 bits, and FLUX, which would not fit, in 8."""

    def weights(name: str, card: Card) -> int:
        return plan(OURS[name], card).parts[1].weights

    ampere, ada = Card(24 * GIB), Card(24 * GIB, fp8=True)
    assert weights("sd35-large", ampere) == 2 * weights("sd35-large", ada)
    assert weights("flux", ampere) == weights("flux", ada)


def test_fp32_is_loaded_in_16_bits() -> None:
    half, whole = model("sd15", checkpoint=2_132_696_762), model("sd15", checkpoint=4_265_146_304)
    (_, small, _), (_, large, _) = (plan(one, Card(24 * GIB)).parts for one in (half, whole))
    assert large.weights == pytest.approx(small.weights, rel=0.2)


def test_text_encoders_in_files_of_their_own_count_and_those_inside_do_not_twice() -> None:
    apart = model("sd3", checkpoint=5_107_000_000, clip_l=246_144_152, clip_g=1_389_382_176, t5xxl=9_787_841_024)
    text, diffusion, _ = plan(apart, Card(24 * GIB)).parts
    assert text.weights == 246_144_152 + 1_389_382_176 + 9_787_841_024
    assert diffusion.weights == 5_107_000_000 - memory_plan.AUTOENCODER


def test_a_network_of_its_own_is_counted_as_a_whole() -> None:
    text, diffusion, decoder = plan(OURS["doodle"], Card(24 * GIB)).parts
    assert (text.weights, diffusion.weights, decoder.weights) == (0, OURS["doodle"].total_bytes, 0)


def test_a_large_picture_is_decoded_in_tiles_on_a_small_card() -> None:
    assert plan(OURS["sdxl"], Card(8 * GIB)).parts[2].place == "whole"
    assert plan(OURS["sdxl"], Card(8 * GIB), 2048, 2048).parts[2].place == "tiles"
    assert plan(OURS["sdxl"], Card(24 * GIB), 2048, 2048).parts[2].place == "whole"


def test_more_memory_never_makes_it_worse() -> None:
    order = ("together", "in_turns", "offloaded", "too_small")
    for one in OURS.values():
        ranks = [order.index(plan(one, Card(halves * GIB // 2, fp8=True)).how) for halves in range(1, 100)]
        assert ranks == sorted(ranks, reverse=True)
