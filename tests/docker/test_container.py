"""An engine in a container, started as the host starts it, and used over ``docker exec``."""

from __future__ import annotations

import json
import statistics
import subprocess
import time
import uuid
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from hal_image import about
from hal_image import container as inside
from hal_image.wire import decode, encode
from tests import synthetic
from tests.docker.conftest import PROGRAM, SEALED, UID, Container, docker, started
from tests.engine.test_wire import graph
from tests.world import SD15

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_SUBMIT_S = 0.15
"""What the line to the engine may cost above ``docker exec … true``; it is about 0.02 s on an idle machine."""


def test_it_serves_with_no_options_but_mounts(container: Container) -> None:
    hello = json.loads(container.exec(inside.SUBMIT, "30").splitlines()[0])
    assert hello["event"] == "hello"
    assert hello["settings"] == {
        "tool_version": about.version(),
        "models_dir": inside.MODELS,
        "python": inside.PYTHON,
        "comfyui_dir": inside.COMFYUI,
        "cpu": True,
        "gpu": None,
        "hot_dir": None,
    }
    assert hello["output_dir"] == f"{inside.SPOOL}/output"
    assert (hello["comfyui"]["comfyui_version"], hello["comfyui"]["comfyui_commit"]) == (
        about.COMFYUI_VERSION,
        about.COMFYUI_COMMIT,
    )


def test_a_folder_that_it_cannot_write_is_told(image: str) -> None:
    told = docker("run", "--rm", *SEALED, image, "serve", "--cpu", code=3)
    assert "engine_folder_unwritable" in told.stderr
    assert f"-v FOLDER:{inside.SPOOL}" in told.stderr


def test_it_is_sealed(container: Container) -> None:
    container.wait_until_idle()
    for process in ("1", str(container.status()["comfyui_pid"])):
        status = dict(line.split(":\t", 1) for line in container.exec("cat", f"/proc/{process}/status").splitlines())
        assert status["Uid"].split() == [str(UID)] * 4
        assert {status[name].strip() for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
        assert status["NoNewPrivs"].strip() == "1"
    assert container.python("import os; print(*os.listdir('/sys/class/net'))").split() == ["lo"]
    assert docker("exec", container.name, "touch", "/opt/x", code=None).returncode != 0
    assert docker("exec", container.name, "touch", "/models/x", code=None).returncode != 0
    assert container.inspect()["NetworkSettings"]["Ports"] == {}


def test_what_it_writes_belongs_to_the_caller(container: Container) -> None:
    container.wait_until_idle()
    found = list(container.spool.rglob("*"))
    assert {path.name for path in found} >= {"engine.json", "engine.lock", "comfyui.log", "output"}
    assert {(path.stat().st_uid, path.stat().st_gid) for path in found} == {(UID, UID)}


def test_it_says_that_it_is_healthy(container: Container) -> None:
    container.status()
    check = container.inspect()["Config"]["Healthcheck"]["Test"]
    assert check[0] == "CMD-SHELL"
    docker("exec", container.name, "sh", "-c", check[1])
    nowhere = check[1].replace(inside.SUBMIT, f"HAL=1 {inside.HOME}/missing")
    assert docker("exec", container.name, "sh", "-c", nowhere, code=None).returncode == 1


def test_a_container_without_an_engine_is_not_healthy(image: str) -> None:
    check = json.loads(docker("image", "inspect", image).stdout)[0]["Config"]["Healthcheck"]["Test"][1]
    docker("run", "--rm", "--network", "none", "--entrypoint", "sh", image, "-c", check, code=1)


def test_the_line_to_it_costs_little(container: Container) -> None:
    container.wait_until_idle()

    def seconds(*command: str) -> float:
        taken = []
        for _ in range(7):
            began = time.perf_counter()
            container.exec(*command)
            taken.append(time.perf_counter() - began)
        return statistics.median(taken)

    assert seconds(inside.SUBMIT) - seconds("true") < MAX_SUBMIT_S


def test_process_1_buries_orphans(container: Container) -> None:
    container.status()
    container.exec("sh", "-c", "sh -c 'sleep 0.3 & exit' & exit")
    count = (
        "import glob; print(sum('\\nState:\\tZ' in open(path).read() or 'Name:\\tsleep' in open(path).read()"
        " for path in glob.glob('/proc/[0-9]*/status')))"
    )
    end = time.monotonic() + 10
    while container.python(count).strip() != "0":
        assert time.monotonic() < end
        time.sleep(0.2)


@pytest.mark.parametrize("options", [(), ("--init",)], ids=["our own process 1", "Docker's process 1"])
def test_docker_stop_ends_it_in_order(image: str, tmp_path: Path, options: tuple[str, ...]) -> None:
    for container in started(image, tmp_path, *options):
        container.wait_until_idle()
        began = time.monotonic()
        docker("stop", "--time", "60", container.name)
        assert time.monotonic() - began < 20
        assert container.inspect()["State"]["ExitCode"] == 0
        assert not (container.spool / "engine.json").exists()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    (folder / "checkpoints").mkdir()
    folder.chmod(0o755)
    synthetic.write_sd15(folder / "checkpoints" / SD15)
    return folder


@pytest.fixture
def with_model(image: str, models: Path, tmp_path: Path) -> Iterator[Container]:
    yield from started(image, tmp_path, models=models)


def test_a_picture_comes_through_the_spool(with_model: Container) -> None:
    # The whole way; and with the sampler and scheduler for which the engine loads most of what it left for later.
    with_model.wait_until_idle()
    job = str(uuid.uuid4())
    prompt = graph(1)
    prompt["8"]["inputs"] |= {"sampler_name": "lms", "scheduler": "beta"}
    prompt["10"]["inputs"]["filename_prefix"] = f"{job}/image"
    command = [PROGRAM, "exec", "-i", with_model.name, inside.SUBMIT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as line:
        assert line.stdin is not None
        assert line.stdout is not None
        line.stdin.write(encode({"op": "submit", "job": job, "graph": prompt, "keep_alive_s": 300}))
        line.stdin.flush()
        events = []
        for raw in line.stdout:
            events.append(decode(raw))
            if events[-1]["event"] in {"done", "failed"}:
                break
        assert events[-1]["event"] == "done", events
        (image,) = events[-1]["images"]
        picture = with_model.spool / "output" / image
        assert (picture.stat().st_uid, picture.stat().st_gid) == (UID, UID)
        with Image.open(picture) as opened:
            assert opened.convert("RGB").size == (64, 64)
        line.stdin.close()
        assert line.wait(20) == 0
    assert not picture.exists(), "what a caller leaves behind goes with him"
