"""``pip install .`` into an empty venv, as docs/INSTALL.md says, and the command that it brings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Runs ``hal-generate-image`` of a fresh installation, far from the checkout."""
    folder = tmp_path_factory.mktemp("installed")
    source = folder / "source"
    # pip builds in the folder that it is given; the copy keeps the checkout clean
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(source)], check=True)
    for name in subprocess.check_output(
        ["git", "ls-files", "-m", "-o", "--exclude-standard"], cwd=ROOT, text=True
    ).split():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
    pip = [str(folder / "venv" / "bin" / "python"), "-m", "pip", "install", "--quiet", str(source)]
    subprocess.run(pip, check=True, cwd=folder)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HAL_")}
    # a Docker engine that happens to be here, with the image, would be used and start a container
    environment |= {"HOME": str(folder), "HAL_STATE_DIR": str(folder / "state"), "HAL_ENGINE": "local"}
    environment = {name: value for name, value in environment.items() if not name.startswith("XDG_")}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        program = str(folder / "venv" / "bin" / "hal-generate-image")
        return subprocess.run(
            [program, *arguments], env=environment, cwd=folder, capture_output=True, text=True, check=False
        )

    return run


def test_it_knows_its_version(command: Command) -> None:
    version = (ROOT / "VERSION").read_text().strip()
    assert command("--version").stdout == f"hal-generate-image {version}\n"


def test_it_brings_its_registry_and_looks_in_the_users_cache(command: Command) -> None:
    data = json.loads(command("models", "list", "--json").stdout)["data"]
    names = [model["name"] for model in data["models"]]
    assert names[0] == "sdxl"
    assert "sd15" in names
    assert data["models_dir"].endswith("/.cache/hal8000-image-gen/models")


def test_it_brings_its_small_model(command: Command) -> None:
    data = json.loads(command("models", "show", "doodle", "--json").stdout)["data"]
    assert data["model"]["status"] == "included"


def test_a_missing_model_is_told_before_anything_is_installed(command: Command) -> None:
    done = command("--prompt", "x", "--model", "sdxl", "--no-download", "--json")
    assert done.returncode == 4
    assert json.loads(done.stdout)["error"]["code"] == "model_missing"


def test_it_brings_its_locks(command: Command) -> None:
    # The engine is installed from files of the package: offline, it gets as far as saying that it may not.
    done = command("serve", "--offline", "--json")
    assert json.loads(done.stdout)["error"]["code"] == "offline_not_prepared"


def test_it_brings_its_man_page_and_completes_its_command(command: Command) -> None:
    script = command("completion", "bash").stdout
    assert "program=hal-generate-image\n" in script
    places = json.loads(command("hal8000", "status", "--project", ".", "--json").stdout)["data"]
    page = Path(places["project"]) / "venv" / "share" / "man" / "man1" / "hal-generate-image.1"
    assert page.read_bytes() == (ROOT / "man" / page.name).read_bytes()
