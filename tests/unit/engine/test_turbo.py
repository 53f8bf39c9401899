"""When sampling is made faster, and when nothing may be."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from hal_image.engine import comfyui_turbo
from hal_image.engine.comfyui_environment import compile_caches
from hal_image.engine.comfyui_graphs import is_plain


@pytest.mark.parametrize(
    ("capability", "switch", "wanted"),
    [
        ((9, 0), "", True),
        ((10, 0), "", True),
        ((12, 0), "", False),
        ((8, 6), "", False),
        ((8, 6), "1", True),
        ((9, 0), "0", False),
        (None, "1", False),
    ],
)
def test_cuda_graphs_are_for_cards_that_wait_for_python(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int] | None, switch: str, wanted: bool
) -> None:
    monkeypatch.setenv(comfyui_turbo.SWITCH, switch)
    assert comfyui_turbo.graphs_are_wanted(capability) is wanted


def test_the_allocator_is_torchs_where_graphs_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    def chosen(card: tuple[int, int], *, cpu: bool) -> bool:
        monkeypatch.setattr(comfyui_turbo, "card", lambda: card)
        arguments = SimpleNamespace(cpu=cpu, cuda_malloc=False, disable_cuda_malloc=False)
        comfyui_turbo.choose_allocator(arguments)
        return bool(arguments.disable_cuda_malloc)

    assert chosen((9, 0), cpu=False)
    assert not chosen((9, 0), cpu=True)
    assert not chosen((8, 6), cpu=False)


@pytest.mark.parametrize(
    ("options", "plain"),
    [
        ({}, True),
        ({"cond_or_uncond": [1, 0], "sigmas": object(), "block": ("input", 1), "wrappers": {}, "callbacks": {}}, True),
        ({"wrappers": {"diffusion_model": {}}}, True),
        ({"patches": {"attn1_patch": [print]}}, False),
        ({"patches_replace": {"attn1": {("input", 1): print}}}, False),
        ({"optimized_attention_override": print}, False),
        ({"something_new": 1}, False),
    ],
)
def test_a_step_that_somebody_changes_is_left_as_it_is(options: dict[str, object], plain: bool) -> None:
    assert is_plain(options) is plain


def test_what_was_compiled_stays_with_the_engine(tmp_path: object) -> None:
    caches = compile_caches(tmp_path)  # type: ignore[arg-type]
    assert caches["TORCHINDUCTOR_CACHE_DIR"] == f"{tmp_path}/compiled"
    assert caches["TRITON_CACHE_DIR"].startswith(f"{tmp_path}/compiled/")
