"""The engine as another program would talk to it: over its socket, without our host."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hal_image.wire import decode, encode
from tests.world import ROOT, SD15, Hal

if TYPE_CHECKING:
    from hal_image.host.engines.link import Link


def graph(seed: int, *, extra: dict[str, Any] | None = None, latent_class: str = "EmptyLatentImage") -> dict[str, Any]:
    return {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": SD15}},
        "4": {"class_type": "CLIPTextEncode", "inputs": {"text": "x", "clip": ["1", 1]}},
        "7": {"class_type": latent_class, "inputs": {"width": 64, "height": 64, "batch_size": 1}},
        "8": {
            "class_type": "KSampler",
            "inputs": {
                "model": ["1", 0], "positive": ["4", 0], "negative": ["4", 0], "latent_image": ["7", 0],
                "seed": seed, "steps": 1, "cfg": 1.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0,
            },
        },
        "9": {"class_type": "VAEDecode", "inputs": {"samples": ["8", 0], "vae": ["1", 2]}},
        "10": {"class_type": "SaveImage", "inputs": {"images": ["9", 0], "filename_prefix": "mine"}},
        **(extra or {}),
    }  # fmt: skip


def submit(link: Link, prompt: dict[str, Any]) -> dict[str, Any]:
    """Submits a graph and waits for its last event."""
    job = str(uuid.uuid4())
    link.send(op="submit", job=job, graph=prompt, keep_alive_s=300)
    while True:
        event = link.next(120)
        assert event is not None, "silence"
        if event.get("job") == job and event["event"] in {"done", "failed"}:
            return event


def test_a_graph_of_ones_own_runs(link: Link) -> None:
    done = submit(link, graph(1))
    assert done["event"] == "done"
    output = Path(link.hello["output_dir"]) / done["images"][0]
    assert output.read_bytes().startswith(b"\x89PNG")


def test_a_node_that_was_left_out_at_boot_is_loaded_when_a_graph_names_it(link: Link) -> None:
    # ImageQuantize is in a pack that the lean boot leaves out.
    quantized = {"12": {"class_type": "ImageQuantize", "inputs": {"image": ["9", 0], "colors": 4, "dither": "none"}}}
    prompt = graph(2, extra=quantized)
    prompt["10"]["inputs"]["images"] = ["12", 0]
    assert submit(link, prompt)["event"] == "done"


def test_a_graph_that_comfyui_refuses_is_told_with_its_reason(link: Link) -> None:
    prompt = graph(3)
    prompt["1"]["inputs"]["ckpt_name"] = "absent.safetensors"
    error = submit(link, prompt)["error"]
    assert error["code"] == "graph_refused"
    assert "ckpt_name" in error["message"]
    assert "absent.safetensors" in error["message"]


def test_an_unknown_node_is_told(link: Link) -> None:
    error = submit(link, graph(4, latent_class="NoSuchNode"))["error"]
    assert error["code"] == "graph_refused"
    assert "NoSuchNode" in error["message"]


def test_a_node_that_fails_is_told_with_its_name(link: Link, models_dir: Path) -> None:
    header = json.dumps({"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    no_model = models_dir / "checkpoints" / "no-model.safetensors"
    no_model.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    prompt = graph(5)
    prompt["1"]["inputs"]["ckpt_name"] = no_model.name
    error = submit(link, prompt)["error"]
    assert error["code"] == "node_failed"
    assert error["message"].startswith("CheckpointLoaderSimple failed: RuntimeError: ")
    assert error["details"]["node_type"] == "CheckpointLoaderSimple"


def test_a_cancelled_job_ends_as_cancelled(link: Link) -> None:
    prompt = graph(6)
    prompt["8"]["inputs"]["steps"] = 500
    prompt["7"]["inputs"] |= {"width": 256, "height": 256}
    job = str(uuid.uuid4())
    link.send(op="submit", job=job, graph=prompt, keep_alive_s=300)
    while True:
        event = link.next(60)
        assert event is not None, "silence"
        if event["event"] == "running":
            link.send(op="cancel", job=job)
        if event["event"] in {"done", "failed"}:
            break
    assert event["error"]["code"] == "cancelled"


@pytest.mark.parametrize("raw", [b"not json\n", b"[]\n", b'{"v":99,"op":"status"}\n', b'{"v":1,"op":"dance"}\n'])
def test_nonsense_is_answered_and_harms_nobody(link: Link, raw: bytes) -> None:
    link.send_raw(raw)
    event = link.next(10)
    assert event is not None
    assert event["event"] == "failed"
    assert event["job"] is None
    answer = link.ask(10, op="status")
    assert answer is not None
    assert answer["event"] == "status"


@pytest.mark.local_only("the Docker engine has no other way")
def test_the_wire_goes_over_a_pipe_too(hal: Hal, link: Link) -> None:
    # As into a container: entrypoint.py beside the engine, and only its standard input and output.
    job = str(uuid.uuid4())
    request = encode({"op": "submit", "job": job, "graph": graph(7), "keep_alive_s": 300})
    socket = json.loads((Path(hal.engine()["folder"]) / "engine.json").read_text())["socket"]
    command = [sys.executable, str(ROOT / "entrypoint.py"), "submit", "--socket", socket]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as bridge:
        assert bridge.stdin is not None
        assert bridge.stdout is not None
        assert decode(bridge.stdout.readline())["event"] == "hello"
        bridge.stdin.write(request)
        bridge.stdin.flush()
        events = []
        for raw in bridge.stdout:
            events.append(decode(raw))
            if events[-1]["event"] in {"done", "failed"}:
                break
        bridge.stdin.close()
        assert bridge.wait(20) == 0
    assert events[-1]["event"] == "done"
    assert {event["job"] for event in events} == {job}


def test_a_pipe_to_no_engine_is_told(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "entrypoint.py"), "submit", "--socket", str(tmp_path / "none.sock")]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert done.returncode == 3
    assert b"engine_not_running" in done.stderr
