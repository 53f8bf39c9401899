"""``--json`` is one object on standard output however a command ends, also where it ends before it has begun."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hal_image.host.command_arguments import COMMANDS
from hal_image.host.result import MOST_TEXT
from tests.contract.answers import check_answer

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "hal_generate_image.py"

OTHER_SYSTEM = """
import os, sys
{change}
sys.argv = [{script!r}, *sys.argv[1:]]
exec(compile(open({script!r}).read(), {script!r}, "exec"), {{"__name__": "__main__", "__file__": {script!r}}})
"""

SIGNALLED = """
import os, sys
sys.path.insert(0, {root!r})

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), {number})

sys.meta_path.insert(0, Finder())
from hal_image.start import main
sys.exit(main(sys.argv[1:], {script!r}))
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A machine of its own, on which the running Python is the one that is used."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HAL_", "XDG_", "LC_", "LANG"))}
    return {
        **kept,
        "HAL_NO_VENV": "1",
        "HAL_STATE_DIR": str(tmp_path / "state"),
        "HAL_MODELS_DIR": str(tmp_path / "models"),
        "HAL_REGISTRY": "",
        "HAL_ENGINE": "local",
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }


def answer(
    *argv: str | bytes, environment: dict[str, str], command: tuple[str, ...] = (sys.executable, str(SCRIPT))
) -> tuple[int, dict[str, Any]]:
    """The exit code and the one object of a call."""
    done = subprocess.run(
        [*command, *argv], env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=120
    )
    assert b"Traceback" not in done.stderr
    (line,) = done.stdout.splitlines()
    told: dict[str, Any] = json.loads(line)
    check_answer(told)
    assert (told["error"] is None) is (done.returncode == 0)
    assert told["error"] is None or told["error"]["exit_code"] == done.returncode
    return done.returncode, told


def calls() -> Iterator[tuple[str, ...]]:
    """A call of every command that needs no engine, or fails without one."""
    known = {
        "models": ("models", "list"),
        "serve": ("serve", "--offline"),
        "info": ("info", "/no/such.png"),
        "upscale": ("upscale", "/no/such.png"),
    }
    yield from (known.get(name, (name,)) for name in COMMANDS)
    yield ("-p", "x", "-m", "doodle", "--offline", "-o", "x.png")
    yield ("-p", "x", "-m", "doodle", "--dry-run", "-o", "x.png")
    yield ("-p", "x", "-m", "doodle", "--dry-run", "-o", "x.png", "--hires", "1.5", "--upscale", "4")
    yield ("upscale", str(ROOT / "docs" / "images" / "doodle.jpg"), "--scale", "4", "--dry-run", "-o", "x.png")


@pytest.mark.parametrize("argv", [*calls()], ids=" ".join)
def test_every_command(argv: tuple[str, ...], environment: dict[str, str]) -> None:
    _, told = answer(*argv, "--json", environment=environment)
    assert told["command"] == (argv[0] if argv[0] in COMMANDS else "generate")


@pytest.mark.parametrize(
    "argv",
    [("serve", "--offline"), ("models", "show", "sd"), ("-p", "x", "-m", "doodle", "--offline"), ("--steps", "x")],
)
def test_the_last_line_of_jsonl_is_the_object(argv: tuple[str, ...], environment: dict[str, str]) -> None:
    code, told = answer(*argv, "--jsonl", environment=environment)
    assert code
    assert told["ok"] is False


def test_json_and_jsonl_exclude_each_other(environment: dict[str, str]) -> None:
    code, told = answer("-p", "x", "--json", "--jsonl", environment=environment)
    assert (code, told["error"]["code"]) == (2, "usage")
    assert "--jsonl alone" in told["error"]["hint"]


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["--no-such-option"], "usage"),
        (["paint", "a", "cat"], "unknown_command"),
        (["-p"], "usage"),
        (["doctor", "--steps", "4"], "usage"),
        ([b"caf\xe9"], "unknown_command"),
        ([b"-p", b"caf\xe9"], "prompt_unreadable"),
        (["info", b"/caf\xe9.png"], "image_unreadable"),
        (["upscale", b"/caf\xe9.png"], "input_unreadable"),
        (["upscale", str(SCRIPT)], "input_not_a_picture"),
        (["-p", "x", "--upscale", "3"], "usage"),
        (["-p", "x", "--hires", "1"], "usage"),
        (["-p", "x", "-m", "doodle", "--size", "8192", "--hires", "4", "--dry-run"], "size_too_large"),
        (["-p", "x", "-m", "doodle", "--size", "4112", "--upscale", "4:lanczos", "--dry-run"], "size_too_large"),
    ],
)
def test_typing_errors(argv: list[str | bytes], code: str, environment: dict[str, str]) -> None:
    exit_code, told = answer(*argv, "--json", environment=environment)
    assert (exit_code, told["error"]["code"]) == (2, code)


