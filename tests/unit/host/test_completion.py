from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hal_image.host import shell_scripts
from hal_image.host.arguments import generate_parser
from hal_image.host.command_arguments import COMMANDS, command_parser
from hal_image.host.completion import following
from hal_image.models.registry import default_registry_path, load_registry
from hal_image.request import SAMPLERS, SCHEDULERS

if TYPE_CHECKING:
    import argparse

MODELS = list(load_registry(default_registry_path()).models)


@pytest.fixture(autouse=True)
def _own_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAL_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("HAL_REGISTRY", "")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def test_upscalers_are_completed_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAL_MODELS_DIR", str(tmp_path))
    (tmp_path / "upscale_models").mkdir()
    (tmp_path / "upscale_models" / "sharp.safetensors").touch()
    assert texts("upscale", "x.png", "--scale", "") == ["2", "4"]
    assert texts("upscale", "x.png", "--upscaler", "") == ["realesrgan-x4", "sharp", "lanczos"]
    assert texts("--upscale", "4") == ["4", "4:realesrgan-x4", "4:sharp", "4:lanczos"]
    assert texts("upscale", "") == [":files"]


def test_loras_are_completed_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAL_MODELS_DIR", str(tmp_path))
    (tmp_path / "loras" / "styles").mkdir(parents=True)
    (tmp_path / "loras" / "styles" / "ink.safetensors").touch()
    assert texts("--lora", "") == ["styles/ink"]
    assert texts("batch", "x", "--lora", "sty") == ["styles/ink"]


def texts(*words: str) -> list[str]:
    return [word.text for word in following(words)]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], [*COMMANDS]),
        ([""], [*COMMANDS]),
        (["ser"], ["serve"]),
        (["a prompt", ""], []),
        (["--model", ""], MODELS),
        (["-m", "flux-s"], ["flux-schnell"]),
        (["--model", "=", "flux-s"], ["flux-schnell"]),
        (["--model", "="], MODELS),
        (["--model=flux-s"], ["--model=flux-schnell"]),
        (["--sampler", ""], [*SAMPLERS]),
        (["-p", "--model", "--scheduler", ""], [*SCHEDULERS]),
        (["--engine", "d"], ["docker"]),
        (["--prompt", ""], []),
        (["--cpu", "--prompt", "x", ""], []),
        (["-o", "pic"], [":files"]),
        (["--output=pic"], []),
        (["--models-dir", ""], [":folders"]),
        (["info", ""], [":files"]),
        (["models", "p"], ["pull", "prune"]),
        (["models", "pull", "flux-s"], ["flux-schnell"]),
        (["models", "pull", "sdxl", "--engine", "local", "flux-s"], ["flux-schnell"]),
        (["models", "add", ""], [":files"]),
        (["models", "import", ""], [":folders"]),
        (["models", "list", ""], []),
        (["hal8000", "un"], ["unregister"]),
        (["hal8000", "register", "--bump", "m"], ["major", "minor"]),
        (["ps", ""], []),
        (["ps", "--js"], ["--json"]),
    ],
)
def test_what_may_come_next(words: list[str], expected: list[str]) -> None:
    assert texts(*words) == expected


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_every_option_is_offered_with_what_it_means(command: str | None) -> None:
    parser: argparse.ArgumentParser = command_parser(command, "hal") if command else generate_parser("hal")
    offered = {word.text: word.about for word in following([*([command] if command else []), "-"])}
    assert offered.keys() == {name for action in parser._actions for name in action.option_strings}
    assert offered["--json"]
    assert not any("\n" in text or "\t" in text or "%(" in text for text in offered.values())


def test_names_of_models_come_with_what_they_are_and_a_wrong_registry_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert all(word.about for word in following(["--model", ""]))
    (tmp_path / "wrong.yaml").write_text("models: [")
    monkeypatch.setenv("HAL_REGISTRY", str(tmp_path / "wrong.yaml"))
    assert texts("--model", "") == []


def test_the_scripts_name_every_file_that_is_the_program() -> None:
    root = Path(__file__).parents[3]
    files = {path.name for path in root.iterdir() if path.name.lower().replace("_", "-").startswith("hal-generate")}
    assert files < {*shell_scripts.NAMES}
    for shell in shell_scripts.SCRIPTS:
        text = shell_scripts.script(shell)
        assert "@" not in text.replace("$@", "").replace("[@]", "").replace("(@", "")
        assert str(root / "hal_generate_image.py") in text
