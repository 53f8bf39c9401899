from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hal_image.errors import TimeoutError_
from hal_image.install import process
from hal_image.locking import try_lock

ROOT = Path(__file__).parents[3]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "step.log"


def module(folder: Path, code: str) -> list[str]:
    """A command that runs ``code`` as a module on a lifeline."""
    (folder / "step.py").write_text(code)
    python, *rest = process.module_command(sys.executable, "step")
    assert rest[0] == "-I"
    return [python, *rest[1:]]  # isolated, it would not find the module


def environment(folder: Path) -> dict[str, str]:
    return {**process.clean_environment(folder), "PYTHONPATH": str(folder)}


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until_dead(pid: int) -> None:
    end = time.monotonic() + 10
    while alive(pid):
        assert time.monotonic() < end, f"process {pid} survived"
        time.sleep(0.02)


def wait_for(path: Path) -> str:
    end = time.monotonic() + 20
    while not path.exists() or not path.read_text().endswith("\n"):
        assert time.monotonic() < end, f"{path} never came"
        time.sleep(0.02)
    return path.read_text().strip()


def test_lines_status_and_log(tmp_path: Path, log: Path) -> None:
    code = "import sys\nprint('one')\nprint('two ', file=sys.stderr)\nsys.stdout.write('no end')\nsys.exit(7)"
    lines: list[str] = []
    status = process.run(
        module(tmp_path, code), what="testing", log=log, environment=environment(tmp_path), on_line=lines.append
    )
    assert status == 7
    assert sorted(lines) == ["one", "two"]
    text = log.read_text()
    assert text.startswith(f"$ {sys.executable}")
    assert "killpg" not in text  # the lifeline's code is nothing for a reader of the log
    assert "no end" in text


def test_the_log_keeps_earlier_steps(tmp_path: Path, log: Path) -> None:
    for word in ("first", "second"):
        process.run(["echo", word], what="testing", log=log, environment=environment(tmp_path))
    assert log.read_text().splitlines() == ["$ echo first", "first", "$ echo second", "second"]


def test_a_program_that_is_not_there(tmp_path: Path, log: Path) -> None:
    with pytest.raises(FileNotFoundError):
        process.run([str(tmp_path / "missing")], what="testing", log=log, environment={})


SLEEPER = """
import os, subprocess, sys, time
child = subprocess.Popen(["sleep", "60"])
with open(sys.argv[0] + ".pids", "w") as stream:
    stream.write(f"{os.getpid()} {child.pid}\\n")
time.sleep(60)
"""


def test_the_deadline_ends_all_of_it(tmp_path: Path, log: Path) -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError_) as caught:
        process.run(
            module(tmp_path, SLEEPER),
            what="testing",
            log=log,
            environment=environment(tmp_path),
            deadline=began + 1.5,
        )
    assert 1.4 < time.monotonic() - began < 6
    assert caught.value.code == "prepare_timeout"
    assert "testing took longer" in caught.value.message
    for pid in (tmp_path / "step.py.pids").read_text().split():
        wait_until_dead(int(pid))


def test_an_exception_ends_all_of_it(tmp_path: Path, log: Path) -> None:
    pids = tmp_path / "step.py.pids"

    def stop() -> None:
        if pids.exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        process.run(
            module(tmp_path, SLEEPER), what="testing", log=log, environment=environment(tmp_path), on_second=stop
        )
    for pid in wait_for(pids).split():
        wait_until_dead(int(pid))


PARENT = """
import sys
from pathlib import Path
from hal_image.install import process
from hal_image.locking import try_lock
folder = Path(sys.argv[1])
command = [word for word in process.module_command(sys.executable, "step") if word != "-I"]
environment = {**process.clean_environment(folder), "PYTHONPATH": str(folder)}
process.run(command, what="testing", log=folder / "log", environment=environment, lock=try_lock(folder / "lock"))
"""


def test_when_we_are_killed_it_dies_and_the_lock_is_free(tmp_path: Path) -> None:
    (tmp_path / "step.py").write_text(SLEEPER)
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], cwd=ROOT)
    leader, child = map(int, wait_for(tmp_path / "step.py.pids").split())
    assert os.getpgid(leader) == leader  # a Ctrl-C at the terminal does not reach it
    assert try_lock(tmp_path / "lock") is None
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_until_dead(leader)
    wait_until_dead(child)
    lock = try_lock(tmp_path / "lock")
    assert lock is not None
    lock.release()


def test_the_command_keeps_the_lock_alive(tmp_path: Path, log: Path) -> None:
    lock = try_lock(tmp_path / "lock")
    assert lock is not None
    seen: list[bool] = []

    def release_and_look() -> None:
        lock.release()
        seen.append(try_lock(tmp_path / "lock") is None)

    process.run(["sleep", "1.5"], what="testing", log=log, environment={}, lock=lock, on_second=release_and_look)
    assert seen
    assert all(seen)


def test_what_would_lead_pip_astray_is_dropped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (
        "PIP_TARGET",
        "PIP_USER",
        "PIP_REQUIRE_VIRTUALENV",
        "PYTHONPATH",
        "PYTHONHOME",
        "GIT_DIR",
        "GIT_INDEX_FILE",
    ):
        monkeypatch.setenv(name, "x")
    kept = {"PIP_INDEX_URL": "u", "PIP_CERT": "c", "HTTPS_PROXY": "p", "PIP_FIND_LINKS": "l", "PIP_CACHE_DIR": "d"}
    for name, value in kept.items():
        monkeypatch.setenv(name, value)
    result = process.clean_environment(tmp_path)
    assert {name: result.get(name) for name in kept} == kept
    assert not [name for name in result if result[name] == "x"]
    assert result["TMPDIR"] == str(tmp_path)


def test_remaining() -> None:
    assert process.remaining(None, "testing") is None
    left = process.remaining(time.monotonic() + 5, "testing")
    assert left is not None
    assert 4 < left <= 5
    with pytest.raises(TimeoutError_):
        process.remaining(time.monotonic() - 1, "testing")
