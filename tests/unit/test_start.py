"""The way from the checkout's script to the command line."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hal_image import about, start
from hal_image.errors import EnvironmentError_
from hal_image.install import host_env, where

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "hal_generate_image.py"


class Became(Exception):
    """Not an error: what execv would have become."""

    def __init__(self, python: str, argv: list[str]) -> None:
        super().__init__(python)
        self.python = python
        self.argv = argv


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.delenv("HAL_NO_VENV", raising=False)
    monkeypatch.setenv("HAL_STATE_DIR", str(tmp_path / "state"))

    def become(python: str, argv: list[str]) -> None:
        raise Became(python, argv)

    monkeypatch.setattr(os, "execv", become)
    return tmp_path / "state"


def ready_venv(python: str = sys.executable, kind: str = "host") -> Path:
    venv = Path(where.venv_dir(kind))
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(python)
    (venv / where.READY).write_text("{}")
    return venv


def run(*argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The real script under this Python, which is not the host's venv."""
    return subprocess.run(
        [sys.executable, str(SCRIPT), *argv],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
        timeout=60,
    )


def test_version_needs_nothing(state: Path) -> None:
    result = run("--version")
    assert (result.returncode, result.stdout, result.stderr) == (0, f"hal-generate-image {about.version()}\n", "")
    assert not state.exists()


def test_help_is_answered_without_a_second_python() -> None:
    ready_venv("/bin/false")
    result = run("--help")
    assert result.returncode == 0
    assert result.stdout.startswith("usage: hal_generate_image.py")


def test_a_prompt_is_not_taken_for_help() -> None:
    ready_venv()
    with pytest.raises(Became):
        start.main(["-o", "x.png", "--prompt=-h"], str(SCRIPT))


def test_help_and_typing_errors_prepare_nothing(state: Path) -> None:
    result = run("--help")
    assert result.returncode == 0
    assert result.stdout.startswith("usage: hal_generate_image.py")
    result = run("--no-such-option")
    assert result.returncode == 2
    assert result.stdout == ""
    assert "error:" in result.stderr
    assert not state.exists()


def test_a_tab_prepares_nothing(state: Path) -> None:
    result = run("completion", "next", "--words", "--scheduler", "kl_")
    assert (result.returncode, result.stdout, result.stderr) == (0, "kl_optimal\n", "")
    result = run("completion", "next", "--words", "--model", "")
    assert (result.returncode, result.stderr) == (0, "")
    assert not (state / "venvs").exists()


def test_what_is_imported_on_the_usual_way() -> None:
    ready_venv()
    code = """
import os, sys
before = set(sys.modules)
def become(python, argv):
    print(*sorted(set(sys.modules) - before))
    sys.exit(0)
os.execv = become
sys.path.insert(0, sys.argv[1])
from hal_image.start import main
main(["--prompt", "x"], "script.py")
"""
    # -S: what a venv's own start-up imports is not ours to count
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(ROOT)], capture_output=True, text=True, check=True
    )
    allowed = {"__future__", "zlib"}
    assert {name for name in result.stdout.split() if not name.startswith("hal_image")} <= allowed
    heavy = {"hal_image.errors", "hal_image.paths", "hal_image.host"}
    assert not heavy & set(result.stdout.split())


