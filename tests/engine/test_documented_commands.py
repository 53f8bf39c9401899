"""Every command that README, quick start, skill and recipes show, run as it stands there, by a shell, in a folder that
looks like a checkout.

The models are small stand-ins under the published names, with defaults that take a moment: what the documents promise
of commands is looked at, not what models draw.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest
import yaml
from PIL import Image

from hal_image.workflow import build
from tests.contract.graph_cases import CASES
from tests.contract.test_docs import Block, blocks
from tests.world import ROOT, SD15, Hal, environment_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOCUMENTS = ("README.md", "docs/QUICKSTART.md", "docs/recipes.md", "skills/image-generation/SKILL.md")
LIMIT_S = 600

NOT_RUN = {
    "python3 -m tests": "it is what runs this",
}
"""Commands that are left out, each with the reason."""

INSTEAD = {
    " --size 768x512 --steps 30 ": " --size 96x64 --steps 2 ",
    " --size 1024x768 ": " --size 128x96 ",
    " --steps 20 ": " --steps 2 ",
    " KSampler.steps=30 ": " KSampler.steps=1 ",
}
"""What a processor would take minutes for, and what is run in its place."""

MAY_END_WITH = {
    "--timeout 5s --output castle.png": 5,
    "hal_generate_image.py wait": 2,
}
"""Exit codes of commands whose end depends on how fast the machine is: too slow for five seconds, or done by then and
nothing to wait for. All others end with 0."""

STAND_INS = {
    "magick": "from PIL import Image; Image.open(sys.stdin.buffer).resize((64, 64)).save(sys.argv[-1])",
    "feh": "from PIL import Image; Image.open(sys.stdin.buffer).load()",
}
"""Programs of others, which are not on every machine or want a screen: they read the picture as those do."""


class Sandbox(NamedTuple):
    """A folder in which a user could be.

    Attributes:
        folder: the current directory.
        environment: of the shell.
    """

    folder: Path
    environment: dict[str, str]


def script(document: Path) -> Iterator[Block]:
    """The commands of a document: blocks of shell, and what stands behind ``$`` in those that show answers, too."""
    for block in blocks(document):
        if block.language == "sh":
            yield block._replace(text=block.text.replace("\\\n", " "))
        elif not block.language:
            typed = [line.removeprefix("$ ") for line in block.text.splitlines() if line.startswith("$ ")]
            if typed:
                yield block._replace(text="\n".join(typed) + "\n")


def to_run(text: str) -> str:
    """What is run of a block."""
    for shown, run in INSTEAD.items():
        text = text.replace(shown, run)
    return "".join(f"{line}\n" for line in text.splitlines() if line not in NOT_RUN)


@pytest.fixture(scope="module")
def registry(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our registry, in which every model is one small file that is there, and draws at once."""
    file = models_dir / "checkpoints" / SD15
    ours = yaml.safe_load((ROOT / "models.yaml").read_text(encoding="utf-8"))
    sd15 = ours["models"]["sd15"]
    small = {
        **sd15["files"][0],
        "bytes": file.stat().st_size,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
    }
    for name, model in ours["models"].items():
        if name != "doodle" and "defaults" in model:
            model |= {"family": "sd15", "files": [small], "cpu": True}
            model["defaults"] = dict(sd15["defaults"])
        if "defaults" in model:
            model["defaults"] |= {"width": 64, "height": 64, "steps": 1}
    written = tmp_path_factory.mktemp("documented") / "models.yaml"
    written.write_text(json.dumps(ours), encoding="utf-8")
    return written


