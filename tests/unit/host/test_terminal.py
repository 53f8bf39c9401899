"""What reaches a real terminal when names, texts and pictures are somebody else's."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from hal_image.host.render import printable

ROOT = Path(__file__).resolve().parents[3]
PNG = (ROOT / "docs" / "images" / "robot.png").read_bytes()
EVIL = "\x1b]0;pwned\x07\x1b[2J\x9b31m\u202e\u2066\u200f\x08\r"


def on_a_terminal(tmp_path: Path, *arguments: str) -> str:
    """What the command writes when standard output and standard error are a terminal."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HAL_")}
    environment |= {
        "HAL_NO_VENV": "1",
        "HAL_STATE_DIR": str(tmp_path / "state"),
        "HAL_MODELS_DIR": str(tmp_path / "models"),
        "HAL_REGISTRY": str(tmp_path / "models.yaml") if (tmp_path / "models.yaml").exists() else "",
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "HAL_DOCKER": "/none",
    }
    master, slave = pty.openpty()
    command = [sys.executable, str(ROOT / "hal_generate_image.py"), *arguments]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=slave, stderr=slave, env=environment, cwd=tmp_path
    )
    os.close(slave)
    seen = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # Linux's way of saying that the other side is closed
            break
        if not piece:
            break
        seen += piece
    os.close(master)
    process.wait(30)
    return seen.decode("utf-8", "backslashreplace").replace("\r\n", "\n")


def assert_tame(seen: str) -> None:
    assert "pwned" in seen
    assert [c for c in seen if not c.isprintable() and c != "\n"] == []


def test_marks_that_turn_the_direction_are_shown_too() -> None:
    assert printable("a\u202eb\u2066c\u200ed") == r"a\u202eb\u2066c\u200ed"


def test_texts_of_a_picture(tmp_path: Path) -> None:
    info = PngInfo()
    info.add_itxt("hal8000", json.dumps({"request": {"prompt": EVIL, EVIL: 1}, "model": {"files": [{"name": EVIL}]}}))
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, "PNG", pnginfo=info)
    (tmp_path / "x.png").write_bytes(stream.getvalue())
    assert_tame(on_a_terminal(tmp_path, "info", "x.png"))
    info = PngInfo()
    info.add_itxt("parameters", f"a cube {EVIL}\nSteps: 1")
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, "PNG", pnginfo=info)
    (tmp_path / "x.png").write_bytes(stream.getvalue())
    assert_tame(on_a_terminal(tmp_path, "info", "x.png"))


def test_names_of_files(tmp_path: Path) -> None:
    name = f"{EVIL}.png"
    assert_tame(on_a_terminal(tmp_path, "info", name))
    (tmp_path / name).write_bytes(PNG)
    assert_tame(on_a_terminal(tmp_path, "info", name))
    (tmp_path / "here").mkdir()
    folder = tmp_path / "here" / EVIL.replace("\r", "")
    folder.mkdir()
    assert_tame(on_a_terminal(folder, "--model", "doodle", "--prompt", "pwned", "--dry-run", "-o", "x.png"))


@pytest.mark.parametrize("arguments", [("models", "list"), ("models", "show", "evil"), ("doctor",)])
def test_a_registry(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    file = {
        "role": "checkpoint", "folder": "checkpoints", "name": "pwned\u202e\x9b.safetensors", "bytes": 1,
        "sha256": "a" * 64, "licence": EVIL, "sources": [{"url": "https://example.org/x"}],
    }  # fmt: skip
    defaults = {"width": 64, "height": 64, "steps": 1, "cfg": 1, "sampler": "euler", "scheduler": "normal"}
    evil = {"description": EVIL, "family": "sd15", "min_vram_gb": 1, "files": [file], "defaults": defaults}
    document = {"models": {"evil": evil}, "default": "evil"}
    (tmp_path / "models.yaml").write_text(json.dumps(document), encoding="utf-8")
    (tmp_path / "models" / "checkpoints").mkdir(parents=True)
    (tmp_path / "models" / "checkpoints" / file["name"]).touch()  # type: ignore[operator]
    seen = on_a_terminal(tmp_path, *arguments)
    assert [c for c in seen if not c.isprintable() and c != "\n"] == []
    assert "evil" in seen


@pytest.mark.parametrize(
    "arguments",
    [(EVIL,), (f"--{EVIL}",), ("--model", EVIL, "-p", "x"), ("-p", EVIL, "-o", f"{EVIL}.png"), ("--sampler", EVIL)],
)
def test_what_was_typed(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert_tame(on_a_terminal(tmp_path, *arguments))