def test_what_takes_long_to_import_no_warm_call_does() -> None:
    code = """
import sys
import hal_image.host.commands.generate, hal_image.host.engines.local, hal_image.host.included_model
import hal_image.host.main, hal_image.host.session
print(*sorted(sys.modules))
"""
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}){code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    slow = {"dataclasses", "inspect", "shutil", "subprocess", "tempfile", "uuid", "yaml", "PIL", "hashlib", "difflib"}
    assert not slow & set(result.stdout.split())


def test_a_ready_venv_is_become() -> None:
    venv = ready_venv()
    with pytest.raises(Became) as caught:
        start.main(["-p", "a b"], "/checkout/hal_generate_image.py")
    python = str(venv / "bin" / "python")
    assert caught.value.python == python
    assert caught.value.argv == [python, "-I", "/checkout/hal_generate_image.py", "-p", "a b"]


def test_a_missing_venv_is_prepared_first(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    calls: list[dict[str, object]] = []

    def prepare(report: object, **options: object) -> Path:
        calls.append(options)
        assert callable(report)
        report("preparing the command line: something")
        return ready_venv() / "bin" / "python"

    monkeypatch.setattr(host_env, "prepare_host", prepare)
    before = time.monotonic()
    with pytest.raises(Became):
        start.main(["-p", "x", "-o", "x.png", "--timeout", "90"], str(SCRIPT))
    (options,) = calls
    assert options["offline"] is False
    deadline = options["deadline"]
    assert isinstance(deadline, float)
    assert before + 89 < deadline < before + 100
    captured = capsys.readouterr()
    assert captured.err == "preparing the command line: something\n"
    assert captured.out == ""


def test_the_mcp_server_has_a_venv_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds: list[object] = []

    def prepare(report: object, *, kind: str, **options: object) -> Path:
        kinds.append(kind)
        return ready_venv(kind=kind) / "bin" / "python"

    monkeypatch.setattr(host_env, "prepare_host", prepare)
    with pytest.raises(Became) as caught:
        start.main(["mcp"], str(SCRIPT))
    assert caught.value.python == str(Path(where.venv_dir("mcp")) / "bin" / "python")
    with pytest.raises(Became) as caught:
        start.main(["-p", "mcp"], str(SCRIPT))
    assert caught.value.python == str(Path(where.venv_dir("host")) / "bin" / "python")
    assert kinds == ["mcp", "host"]
    monkeypatch.setattr(sys, "prefix", where.venv_dir("mcp"))
    monkeypatch.setattr("hal_image.host.main.main", lambda argv: 40 + len(argv))
    assert start.main(["mcp", "-q"], str(SCRIPT)) == 42
    with pytest.raises(Became):  # a call that the server makes
        start.main(["models", "list"], str(SCRIPT))


def test_quiet_is_quiet(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def prepare(report: object, **_: object) -> Path:
        assert callable(report)
        report("preparing")
        return ready_venv() / "bin" / "python"

    monkeypatch.setattr(host_env, "prepare_host", prepare)
    with pytest.raises(Became):
        start.main(["-p", "x", "-q"], str(SCRIPT))
    assert capsys.readouterr().err == ""


def test_offline(state: Path) -> None:
    result = run("-p", "x", "--offline", "--json")
    assert result.returncode == 3
    assert json.loads(result.stdout)["error"]["code"] == "offline_not_prepared"
    assert not state.exists()


def test_a_failed_preparation_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def prepare(*_: object, **__: object) -> Path:
        raise EnvironmentError_("no index", code="index_unreachable", hint="do this")

    monkeypatch.setattr(host_env, "prepare_host", prepare)
    assert start.main(["-p", "x"], str(SCRIPT)) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == ["error: no index", "hint: do this"]


def test_ctrl_c_while_preparing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def prepare(*_: object, **__: object) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(host_env, "prepare_host", prepare)
    assert start.main(["-p", "x"], str(SCRIPT)) == 128 + signal.SIGINT
    assert "Traceback" not in capsys.readouterr().err


def test_inside_the_venv_the_host_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", where.venv_dir("host"))
    monkeypatch.setattr("hal_image.host.main.main", lambda argv: 40 + len(argv))
    assert start.main(["-p", "x"], str(SCRIPT)) == 42


def test_no_venv_runs_this_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAL_NO_VENV", "1")
    monkeypatch.setattr("hal_image.host.main.main", lambda argv: 40 + len(argv))
    assert start.main(["-p", "x"], str(SCRIPT)) == 42


@pytest.mark.parametrize("value", ["", "0"])
def test_no_venv_switched_off(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("HAL_NO_VENV", value)
    ready_venv()
    with pytest.raises(Became):
        start.main(["-p", "x"], str(SCRIPT))


def test_no_venv_without_the_modules(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("HAL_NO_VENV", "1")
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in {"yaml", "websocket"} else real(name))
    assert start.main(["-p", "x", "--json"], str(SCRIPT)) == 3
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "host_modules_missing"
    assert error["details"]["missing"] == ["PyYAML", "websocket-client"]
    assert "-m pip install PyYAML websocket-client" in error["hint"]
    assert start.main(["--help"], str(SCRIPT)) == 0
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "mcp" else real(name))
    assert start.main(["mcp"], str(SCRIPT)) == 3
    assert "lacks mcp, and HAL_NO_VENV" in capsys.readouterr().err


def test_a_venv_that_cannot_be_started(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    venv = ready_venv()

    def refuse(*_: object) -> None:
        raise OSError(8, "Exec format error")

    monkeypatch.setattr(os, "execv", refuse)
    assert start.main(["-p", "x", "--json"], str(SCRIPT)) == 3
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "host_venv_broken"
    assert "Exec format error" in error["message"]
    assert f"rm -r '{venv}'" in error["hint"]


def test_a_venv_that_does_not_know_itself_is_no_endless_loop(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    venv = ready_venv()  # e.g. its pyvenv.cfg was removed: the same Python comes up outside of it
    monkeypatch.setattr(sys, "executable", str(venv / "bin" / "python"))
    assert start.main(["-p", "x"], str(SCRIPT)) == 3
    assert f"rm -r '{venv}'" in capsys.readouterr().err


def test_an_old_python_is_told_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    source = SCRIPT.read_text(encoding="ascii")  # Python 2 takes nothing else without a declaration
    ast.parse(source, feature_version=(3, 4))
    monkeypatch.setattr(sys, "version_info", (3, 9, 18, "final", 0))
    with pytest.raises(SystemExit) as caught:
        exec(compile(source, str(SCRIPT), "exec"), {"__name__": "__main__", "__file__": str(SCRIPT)})
    assert caught.value.code == 3
    assert "3.10 or newer" in capsys.readouterr().err


def test_through_a_link_and_from_anywhere(tmp_path: Path) -> None:
    (tmp_path / "draw").symlink_to(SCRIPT)
    result = subprocess.run(
        [sys.executable, "-I", "draw", "--version"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert result.stdout == f"hal-generate-image {about.version()}\n"


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["models", "list"], ["models", "list", "--json"]])
def test_standard_output_that_takes_nothing_is_a_failure_and_no_traceback(arguments: list[str]) -> None:
    environment = {**os.environ, "HAL_NO_VENV": "1"}
    command = [sys.executable, str(SCRIPT), *arguments]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, env=environment, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
