"""What the boot leaves out is not there when the engine answers, and is when somebody uses it (docs/adr/0003)."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.contract.graph_cases import CASES
from tests.world import ROOT, booted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hal_image.install.engine_env import EnginePaths

ANSWERS_SOON = "To see the GUI go to"
"""The line of ComfyUI's log after which it listens."""
LEFT_OUT = (
    "alembic", "av._core", "comfy_api_nodes", "comfy_config.types", "comfyui_frontend_package", "kornia", "pydantic",
    "scipy.integrate._ivp", "scipy.ndimage._filters", "scipy.stats.distributions", "spandrel", "sqlalchemy", "sympy",
    "torch._decomp", "torch._dynamo", "torch._inductor", "torch._prims", "torch.ao.quantization.quantize",
    "torch.distributed.tensor._ops", "torch.export.exported_program", "torch.onnx._internal", "torchaudio._backend",
    "torchvision.models.alexnet", "torchvision.ops.boxes", "torchvision.transforms.functional", "transformers.utils",
    "triton",
)  # fmt: skip
"""Modules that show, by being imported, that what they belong to has been."""
NEEDED = ("aiohttp.web_app", "comfy.sd", "torch._C", "torch.nn.functional")


class Lean:
    """A ComfyUI whose imports are told in its log."""

    def __init__(self, url: str, log: Path) -> None:
        self.url = url
        self.log = log

    def imported(self, text: str | None = None) -> set[str]:
        """Modules imported so far, or in a part of the log."""
        whole = self.log.read_text(encoding="utf-8", errors="replace") if text is None else text
        return set(re.findall(r"^import time: +\d+ \| +\d+ \| +(\S+)$", whole, re.MULTILINE))

    def make(self, prompt: dict[str, Any]) -> dict[str, Any]:
        """Runs a graph; its outputs by node."""
        answer = requests.post(f"{self.url}/prompt", json={"prompt": prompt}, timeout=120)
        assert answer.status_code == 200, answer.text
        job = answer.json()["prompt_id"]
        end = time.monotonic() + 300
        while time.monotonic() < end:
            history = requests.get(f"{self.url}/history/{job}", timeout=60).json()
            if job in history:
                assert history[job]["status"]["status_str"] == "success", history[job]["status"]
                outputs: dict[str, Any] = history[job]["outputs"]
                return outputs
            time.sleep(0.1)
        raise AssertionError("it was not made in time")


@pytest.fixture(scope="module")
def lean(installed: EnginePaths, models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lean]:
    folder = tmp_path_factory.mktemp("lean")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPROFILEIMPORTTIME", "1")
        with booted(installed, models_dir, folder) as url:
            yield Lean(url, folder / "comfyui.log")


def test_nothing_that_is_left_out_is_imported_before_the_server_answers(lean: Lean) -> None:
    before, listens, _after = lean.log.read_text(encoding="utf-8", errors="replace").partition(ANSWERS_SOON)
    assert listens
    names = lean.imported(before)
    assert [name for name in NEEDED if name not in names] == []
    assert [name for name in LEFT_OUT if any(full == name or full.startswith(f"{name}.") for full in names)] == []


def test_the_tokenizers_come_before_the_first_job_asks_for_them(lean: Lean) -> None:
    end = time.monotonic() + 60
    while "transformers.tokenization_utils_base" not in lean.imported():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_sampler_and_a_scheduler_that_wait_for_scipy(lean: Lean) -> None:
    graph = CASES["sd15"].graph(width=64, height=64, steps=2, sampler="lms", scheduler="beta", prompt="a red cube")
    prompt = graph.to_prompt()
    for node in prompt.values():
        if "ckpt_name" in node["inputs"]:
            node["inputs"]["ckpt_name"] = "v1-5-pruned-emaonly-fp16.safetensors"
    assert any(output.get("images") for output in lean.make(prompt).values())
    assert {"scipy.integrate._quadpack_py", "scipy.stats._continuous_distns"} <= lean.imported()


def test_masks_that_wait_for_scipy(lean: Lean) -> None:
    prompt = {
        "1": {"class_type": "SolidMask", "inputs": {"value": 1.0, "width": 16, "height": 16}},
        "2": {"class_type": "GrowMask", "inputs": {"mask": ["1", 0], "expand": -3, "tapered_corners": True}},
        "3": {"class_type": "MaskToImage", "inputs": {"mask": ["2", 0]}},
        "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "mask"}},
    }
    assert lean.make(prompt)["4"]["images"]
    assert "scipy.ndimage._morphology" in lean.imported()


def test_nodes_of_sound_and_video_that_wait_for_their_libraries(lean: Lean) -> None:
    prompt = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 3, "color": 255}},
        "2": {"class_type": "CreateVideo", "inputs": {"images": ["1", 0], "fps": 8.0}},
        "3": {
            "class_type": "SaveVideo",
            "inputs": {"video": ["2", 0], "filename_prefix": "video", "format": "mp4", "codec": "h264"},
        },
        "4": {"class_type": "EmptyAudio", "inputs": {"duration": 0.2, "sample_rate": 44100, "channels": 2}},
        "5": {
            "class_type": "SaveAudioOpus",
            "inputs": {"audio": ["4", 0], "filename_prefix": "sound", "quality": "64k"},
        },
    }
    outputs = lean.make(prompt)
    assert outputs["3"]["images"][0]["filename"].endswith(".mp4")
    assert outputs["5"]["audio"][0]["filename"].endswith(".opus")
    assert {"av._core", "torchaudio._backend"} <= lean.imported()


def test_what_waits_does_what_it_does_without_waiting(installed: EnginePaths) -> None:
    def use(how: str) -> dict[str, Any]:
        done = subprocess.run(
            [installed.python, Path(__file__).with_name("lazy_uses.py"), installed.comfyui_dir, how],
            env={**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"},
            capture_output=True,
            check=False,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    lazy, eager = use("lazy"), use("eager")
    assert (lazy.pop("package"), eager.pop("package")) == ("LazyModule", "_LazyModule")
    assert lazy == eager
    assert lazy["torch"]["compiled"]
