"""What is attached to ComfyUI for several pictures at once. That it draws the right noise, tests/engine/test_several.py
holds against the real one.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from hal_image.engine.comfyui_batches import FIT, SEEDS, Batches, room

GIB = 1024**3


def network(size: float, *, loaded: float = 0.0, device: str = "cuda:0") -> Any:
    return SimpleNamespace(
        load_device=device,
        model_size=lambda: size,
        model=SimpleNamespace(memory_required=lambda shape: 0.25 * GIB * shape[0] * shape[2] * shape[3] / 128**2),
        loaded=loaded,
    )


def card(free: float, *resident: Any) -> Any:
    """ComfyUI's module ``model_management``, of a card with so much free beside the models that it holds."""
    return SimpleNamespace(
        current_loaded_models=[
            SimpleNamespace(device=one.load_device, model=one, model_loaded_memory=lambda one=one: one.loaded)
            for one in resident
        ],
        get_free_memory=lambda _device: free,
        extra_reserved_memory=lambda: 0.4 * GIB,
    )


@pytest.mark.parametrize(
    ("free", "larger", "count"),
    [(23 * GIB, 1.0, 22), (23 * GIB, 4.0, 5), (11 * GIB, 1.0, 6), (7 * GIB, 1.0, 1), (4 * GIB, 1.0, 0)],
)
def test_how_many_a_card_has_room_for(free: float, larger: float, count: int) -> None:
    # a model of 5 GiB, of which a picture of 1024x1024 takes 0.5 GiB with and without the prompt
    assert room(card(free), network(5 * GIB), [], (8, 4, 128, 128), larger) == count


def test_models_that_are_there_make_room() -> None:
    sampled = network(5 * GIB, loaded=5 * GIB)
    encoder = network(9 * GIB, loaded=9 * GIB)
    elsewhere = network(9 * GIB, loaded=9 * GIB, device="cuda:1")
    assert room(card(9 * GIB, sampled, encoder, elsewhere), sampled, [], (1, 4, 128, 128), 1.0) == 22


def test_a_controlnet_takes_its_room() -> None:
    networks = [network(3 * GIB)]
    control = SimpleNamespace(get_models=lambda: networks)
    positive = [("text", {"control": control}), ("more", {"control": control}), ("none", {})]
    assert room(card(23 * GIB), network(5 * GIB), positive, (1, 4, 128, 128), 1.0) == 18


def test_marks_are_those_of_the_node_that_runs() -> None:
    running = SimpleNamespace(node_id="8")
    batches = Batches(lambda: running)
    assert batches.marked_seeds() == []
    batches.begin({"8": {"inputs": {SEEDS: f"5,{2**64 - 1}", FIT: 1.0}}, "9": {"inputs": {}}})
    assert batches.marked_seeds() == [5, 2**64 - 1]
    assert batches.mark(FIT) is None, "a graph of a user's own may call an input like that"
    running.node_id = "9"
    assert batches.marked_seeds() == []
    assert Batches(lambda: None).mark(SEEDS) is None


def test_seeds_hold_while_their_batch_is_sampled() -> None:
    batches = Batches(lambda: None)
    with batches.sampling([5, 6]):
        assert batches.seeds_for(2) == [5, 6]
        assert batches.seeds_for(3) == [], "another batch than ours"
    assert batches.seeds_for(2) == []
