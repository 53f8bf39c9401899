"""The tool where HAL8000 keeps it: a copy in ``.claude/tools/image-generation`` of a project."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.world import ROOT, is_flat

if TYPE_CHECKING:
    from tests.world import Hal

TOOL = ".claude/tools/image-generation"
PARTS = ("hal_image", "hal_generate_image.py", "HAL-generate-image.py", "models.yaml", "VERSION")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose path has in it what a careless program stumbles over."""
    root = tmp_path_factory.mktemp("layout") / "~" / "My Projects" / "HAL8000 & $HOME's"
    for part in PARTS:
        target = root / TOOL / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / part, target)
    root.parents[2].chmod(0o755)  # where root runs the tests, the container does not run as root
    return root


@pytest.fixture
def at_home(lone_hal: Hal, project: Path) -> Hal:
    """The command line of that copy, called from the project's root."""
    environment = {name: value for name, value in lone_hal.environment.items() if name != "HAL_MODELS_DIR"}
    return replace(lone_hal, environment=environment, cwd=project, script=Path(TOOL) / "hal_generate_image.py")


def test_from_the_root_and_from_elsewhere_it_is_the_same_project(at_home: Hal, project: Path, tmp_path: Path) -> None:
    models = project / ".docker-cache" / "models"
    at_home("hal8000", "register")
    plan = at_home("--prompt", "a red cube", "--model", "doodle", "--output", "data/a.png", "--dry-run")
    assert plan.lines == [str(project / "data" / "a.png")]
    assert not models.exists()

    drawn = at_home("--prompt", "a red cube", "--model", "doodle", "--output", "data/a.png")
    assert drawn.lines == [str(project / "data" / "a.png")]
    entry = json.loads((project / ".claude" / "state.json").read_text())["image-generation"]
    assert (entry["models_dir"], [*entry["models_cached"]]) == (".docker-cache/models", ["doodle"])
    assert not is_flat(drawn.lines[0])
    assert [path.suffix for path in models.rglob("*") if path.is_file() and path.name[0] != "."] == [".safetensors"]

    (tmp_path / "bin").mkdir()
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "bin" / "draw"
    link.symlink_to(project / TOOL / "HAL-generate-image.py")
    away = replace(at_home, cwd=tmp_path / "elsewhere", script=link)
    again = away("--prompt", "a red cube", "--model", "doodle", "--output", "b.png", "--json").json["data"]
    assert again["images"][0]["path"] == str(tmp_path / "elsewhere" / "b.png")
    assert again["engine"]["reused"], "the models folder is the same, so the engine is"
    assert away("models", "list", "--json").json["data"]["models_dir"] == str(models)
    assert not (project / TOOL / ".docker-cache").exists()


def test_the_command_that_is_registered_makes_a_picture(at_home: Hal, project: Path) -> None:
    at_home("hal8000", "register", "--json")
    (command,) = re.findall(r"^python3 .+$", (project / "CLAUDE.md").read_text(), re.MULTILINE)
    _, script, *arguments = shlex.split(command)
    assert script == f"{TOOL}/hal_generate_image.py"
    answer = at_home(*arguments, "--model", "doodle").json
    assert Path(answer["data"]["images"][0]["path"]).is_relative_to(project)
    at_home("hal8000", "unregister")
    assert not (project / "CLAUDE.md").exists()
    assert not (project / ".claude" / "state.json").exists()
