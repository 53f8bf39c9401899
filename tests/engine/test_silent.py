"""What ComfyUI counts as a success and only logs, or does not even look at: here it is told, or it is an error."""

from __future__ import annotations

import signal
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.test_wire import graph, submit
from tests.synthetic import write_lora, write_sd15
from tests.synthetic.sparse import Tensor, write_safetensors
from tests.world import QUICK, Hal

if TYPE_CHECKING:
    from pathlib import Path

    from hal_image.host.engines.link import Link


@pytest.fixture(scope="module", autouse=True)
def _files(models_dir: Path) -> None:
    """LoRAs, an embedding and a checkpoint, each with something wrong."""
    write_lora(models_dir / "loras" / "fits.safetensors")
    write_lora(models_dir / "loras" / "half.safetensors", fit=1, misshapen=1, unknown=2)
    write_lora(models_dir / "loras" / "other-names.safetensors", fit=0, unknown=3)
    write_lora(models_dir / "loras" / "other-shapes.safetensors", fit=0, misshapen=3)
    embedding = {"emb_params": Tensor((2, 768), std=0.02)}
    write_safetensors(models_dir / "embeddings" / "style.safetensors", embedding, seed="style")
    wide = {"emb_params": Tensor((2, 1024), std=0.02)}
    write_safetensors(models_dir / "embeddings" / "wide.safetensors", wide, seed="wide")
    (models_dir / "embeddings" / "pickled.pt").write_bytes(b"\x80\x02cos\nsystem\n.")
    (models_dir / "embeddings" / "broken.safetensors").write_bytes(b"not one")
    write_safetensors(models_dir / "secret.safetensors", embedding, seed="style")


def with_lora(name: str, seed: int, *, strength: float = 1.0) -> dict[str, Any]:
    """The usual graph with a LoRA in between."""
    prompt = graph(seed)
    inputs = {"lora_name": name, "strength_model": strength, "strength_clip": strength}
    prompt["2"] = {"class_type": "LoraLoader", "inputs": {"model": ["1", 0], "clip": ["1", 1], **inputs}}
    prompt["4"]["inputs"]["clip"] = ["2", 1]
    prompt["8"]["inputs"]["model"] = ["2", 0]
    return prompt


def codes(run: dict[str, Any]) -> list[str]:
    """The warnings that are not about the synthetic model on a processor."""
    return [w["code"] for w in run["warnings"] if w["code"] not in {"model_size_differs", "running_on_cpu"}]


def test_a_lora_that_fits_says_nothing(link: Link) -> None:
    done = submit(link, with_lora("fits.safetensors", 1))
    assert (done["event"], done["warnings"]) == ("done", [])


def test_a_lora_half_of_which_fits_is_told_every_time(link: Link) -> None:
    # With another seed ComfyUI does not load the LoRA again, and logs nothing.
    for seed in (1, 2):
        done = submit(link, with_lora("half.safetensors", seed))
        assert [warning["code"] for warning in done["warnings"]] == ["lora_keys_not_applied"]
        assert done["warnings"][0]["message"].startswith("7 parts of half.safetensors do not fit the model")
        assert done["warnings"][0]["details"]["files"] == ["half.safetensors"]
    assert submit(link, with_lora("fits.safetensors", 2))["warnings"] == []


@pytest.mark.parametrize("name", ["other-names.safetensors", "other-shapes.safetensors"])
def test_a_lora_nothing_of_which_fits_fails(link: Link, name: str) -> None:
    failed = submit(link, with_lora(name, 1))
    assert failed["event"] == "failed"
    assert failed["error"]["code"] == "lora_not_applied"
    assert failed["error"]["exit_code"] == 4
    assert name in failed["error"]["message"]
    assert submit(link, with_lora(name, 1, strength=0.0))["event"] == "done"


@pytest.mark.parametrize(
    "name",
    ["absent", "absent,", "wide", "broken", "pickled", "pickled.pt", "", "../secret", "../../../../etc/passwd"],
)
def test_an_embedding_that_is_left_out_is_told_every_time(hal: Hal, name: str) -> None:
    for seed in ("1", "2"):
        run = hal(*QUICK, "--prompt", f"a cube, embedding:{name}", "--seed", seed, "--json").json
        assert codes(run) == ["embedding_ignored"], run
    assert codes(hal(*QUICK, "--prompt", "a cube, embedding:style", "--json").json) == []


def test_what_holds_for_several_pictures_is_told_once(hal: Hal) -> None:
    run = hal(*QUICK, "--prompt", "embedding:absent", "--count", "3", "--json").json
    assert codes(run) == ["embedding_ignored"]
    assert "absent" in run["warnings"][-1]["message"]