def test_what_was_typed_makes_no_long_answer(environment: dict[str, str]) -> None:
    book = "a cat, " * 10_000
    for argv in ([book], ["-p", "x", book], ["-p", "x", "--size", book], ["-p", "x", "-m", book]):
        _, told = answer(*argv, "--json", environment=environment)
        assert len(json.dumps(told)) < 5000, argv[0]


def test_a_long_prompt_is_not_repeated_whole(environment: dict[str, str]) -> None:
    book, other = "ein \N{CAT FACE}, " * 10_000, "x" * MOST_TEXT
    argv = ("-p", book, "-n", other, "-m", "doodle", "--dry-run", "-o", "x.png", "--json")
    _, told = answer(*argv, environment=environment)
    request = told["data"]["request"]
    assert request["prompt"] == book[:MOST_TEXT]
    assert request["negative_prompt"] == other
    assert request["cut"] == {"prompt": len(book)}


@pytest.mark.parametrize(
    ("change", "code"),
    [("sys.version_info = (3, 9, 18, 'final', 0)", "python_too_old"), ("os.name = 'nt'", "system_unsupported")],
)
@pytest.mark.parametrize("form", ["--json", "--jsonl"])
def test_where_it_cannot_run(change: str, code: str, form: str, environment: dict[str, str]) -> None:
    command = (sys.executable, "-c", OTHER_SYSTEM.format(change=change, script=str(SCRIPT)))
    exit_code, told = answer("models", form, environment=environment, command=command)
    assert (exit_code, told["error"]["code"], told["command"]) == (3, code, "models")


@pytest.mark.parametrize("module", ["hal_image.host.main", "hal_image.host.render", "hal_image.host.commands.ps"])
@pytest.mark.parametrize(("number", "code"), [(2, 130), (15, 143), (1, 129)])
def test_a_signal_while_it_is_imported(module: str, number: int, code: int, environment: dict[str, str]) -> None:
    source = SIGNALLED.format(root=str(ROOT), module=module, number=number, script=str(SCRIPT))
    exit_code, told = answer("ps", "--json", environment=environment, command=(sys.executable, "-c", source))
    assert (exit_code, told["error"]["code"]) == (code, "interrupted")


@pytest.mark.parametrize("number", [2, 15])
def test_a_signal_while_its_venv_is_made(number: int, environment: dict[str, str]) -> None:
    del environment["HAL_NO_VENV"]
    module = "hal_image.install.host_env"
    source = SIGNALLED.format(root=str(ROOT), module=module, number=number, script=str(SCRIPT))
    exit_code, told = answer("ps", "--json", environment=environment, command=(sys.executable, "-c", source))
    assert (exit_code, told["error"]["code"]) == (128 + number, "interrupted")


def test_without_a_venv_that_can_be_made(environment: dict[str, str]) -> None:
    del environment["HAL_NO_VENV"]
    for form in ("--json", "--jsonl"):
        code, told = answer("-p", "x", "--offline", form, environment=environment)
        assert (code, told["error"]["code"]) == (3, "offline_not_prepared")


@pytest.mark.parametrize(
    "locale",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "no_SUCH.locale"},
        {"PYTHONIOENCODING": "ascii:strict"},
        {"PYTHONIOENCODING": "utf-16"},
    ],
    ids=str,
)
def test_in_any_locale(locale: dict[str, str], environment: dict[str, str]) -> None:
    environment |= locale
    code, told = answer("info", "/W\N{LATIN SMALL LETTER U WITH DIAERESIS}rfel.png", "--json", environment=environment)
    assert (code, told["error"]["code"]) == (2, "image_unreadable")
    plain = subprocess.run([sys.executable, SCRIPT, "models"], env=environment, capture_output=True, check=False)
    assert (plain.returncode, b"Traceback" in plain.stderr) == (0, False)


def test_closed_standard_output_is_an_exit_code(environment: dict[str, str]) -> None:
    for argv in (["ps", "--json"], ["--steps", "x", "--json"]):
        done = subprocess.run(
            ["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, SCRIPT, *argv],
            env=environment, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode in {1, 2}
        assert b"Traceback" not in done.stderr


def test_a_directory_that_is_gone(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    command = ("sh", "-c", 'cd "$0" && rmdir "$0" && exec "$@"', str(tmp_path / "gone"), sys.executable, str(SCRIPT))
    argv = ("-p", "x", "-m", "doodle", "--dry-run", "-o", "x.png", "--json")
    code, told = answer(*argv, environment=environment, command=command)
    assert (code, told["error"]["code"]) == (3, "directory_gone")