@pytest.fixture(scope="module")
def environment(
    request: pytest.FixtureRequest, models_dir: Path, registry: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """Programs by their names, a home, and an engine for all documents."""
    folder = tmp_path_factory.mktemp("documented")
    programs = {
        "python3": f'exec "{sys.executable}" "$@"',
        "hal-generate-image": f'exec "{sys.executable}" "{ROOT}/hal_generate_image.py" "$@"',
        **{name: f'exec "{sys.executable}" -c "import sys; {code}" "$@"' for name, code in STAND_INS.items()},
    }
    (folder / "bin").mkdir()
    for name, line in programs.items():
        program = folder / "bin" / name
        program.write_text(f"#!/bin/sh\n{line}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (folder / "home" / "hal" / ".claude").mkdir(parents=True)
    (folder / "home" / "hal" / ".claude" / "state.json").write_text("{}\n")
    world = environment_for(request, "local", models_dir, folder / "state")
    world |= {
        "PATH": f"{folder / 'bin'}{os.pathsep}{world['PATH']}",
        "HOME": str(folder / "home"),
        "HAL_REGISTRY": str(registry),
    }
    yield world
    Hal(world, folder)("stop", "--force", code=None)


@pytest.fixture
def sandbox(environment: dict[str, str], tmp_path: Path) -> Sandbox:
    (tmp_path / "hal_generate_image.py").symlink_to(ROOT / "hal_generate_image.py")
    (tmp_path / "prompts.txt").write_text("a red cube\na green ball\na blue cone\n")
    (tmp_path / "prompt.txt").write_text("a house\n")
    Image.new("RGB", (64, 64), (200, 30, 20)).save(tmp_path / "apple.png")
    sd15 = CASES["sd15"]
    request = sd15.request._replace(prompt="a portrait of {prompt}", negative_prompt="", width=64, height=64)
    graph = build(request, sd15.model, sd15.names).to_prompt()
    (tmp_path / "portrait.json").write_text(json.dumps(graph))
    return Sandbox(tmp_path, environment)


def run(block: Block, sandbox: Sandbox) -> list[str]:
    """Runs a block; each command that failed with its exit code, as ``code command``."""
    failed = sandbox.folder / "failed"
    failed.write_text("")
    head = f'set -o pipefail -E\ntrap \'echo "$? $BASH_COMMAND" >> "{failed}"\' ERR\n'
    done = subprocess.run(
        ["bash", "-c", head + to_run(block.text)],
        env=sandbox.environment,
        cwd=sandbox.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_S,
    )
    sys.stderr.write(f"--- {block.page.name}:{block.line}\n{block.text}{done.stderr}\n")
    assert "command not found" not in done.stderr
    assert "syntax error" not in done.stderr
    return failed.read_text().splitlines()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_do_what_is_said(document: str, sandbox: Sandbox) -> None:
    for block in script(ROOT / document):
        for line in run(block, sandbox):
            code, _, command = line.partition(" ")
            allowed = [end for part, end in MAY_END_WITH.items() if part in command]
            assert int(code) in allowed, f"{document}:{block.line}: {line}"
        for name in re.findall(r"--output ([\w/.-]+\.png)", block.text):
            if "--dry-run" not in block.text and f"--output {name}" not in " ".join(MAY_END_WITH):
                with Image.open(sandbox.folder / name) as picture:
                    picture.load()
    if document == "docs/recipes.md":
        look_at_what_the_recipes_made(sandbox.folder)


def look_at_what_the_recipes_made(folder: Path) -> None:
    page = (folder / "gallery" / "index.html").read_text()
    shown = re.findall(r'<img src="([^"]+)" alt="\1">', page)
    assert shown == [f"{colour}-{thing}.png" for thing in ("house", "car", "tree") for colour in ("red", "blue")]
    assert all((folder / "gallery" / name).is_file() for name in shown)
    with Image.open(folder / "apple.webp") as picture:
        assert (picture.format, picture.size) == ("WEBP", (64, 64))
    assert (folder / "apple.txt").read_text().startswith("iVBORw0KGgo"), "PNG in base64"
    assert (folder / "latest.png").read_bytes() == (folder / "boat.png").read_bytes()
    assert json.loads((folder / "tower.json").read_text())["ok"] is True
    balls = [json.loads(line) for line in (folder / "balls.jsonl").read_text().splitlines()]
    assert [ball["ok"] for ball in balls] == [True, False]
    assert sorted(file.name for file in (folder / "cups").iterdir()) == [
        "a blue cup.png",
        "a green cup.png",
        "a red cup.png",
    ]


def test_nothing_is_left_out_or_replaced_that_is_not_there() -> None:
    texts = [block.text for document in DOCUMENTS for block in script(ROOT / document)]
    lines = [line for text in texts for line in text.splitlines()]
    assert [line for line in NOT_RUN if line not in lines] == []
    assert all(NOT_RUN.values())
    assert [part for part in (*INSTEAD, *MAY_END_WITH) if not any(part in line for line in lines)] == []


def test_commands_are_found() -> None:
    for document in DOCUMENTS:
        texts = [block.text for block in script(ROOT / document)]
        assert sum(text.count("hal_generate_image.py") + text.count("hal-generate-image") for text in texts) > 5