@pytest.mark.parametrize("prompt", ["a (cube:nan)", "a (cube:1e999)", "a (cube:-inf)"])
def test_a_picture_of_no_numbers_is_an_error_and_nothing_is_written(hal: Hal, prompt: str) -> None:
    # ComfyUI saves it as one in black.
    run = hal(*QUICK, "--prompt", prompt, "--output", "x.png", "--json", code=1).json
    assert run["error"]["code"] == "picture_invalid"
    assert list(hal.cwd.iterdir()) == []
    assert codes(hal(*QUICK, "--prompt", "a cube", "--output", "x.png", "--json").json) == []


def test_a_model_of_no_numbers(link: Link, models_dir: Path) -> None:
    path = models_dir / "checkpoints" / "nan.safetensors"
    write_sd15(path)
    raw = bytearray(path.read_bytes())
    length = int.from_bytes(raw[:8], "little")
    raw[8 + length :] = raw[8 + length :].replace(b"\x00\x3c" * 320, b"\x00\x7e" * 320)  # norms of 1 in half precision
    path.write_bytes(raw)
    prompt = graph(1)
    prompt["1"]["inputs"]["ckpt_name"] = path.name
    failed = submit(link, prompt)
    assert failed["event"] == "failed"
    assert failed["error"]["code"] == "picture_invalid"
    path.unlink()


def test_a_picture_of_one_colour_is_a_warning(link: Link) -> None:
    prompt = graph(1)
    prompt["11"] = {
        "class_type": "EmptyImage",
        "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0x336699},
    }
    prompt["10"]["inputs"]["images"] = ["11", 0]
    done = submit(link, prompt)
    assert [warning["code"] for warning in done["warnings"]] == ["picture_single_colour"]
    assert "#336699" in done["warnings"][0]["message"]


def test_a_checkpoint_without_some_tensors_is_told(link: Link, models_dir: Path) -> None:
    # Ours are looked at before; a graph of one's own can name any.
    path = models_dir / "checkpoints" / "lacking.safetensors"
    write_sd15(path)
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b'"model.diffusion_model.out.2.bias"', b'"model.diffusion_model.out.2.biaz"'))
    prompt = graph(1)
    prompt["1"]["inputs"]["ckpt_name"] = path.name
    for seed in (1, 2):
        prompt["8"]["inputs"]["seed"] = seed
        answer = submit(link, prompt)
        if answer["event"] == "failed":  # what is in that memory may be no number
            assert answer["error"]["code"] == "picture_invalid"
            continue
        assert [warning["code"] for warning in answer["warnings"]] == ["weights_missing", "weights_unused"]
        assert "out.2.bias" in answer["warnings"][0]["message"]
    path.unlink()


def test_a_graph_that_would_end_comfyuis_thread_is_refused(link: Link) -> None:
    # It copies a graph by recursion, in a thread without a net: this and every later job would wait for ever.
    deep: Any = "x"
    for _ in range(490):
        deep = {"a": deep}
    prompt = graph(1)
    prompt["4"]["inputs"]["more"] = deep
    link.send(op="submit", job=str(uuid.uuid4()), graph=prompt, keep_alive_s=300)
    answer = link.next(60)
    assert answer is not None
    assert (answer["event"], answer["error"]["code"]) == ("failed", "wire_invalid")
    assert submit(link, graph(2))["event"] == "done"


def test_a_width_that_comfyui_rounds_is_refused_before(hal: Hal) -> None:
    refused = hal("--model", "sd15", "--prompt", "x", "--size", "100x64", "--json", code=2).json
    assert refused["error"]["code"] == "size_invalid"


def test_the_same_graph_twice_gives_two_files(link: Link) -> None:
    # ComfyUI would run nothing and name the file of the job before, which is gone by then.
    first, second = submit(link, graph(3)), submit(link, graph(3))
    assert first["images"] != second["images"]
    assert uuid.UUID(second["images"][0].split("/")[0]) == uuid.UUID(second["job"])


def test_a_cancel_returns_in_time_though_comfyui_finishes_its_step(hal: Hal) -> None:
    # One step takes it many seconds here, and it hears of an interrupt only between two.
    process = hal.start("--model", "sd15", "--prompt", "x", "--size", "1536", "--steps", "2", "--output", "x.png")
    hal.wait_until_busy()
    time.sleep(1.0)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert time.monotonic() - began < 15
    hal(*QUICK, "--prompt", "a cube", "--output", "y.png")  # waits for that step
    assert [path.name for path in hal.cwd.iterdir()] == ["y.png"]
