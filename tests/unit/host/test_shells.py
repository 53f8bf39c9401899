"""Completion in real shells: what is typed into them, and what they make of it."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hal_image.host import shell_scripts

ROOT = Path(__file__).parents[3]
SHELLS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
LIMIT_S = 60.0


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Nothing of the real user's folders; the programs by their names, in a folder whose name has a blank."""
    programs = tmp_path / "my programs"
    programs.mkdir()
    for name in shell_scripts.NAMES:
        (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable} "{ROOT}/hal_generate_image.py" "$@"\n')
        (programs / name).chmod(0o755)
    return {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "HAL_STATE_DIR": str(tmp_path / "state"),
        "HAL_NO_VENV": "1",
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "TERM": "dumb",
        "PS1": "> ",
    }


def needs(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")


def typed(shell: str, environment: dict[str, str], folder: Path, keys: str, until: str) -> str:
    """What a terminal shows when ``keys`` are typed into a shell, up to ``until``."""
    # pty.fork() by itself would fork pytest, which may have threads
    terminal = [sys.executable, "-c", "import pty, sys; pty.spawn(sys.argv[1:])", *SHELLS[shell]]
    with subprocess.Popen(
        terminal, env=environment, cwd=folder, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        shown = ""
        try:
            process.stdin.write(keys.encode())
            end = time.monotonic() + LIMIT_S
            while until not in shown:
                ready, _, _ = select.select([process.stdout], [], [], end - time.monotonic())
                assert ready, f"{shell} shows only {shown!r}"
                piece = os.read(process.stdout.fileno(), 4096)
                assert piece, f"{shell} has ended: {shown!r}"
                shown += piece.decode(errors="replace").replace("\a", "")
        finally:
            process.kill()  # the shell goes with its terminal
    return shown


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("hal-generate-image --model flux-s", "flux-schnell"),
        ("HAL-generate-image.py --scheduler kl_", "kl_optimal"),
        ("./my\\ programs/hal_generate_image.py --no-down", "--no-download"),
        ("hal_generate_image.py hal8000 unreg", "unregister"),
        ("hal-generate-image --prompt 'two words' --output my-pic", "my-pictures"),
    ],
)
def test_a_tab_completes_the_word(
    shell: str, environment: dict[str, str], tmp_path: Path, line: str, word: str
) -> None:
    needs(shell)
    (tmp_path / "my-pictures").mkdir()
    script = tmp_path / "script"
    script.write_text(shell_scripts.script(shell))
    before = "autoload -Uz compinit; compinit -u -D; " if shell == "zsh" else ""
    keys = f"{before}. ./script\n{line}\t"
    typed(shell, environment, tmp_path, keys, word)


def test_bash_is_given_all_that_fits(environment: dict[str, str]) -> None:
    needs("bash")
    code = (
        f"{shell_scripts.script('bash')}\n"
        "COMP_WORDS=(hal-generate-image --model = sd3); COMP_CWORD=3; _hal_generate_image hal-generate-image\n"
        'printf "%s\\n" "${COMPREPLY[@]}"; complete -p hal_generate_image.py'
    )
    run = subprocess.run(["bash", "--norc", "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == [
        "sd35-medium",
        "sd35-large",
        "complete -F _hal_generate_image hal_generate_image.py",
    ]
    assert run.stderr == ""


def test_fish_shows_what_words_mean(environment: dict[str, str], tmp_path: Path) -> None:
    needs("fish")
    (tmp_path / "script").write_text(shell_scripts.script("fish"))
    code = 'source ./script; complete -C "hal-generate-image --model sd3"; complete -C "hal-generate-image info scr"'
    run = subprocess.run(
        ["fish", "--no-config", "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    lines = run.stdout.splitlines()
    assert [re.split(r"\t", line)[0] for line in lines] == ["sd35-large", "sd35-medium", "script"]
    assert "Stable Diffusion 3.5 Large" in lines[0]
    assert run.stderr == ""


def test_where_the_program_that_is_typed_is_not_found_the_one_that_wrote_the_script_is_asked(
    environment: dict[str, str],
) -> None:
    needs("bash")
    code = (
        f"{shell_scripts.script('bash')}\n"
        'COMP_WORDS=(nowhere/hal_generate_image.py --scheduler kl_); COMP_CWORD=2; _hal_generate_image "$COMP_WORDS"\n'
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    run = subprocess.run(["bash", "--norc", "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout == "kl_optimal\n"
