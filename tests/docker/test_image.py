"""What is in the image, and what is not."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from hal_image import about, container
from tests.docker.conftest import SEALED, UID, docker
from tests.docker.real_image import TAG, inspect

ROOT = Path(__file__).resolve().parents[2]
INSIDE = Path(__file__).with_name("inside")
MAX_BYTES = 5_600_000_000
"""Of which torch and its CUDA libraries are 5.1 GB."""


def run_inside(image: str, script: str) -> str:
    """What a script of ``tests/docker/inside`` prints in the image."""
    code = (INSIDE / f"{script}.py").read_text()
    command = ("--entrypoint", container.PYTHON, image, "-c", code)
    return docker("run", "--rm", "--network", "none", "--user", "0:0", *command).stdout


def selftest(image: str, *options: str, arguments: tuple[str, ...] = (), code: int = 0) -> str:
    command = ("run", "--rm", *SEALED, "--tmpfs", container.SPOOL, *options, image, "selftest", *arguments)
    return docker(*command, code=code).stdout


def test_labels(image: str) -> None:
    labels = inspect(image)["Config"]["Labels"]
    expected = {
        "org.opencontainers.image.version": about.version(),
        "org.opencontainers.image.licenses": "MIT",
        "hal8000.version": about.version(),
        "hal8000.comfyui.commit": about.COMFYUI_COMMIT,
        "hal8000.comfyui.version": about.COMFYUI_VERSION,
        "hal8000.torch": "2.4.1",
        "hal8000.cuda": "12.1",
    }
    assert {name: labels.get(name) for name in expected} == expected
    marker = docker("run", "--rm", "--network", "none", "--entrypoint", "cat", image, "/opt/comfyui/source.json").stdout
    source = json.loads(marker)
    assert labels["hal8000.comfyui.source"] == source["source"]
    assert re.fullmatch("[0-9a-f]{64}", labels["hal8000.inputs"])


def test_it_is_nobodys_root_and_offers_no_port(image: str) -> None:
    config = inspect(image)["Config"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", config["User"])
    assert not config.get("ExposedPorts")
    assert not config.get("Volumes")
    assert config["Healthcheck"]["Test"]


def test_size(image: str) -> None:
    assert inspect(image)["Size"] <= MAX_BYTES


def test_nothing_of_the_build_is_left(image: str) -> None:
    assert run_inside(image, "leftovers").splitlines() == [""]


def test_nothing_of_the_builders_network_is_left(image: str) -> None:
    told = json.dumps(inspect(image)["Config"]) + docker("history", "--no-trunc", image).stdout
    assert "/opt/hal" in told, "the scan is broken"
    assert not re.search(r"PIP_|_PROXY|_CERT|_CAINFO|TOKEN", told, re.IGNORECASE)


def test_bytecode_is_there_and_never_made_anew(image: str) -> None:
    # A container whose root is read-only could not keep it, and would compile at every boot.
    found = json.loads(run_inside(image, "bytecode"))
    assert found["modules"] > 1500
    assert found["wrong"] == []


@pytest.mark.parametrize("user", [None, f"{UID}:{UID}"], ids=["its own user", "any user"])
def test_the_selftest_passes_in_a_sealed_container(image: str, user: str | None) -> None:
    told = json.loads(selftest(image, *(("--user", user) if user else ()), arguments=("--json",)))
    assert told["ok"]
    checks = {check["name"]: check["detail"] for check in told["checks"]}
    assert list(checks) == ["user", "python", "packages", "torch", "comfyui", "folders", "nodes", "boot"]
    assert checks["user"] == (user or "10001:10001")
    assert checks["torch"] == "2.4.1+cu121, CUDA 12.1"


def test_the_selftest_tells_what_is_wrong(image: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    lock = ROOT / "hal_image" / "install" / "locks" / "engine.txt"
    (tmp_path / "lock").write_text(lock.read_text().replace("aiohttp==", "aiohttp==9"))
    (tmp_path / "source.json").write_text('{"commit": "0"}')
    (tmp_path / "models").mkdir(mode=0o700)
    (tmp_path / "pack.py").write_text("import not_there\n")
    (tmp_path / "no bytecode").mkdir()
    wrong = {
        "lock": "/opt/venv/engine.txt",
        "source.json": "/opt/comfyui/source.json",
        "models": "/models/checkpoints",
        "pack.py": "/opt/comfyui/comfy_extras/nodes_mask.py",
        "no bytecode": "/opt/comfyui/comfy_extras/__pycache__",
    }
    mounts = [f"--volume={tmp_path / name}:{where}:ro" for name, where in wrong.items()]
    (tmp_path / "all").mkdir(mode=0o755)
    (tmp_path / "all" / "checkpoints").mkdir()
    mounts.insert(0, f"--volume={tmp_path / 'all'}:/models:ro")
    lines = selftest(image, "--user", "4712:4712", *mounts, code=3).splitlines()
    failed = {line.split()[1].rstrip(":"): line for line in lines if line.startswith("FAIL")}
    assert failed.keys() == {"packages", "comfyui", "folders", "nodes"}
    assert "aiohttp is " in failed["packages"]
    assert "/models/checkpoints cannot be read by user 4712" in failed["folders"]
    assert "IMPORT FAILED: nodes_mask.py" in failed["nodes"]
    assert lines[-1].startswith("ok    boot: "), "a failure does not hide what comes after it"


def test_the_selftest_does_not_pass_as_root(image: str) -> None:
    told = selftest(image, "--user", "0:0", code=3)
    assert told.startswith("FAIL  user: this is root")


def test_the_tag_is_this_image(image: str) -> None:
    assert inspect(TAG)["Id"] == image
