"""No memory left: for one tensor, which ComfyUI survives, and for the whole process, which the kernel kills."""

from __future__ import annotations

import os
import resource
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hal_image.engine.failures import node_failure
from tests import synthetic
from tests.faults.calls import Call, comfyui_of, names, picture
from tests.world import Hal, docker, pixels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hal_image.install.engine_env import EnginePaths

HUGE = ("--model", "sd15", "--size", "1024", "--steps", "1")
CGROUPS = Path("/sys/fs/cgroup/memory")
ROOM_TO_SAMPLE_BYTES = 500 * 2**20
"""Enough for the latent of a picture of 768x768 with SDXL at CFG 1, and not for its pixels."""
ROOM_BYTES = 150 * 2**20
"""What is left of memory for a picture that needs more."""


def test_what_a_gpu_without_memory_raises_is_known(installed: EnginePaths) -> None:
    # The class is the real one; there is no GPU here to raise it.
    code = (
        "import torch\nkind = torch.cuda.OutOfMemoryError\nassert issubclass(kind, RuntimeError)\n"
        "print(kind.__module__ + '.' + kind.__qualname__)"  # as in full_type_name of ComfyUI's execution.py
    )
    told = subprocess.run([str(installed.python), "-c", code], capture_output=True, text=True, check=True)
    error = node_failure(
        {
            "exception_type": told.stdout.strip(),
            "exception_message": "Allocation on device 0 would exceed allowed memory.",
            "node_type": "KSampler",
        }
    )
    assert (error.code, error.exit_code, error.retryable) == ("out_of_memory", 1, True)
    execution = (installed.comfyui_dir / "execution.py").read_text(encoding="utf-8")
    assert "exception_type = full_type_name(typ)" in execution


@pytest.mark.local_only("in a container a limit is the container's")
def test_a_tensor_for_which_there_is_no_memory(lone_hal: Hal) -> None:
    picture(lone_hal)
    engine = lone_hal.engine()
    pid = comfyui_of(lone_hal, engine)
    used = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
    resource.prlimit(pid, resource.RLIMIT_AS, (used + ROOM_BYTES, resource.RLIM_INFINITY))
    ended = Call(lone_hal, "-p", "x", *HUGE, "-o", "x.png").end(60)
    assert (ended.code, ended.error) == (1, "out_of_memory")
    assert "--size" in ended.result["error"]["hint"]
    assert names(lone_hal.cwd) == ["next.png"]
    assert picture(lone_hal)["engine"]["pid"] == engine["pid"]
    assert lone_hal.engine()["boots"] == 1


TURBO = "sd_xl_turbo_1.0_fp16.safetensors"


@pytest.fixture
def turbo(models_dir: Path) -> Iterator[tuple[str, ...]]:
    """A model whose autoencoder takes more memory than its sampling, so that it is the one that fails."""
    path = models_dir / "checkpoints" / TURBO
    synthetic.write_sdxl(path)
    yield ("--model", "sdxl-turbo", "--seed", "3")
    path.unlink()


@pytest.mark.local_only("in a container a limit is the container's")
def test_a_picture_that_is_too_large_to_be_decoded_as_a_whole(lone_hal: Hal, turbo: tuple[str, ...]) -> None:
    """On a processor ComfyUI has no way out of its own: what it catches is what a GPU raises."""
    lone_hal("-p", "x", *turbo, "--size", "64", "-o", "small.png")
    engine = lone_hal.engine()
    pid = comfyui_of(lone_hal, engine)
    used = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
    resource.prlimit(pid, resource.RLIMIT_AS, (used + ROOM_TO_SAMPLE_BYTES, resource.RLIM_INFINITY))
    large = lone_hal("-p", "x", *turbo, "--size", "768", "-o", "large.png", "--json").json
    (warning,) = (one for one in large["warnings"] if one["code"] == "vae_tiled")
    assert "out of memory in VAEDecode" in warning["message"]
    assert lone_hal.engine()["boots"] == 1
    resource.prlimit(pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    lone_hal("-p", "x", *turbo, "--size", "768", "--vae-tile", "256", "-o", "asked.png")
    assert pixels(lone_hal.cwd / "asked.png") == pixels(lone_hal.cwd / "large.png")


@pytest.fixture
def limited(lone_hal: Hal) -> Iterator[Hal]:
    """The command line with a ComfyUI that has little memory left, by the kernel's account."""
    if os.getuid() != 0:
        pytest.skip("a limit for memory needs root")
    picture(lone_hal)
    engine = lone_hal.engine()
    pid = comfyui_of(lone_hal, engine)
    used = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
    if lone_hal.kind == "docker":
        limit = str(used + ROOM_BYTES)
        docker("update", "--memory", limit, "--memory-swap", limit, engine["container"]["id"])
        yield lone_hal
        return
    group = CGROUPS / f"hal-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    # what it has already stays on the account of the group that it was in
    (group / "memory.limit_in_bytes").write_text(str(ROOM_BYTES))
    (group / "cgroup.procs").write_text(str(pid))
    yield lone_hal
    lone_hal("stop", "--force")
    lone_hal.wait_for(lambda: not (group / "cgroup.procs").read_text().split(), 10)
    group.rmdir()


def test_the_kernel_kills_comfyui_for_want_of_memory(limited: Hal) -> None:
    ended = Call(limited, "-p", "x", *HUGE, "-o", "x.png").end(60)
    assert (ended.code, ended.error) == (1, "comfyui_crashed")
    error = ended.result["error"]
    assert "memory" in error["message"]
    assert "memory" in error["hint"]
    assert error["details"]["out_of_memory"] is True
    assert names(limited.cwd) == ["next.png"]
    picture(limited)
