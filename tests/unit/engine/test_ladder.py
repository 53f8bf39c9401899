"""What is tried next where memory did not suffice. ComfyUI is not asked: tests/engine/test_memory.py does that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hal_image.engine.failures import node_failure
from hal_image.engine.ladder import SMALL_TILE, Ladder, likeness
from hal_image.error_catalogue import WARNINGS
from hal_image.errors import HalError
from hal_image.request import Hires, Memory
from tests.contract.graph_cases import CASES

if TYPE_CHECKING:
    from hal_image.errors import JsonObject

GRAPHS = {
    name: CASES[name].graph().to_prompt() for name in ("sd15", "flux-dev-one-file", "flux-dev-parts", "sd15-init")
}


def full(node: str) -> HalError:
    facts = {"exception_type": "torch.OutOfMemoryError", "exception_message": "Allocation on device", "node_id": "8"}
    return node_failure({**facts, "node_type": node})


def done(*warnings: JsonObject) -> JsonObject:
    return {"images": ["x.png"], "warnings": list(warnings), "timings": {}}


def run(
    ladder: Ladder, graph: JsonObject, ends: list[str | JsonObject], *, on_gpu: bool = True, offloads: bool = False
) -> tuple[JsonObject, list[Memory]]:
    """Runs a job whose tries end so: in a node for which there is no memory, or well."""
    descent = ladder.begin(graph, offloads=offloads)
    tried: list[Memory] = []
    left = iter(ends)

    def attempt() -> JsonObject:
        tried.append(descent.memory)
        end = next(left)
        if isinstance(end, str):
            raise full(end)
        return end

    done = ladder.run(descent, attempt, on_gpu=lambda: on_gpu)
    assert isinstance(done, dict)
    return done, tried


def test_what_has_enough_memory_is_run_as_it_was_asked_for() -> None:
    descent = Ladder().begin(GRAPHS["sd15"], offloads=False)
    assert descent.changed is None
    answer, tried = run(Ladder(), GRAPHS["sd15"], [done()])
    assert (tried, answer) == ([Memory()], done())


TILED, OFFLOADED = Memory(vae_tile=SMALL_TILE), Memory(offload=True)


@pytest.mark.parametrize(
    ("name", "ends", "tried", "codes"),
    [
        ("sd15", ["VAEDecode"], [TILED], ["vae_tiled"]),
        ("sd15-init", ["VAEEncode"], [TILED], ["vae_tiled"]),
        ("sd15", ["KSampler"], [OFFLOADED], ["model_offloaded"]),
        ("sd15", ["CLIPTextEncode"], [OFFLOADED], ["model_offloaded"]),
        ("sd15", ["VAEDecode", "VAEDecodeTiled"], [TILED, TILED._replace(offload=True)],
         ["vae_tiled", "model_offloaded"]),
        ("sd15", ["KSampler", "VAEDecode"], [OFFLOADED, OFFLOADED._replace(vae_tile=SMALL_TILE)],
         ["model_offloaded", "vae_tiled"]),
        ("flux-dev-parts", ["KSampler", "KSampler"], [OFFLOADED, OFFLOADED._replace(fp8=True)],
         ["model_offloaded", "weights_in_fp8"]),
    ],
)  # fmt: skip
def test_each_rung_by_where_it_ended(name: str, ends: list[str], tried: list[Memory], codes: list[str]) -> None:
    answer, steps = run(Ladder(), GRAPHS[name], [*ends, done()])
    assert steps == [Memory(), *tried]
    assert answer["memory"] == tried[-1]._asdict()
    assert [warning["code"] for warning in answer["warnings"]] == codes
    for warning, end in zip(answer["warnings"], ends, strict=True):
        assert f"out of memory in {end}" in warning["message"]
        assert set(warning["details"]) == set(WARNINGS[warning["code"]].details)


@pytest.mark.parametrize(
    ("name", "ends", "on_gpu"),
    [
        ("sd15", ["KSampler"], False),  # a processor has nothing to offload to
        ("sd15", ["VAEDecode", "VAEDecodeTiled"], False),
        ("sd15", ["KSampler", "KSampler"], True),
        ("flux-dev-one-file", ["KSampler", "KSampler"], True),  # its weights are inside a checkpoint
        ("flux-dev-parts", ["KSampler", "KSampler", "KSampler"], True),
        ("flux-dev-parts", ["VAEDecode", "VAEDecodeTiled", "VAEDecodeTiled", "VAEDecodeTiled"], True),
    ],
)
def test_below_the_last_rung_it_is_an_error(name: str, ends: list[str], on_gpu: bool) -> None:
    with pytest.raises(HalError) as caught:
        run(Ladder(), GRAPHS[name], [*ends], on_gpu=on_gpu)
    assert caught.value.code == "out_of_memory"
    assert ends[-1] in caught.value.message


def test_another_error_is_no_reason_to_try_again() -> None:
    ladder = Ladder()

    def attempt() -> JsonObject:
        raise HalError("x", code="node_failed", hint="y")

    with pytest.raises(HalError) as caught:
        ladder.run(ladder.begin(GRAPHS["sd15"], offloads=False), attempt, on_gpu=lambda: True)
    assert caught.value.code == "node_failed"


def test_the_next_one_like_it_begins_where_this_one_ended_and_says_so() -> None:
    ladder = Ladder()
    first, _ = run(ladder, GRAPHS["sd15"], ["KSampler", done()])
    case = CASES["sd15"]
    like = case.graph(seed=1, prompt="another", steps=3, cfg=2.0).to_prompt()
    answer, tried = run(ladder, like, [done()])
    assert tried == [OFFLOADED]
    assert answer["warnings"] == first["warnings"]
    for other in (case.graph(width=64), CASES["sdxl"].graph(), case.graph(hires=Hires(1.5))):
        assert run(ladder, other.to_prompt(), [done()])[1] == [Memory()]
    ladder.forget()
    assert run(ladder, like, [done()])[1] == [Memory()]


def test_tiles_that_comfyui_has_gone_over_to_by_itself_are_told_of_as_ours() -> None:
    ladder = Ladder()
    details = {"node": "VAEDecode", "files": [], "count": 1, "examples": ["VAE decoding"]}
    noticed = {"code": "vae_tiled", "message": "the memory did not suffice", "details": details}
    answer, _ = run(ladder, GRAPHS["sd15"], [done(noticed)])
    assert answer["warnings"] == [noticed]
    assert answer["memory"] == Memory(vae_tile=512)._asdict()
    again, tried = run(ladder, GRAPHS["sd15"], [done()])
    assert tried == [Memory(vae_tile=512)]
    (warning,) = again["warnings"]
    assert (warning["code"], warning["details"]) == ("vae_tiled", details)
    # and from there it goes on down
    assert run(ladder, GRAPHS["sd15"], ["VAEDecodeTiled", done()])[1] == [Memory(vae_tile=512), TILED]


def test_a_job_beside_one_that_made_comfyui_offload_does_so_too() -> None:
    answer, tried = run(Ladder(), GRAPHS["sd15"], [done()], offloads=True)
    assert (tried, answer["memory"]) == ([OFFLOADED], OFFLOADED._asdict())
    with pytest.raises(HalError):
        run(Ladder(), GRAPHS["sd15"], ["KSampler"], offloads=True)


@pytest.mark.parametrize("graph", [{}, {"1": {}}, {"1": {"class_type": "X", "inputs": {"width": [1], "a": None}}}])
def test_a_graph_of_any_kind_has_its_like(graph: JsonObject) -> None:
    hash(likeness(graph))
    assert Ladder().begin(graph, offloads=False).changed is None
