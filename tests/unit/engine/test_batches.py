"""Jobs of several pictures: how they are cut into parts, and what becomes of a part that does not fit."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from hal_image.engine import batches
from hal_image.engine.batches import can_batch, part_of, several
from hal_image.engine.comfyui_batches import FIT, SEEDS, TOGETHER
from hal_image.engine.failures import node_failure
from hal_image.engine.job import Job
from hal_image.engine.job_queue import JobQueue
from hal_image.engine.saving import Saving
from hal_image.error_catalogue import WARNINGS
from hal_image.errors import HalError
from hal_image.request import Hires
from hal_image.wire import EngineStatus
from tests.contract.graph_cases import CASES
from tests.contract.upscale_cases import LANCZOS

if TYPE_CHECKING:
    from hal_image.errors import JsonObject

FULL = {"exception_type": "torch.OutOfMemoryError", "exception_message": "Allocation", "node_type": "KSampler"}
GRAPH: JsonObject = {
    "7": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
    "8": {"class_type": "KSampler", "inputs": {"seed": 5, "sampler_name": "euler", "latent_image": ["7", 0]}},
    "9": {"class_type": "VAEDecode", "inputs": {"samples": ["8", 0]}},
    "10": {"class_type": "SaveImage", "inputs": {"images": ["9", 0], "filename_prefix": "x"}},
}
INIT: JsonObject = {
    **GRAPH,
    "7": {"class_type": "VAEEncode", "inputs": {"pixels": ["6", 0]}},
    "6": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
    "11": {"class_type": "ImageCompositeMasked", "inputs": {"destination": ["6", 0], "source": ["9", 0]}},
    "10": {"class_type": "SaveImage", "inputs": {"images": ["11", 0], "filename_prefix": "x"}},
}
HIRES: JsonObject = {
    **GRAPH,
    "12": {"class_type": "ImageScale", "inputs": {"image": ["9", 0], "width": 128, "height": 96}},
    "13": {"class_type": "VAEEncode", "inputs": {"pixels": ["12", 0]}},
    "14": {"class_type": "KSampler", "inputs": {"seed": 5, "sampler_name": "euler", "latent_image": ["13", 0]}},
}


def status(device: str = "cuda:0 NVIDIA H200") -> EngineStatus:
    nothing: dict[str, Any] = dict.fromkeys(EngineStatus._fields)
    return EngineStatus(**{**nothing, "device": device})


def job(count: int = 4, *, graph: JsonObject = GRAPH, size: int | None = None) -> tuple[Job, list[JsonObject]]:
    made = Job(str(uuid.uuid4()), graph, 300.0, seeds=tuple(range(5, 5 + count)), batch_size=size)
    heard: list[JsonObject] = []
    made.hear(heard.append)
    return made, heard


def fitting(most: int, parts: list[tuple[int, ...]], *, truncates: bool = False) -> Any:
    """Runs parts on a card that has room for ``most`` pictures."""

    def run_part(part: Job) -> JsonObject:
        parts.append(part.seeds)
        if len(part.seeds) > most and not truncates:
            raise node_failure(FULL)
        images = [f"{seed}.png" for seed in part.seeds[:most]]
        return {"images": images, "warnings": [], "timings": {"load_s": 0.0, "execution_s": 1.0}}

    return run_part


# -- which graphs -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_every_graph_of_ours_can_make_several_at_once(name: str) -> None:
    assert can_batch(CASES[name].graph().to_prompt())
    larger = CASES[name].graph(hires=Hires(1.5), upscale=LANCZOS)
    assert can_batch(larger.to_prompt())
    marked = several(larger.to_prompt(), (5, 6), fits=True)
    assert all(node["inputs"]["seed"] == 5 for node in marked.values() if node["class_type"] == "KSampler")


@pytest.mark.parametrize(
    ("node", "inputs"),
    [
        ("8", {"class_type": "KSampler", "inputs": {"sampler_name": "dpm_adaptive", "seed": 1}}),
        ("8", {"class_type": "KSamplerAdvanced", "inputs": {"sampler_name": "euler"}}),
        ("12", {"class_type": "SomethingElse", "inputs": {}}),
    ],
)
def test_what_is_made_one_after_the_other(node: str, inputs: JsonObject) -> None:
    assert not can_batch({**GRAPH, node: inputs})


def test_ddim_draws_other_noise_for_what_stays() -> None:
    graph = {**GRAPH, "8": {"class_type": "KSampler", "inputs": {"sampler_name": "ddim", "seed": 1}}}
    assert can_batch(graph)
    assert not can_batch({**graph, "12": {"class_type": "SetLatentNoiseMask", "inputs": {}}})
    assert not can_batch({name: node for name, node in GRAPH.items() if name != "8"}), "nothing is sampled"


def test_marks() -> None:
    graph = several(GRAPH, (5, 6, 7), fits=True)
    assert graph["7"]["inputs"]["batch_size"] == 3
    assert graph["8"]["inputs"] == {**GRAPH["8"]["inputs"], SEEDS: "5,6,7", FIT: "1.0000"}
    assert graph["9"]["inputs"][TOGETHER]
    assert FIT not in several(GRAPH, (5, 6), fits=False)["8"]["inputs"]
    assert "batch_size" in GRAPH["7"]["inputs"], "the graph itself is left as it is"
    assert GRAPH["7"]["inputs"]["batch_size"] == 1


def test_a_picture_to_begin_with_is_encoded_once() -> None:
    graph = several(INIT, (5, 6), fits=True)
    assert graph["8"]["inputs"]["latent_image"] == [batches.REPEATED, 0]
    assert graph[batches.REPEATED] == {
        "class_type": "RepeatLatentBatch", "inputs": {"samples": ["7", 0], "amount": 2},
    }  # fmt: skip


def test_room_is_reckoned_for_the_larger_sampling() -> None:
    graph = several(HIRES, (5, 6), fits=True)
    assert graph["8"]["inputs"][FIT] == "3.0000"
    assert FIT not in graph["14"]["inputs"]
    assert graph["14"]["inputs"][SEEDS] == "5,6"
    assert batches.REPEATED not in graph
    start = {**HIRES, "7": INIT["7"], "6": INIT["6"]}
    assert several(start, (5, 6), fits=True)["8"]["inputs"][FIT] == "4.0000", "of a picture the size is not known"


# -- parts ------------------------------------------------------------------------------------------------------------


def test_a_part_shares_what_is_told_and_taken_back() -> None:
    whole, heard = job()
    part = part_of(whole, 3, fits=True)
    assert (part.id, part.seeds, part.place) == (whole.id, (5, 6, 7), {"picture": 1, "pictures": 3})
    assert part.prompt != whole.prompt == whole.id
    whole.cancelled.set()
    assert part.cancelled.is_set()
    part.emit({"event": "node"})
    assert heard == [{"job": whole.id, "event": "node"}]
    whole.leave(heard.append)
    assert not part.is_heard


@pytest.mark.parametrize(
    ("device", "size", "parts"),
    [
        ("cuda:0 NVIDIA H200", None, [(5, 6, 7, 8)]),
        ("cpu", None, [(5,), (6,), (7,), (8,)]),
        ("cpu", 3, [(5, 6, 7), (8,)]),
        ("cuda:0 NVIDIA H200", 1, [(5,), (6,), (7,), (8,)]),
        ("cuda:0 NVIDIA H200", 64, [(5, 6, 7, 8)]),
    ],
)
def test_how_many_at_once(device: str, size: int | None, parts: list[tuple[int, ...]]) -> None:
    whole, heard = job(size=size)
    seen: list[tuple[int, ...]] = []
    done = batches.run(whole, fitting(64, seen), lambda: status(device))
    assert isinstance(done, dict)
    assert (seen, done["batches"]) == (parts, [len(part) for part in parts])
    assert done["images"] == ["5.png", "6.png", "7.png", "8.png"]
    assert done["timings"]["execution_s"] == len(parts)
    told = [(event["first"], event["images"]) for event in heard if event["event"] == "pictures"]
    assert told == [(part[0] - 4, [f"{seed}.png" for seed in part]) for part in parts]


def test_what_does_not_fit_comes_with_the_next_part() -> None:
    whole, _ = job(7)
    seen: list[tuple[int, ...]] = []
    done = batches.run(whole, fitting(3, seen, truncates=True), status)
    assert isinstance(done, dict)
    assert (seen, done["batches"]) == ([(5, 6, 7, 8, 9, 10, 11), (8, 9, 10), (11,)], [3, 3, 1])
    assert done["images"] == [f"{seed}.png" for seed in range(5, 12)]
    assert done["warnings"] == []


def test_out_of_memory_halves_and_says_so() -> None:
    whole, _ = job(8)
    seen: list[tuple[int, ...]] = []
    done = batches.run(whole, fitting(2, seen), status)
    assert isinstance(done, dict)
    assert [len(part) for part in seen] == [8, 4, 2, 2, 2, 2]
    assert done["images"] == [f"{seed}.png" for seed in range(5, 13)]
    assert [warning["code"] for warning in done["warnings"]] == ["batch_halved", "batch_halved"]
    assert "8 pictures at once were too many, and 4 are tried" in done["warnings"][0]["message"]
    assert set(done["warnings"][0]["details"]) == set(WARNINGS["batch_halved"].details)


def test_one_that_does_not_fit_alone_is_the_error_of_the_job() -> None:
    whole, _ = job(3)
    with pytest.raises(HalError) as caught:
        batches.run(whole, fitting(0, []), status)
    assert caught.value.code == "out_of_memory"
    assert batches.partly(whole, status) == {}


def test_what_was_made_before_a_failure_is_told_with_it() -> None:
    whole, _ = job(3, size=1)
    seen: list[tuple[int, ...]] = []
    fine = fitting(64, seen)

    def run_part(part: Job) -> JsonObject:
        if part.seeds == (7,):
            raise HalError("gone", code="comfyui_crashed")
        done: JsonObject = fine(part)
        return done

    with pytest.raises(HalError, match="gone"):
        batches.run(whole, run_part, status)
    told = batches.partly(whole, status)
    assert (told["images"], told["batches"]) == (["5.png", "6.png"], [1, 1])
    whole.cancelled.set()
    assert batches.partly(whole, status) == {}, "who takes it back wants none of it"


def test_it_is_taken_back_between_two_parts() -> None:
    whole, _ = job(3, size=1)
    seen: list[tuple[int, ...]] = []
    fine = fitting(64, seen)

    def run_part(part: Job) -> JsonObject:
        whole.cancelled.set()
        done: JsonObject = fine(part)
        return done

    with pytest.raises(HalError) as caught:
        batches.run(whole, run_part, status)
    assert (caught.value.code, seen) == ("cancelled", [(5,)])


def test_the_last_part_may_be_written_beside_the_next_job() -> None:
    whole, heard = job(3, size=2)
    fine = fitting(64, [])
    done = batches.run(whole, lambda part: Saving(len(part.seeds), lambda: fine(part)), status)
    assert isinstance(done, Saving)
    assert [event["first"] for event in heard] == [1]
    assert done.finish()["images"] == ["5.png", "6.png", "7.png"]
    assert [event["first"] for event in heard] == [1, 3]


# -- others -----------------------------------------------------------------------------------------------------------


def test_a_job_of_another_caller_goes_before_the_rest() -> None:
    queue = JobQueue()
    whole, heard = job(3, size=1)
    own = Job(str(uuid.uuid4()), {}, 300.0)
    own.hear(heard.append)
    other = Job(str(uuid.uuid4()), {}, 300.0)
    others: list[JsonObject] = []
    other.hear(others.append)
    for one in (whole, own, other):
        queue.add(one)
    assert queue.next(0.0, unless=lambda: False) is whole
    seen: list[tuple[int, ...]] = []
    assert batches.run(whole, fitting(64, seen), status, queue.give_way) is None
    assert seen == [(5,)]
    assert queue.next(0.0, unless=lambda: False) is other
    queue.stopped(other)
    assert queue.next(0.0, unless=lambda: False) is whole
    done = batches.run(whole, fitting(64, seen), status, queue.give_way)
    assert isinstance(done, dict)
    assert seen == [(5,), (6,), (7,)], "its caller's own next job waits"
    queue.stopped(other)
    assert queue.running is whole
