from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hal_image.errors import EnvironmentError_, TimeoutError_
from hal_image.install import where
from hal_image.install.venvs import VenvPlan, ensure_venv
from tests.install.conftest import PACKAGE

if TYPE_CHECKING:
    from tests.install.index import Index

ROOT = Path(__file__).parents[2]
PREPARE = """
import sys
from pathlib import Path
from hal_image.install.venvs import VenvPlan, ensure_venv
plan = VenvPlan("test", "the test", Path(sys.argv[1]), Path(sys.argv[2]), 0)
ensure_venv(plan, lambda line: print(line, flush=True))
"""


def prepare_elsewhere(plan: VenvPlan) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PREPARE, str(plan.lock_file), str(plan.folder)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def quiet(_: str) -> None:
    pass


def answer(python: Path) -> int:
    code = f"import {PACKAGE}; print({PACKAGE}.ANSWER)"
    return int(subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True).stdout)


def processes_below(folder: Path) -> list[str]:
    """Command lines of processes that mention ``folder``."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if str(folder) in command and int(entry.name) != os.getpid():
            found.append(command)
    return found


def wait_until_gone(folder: Path) -> None:
    end = time.monotonic() + 10
    while processes_below(folder):
        assert time.monotonic() < end, processes_below(folder)
        time.sleep(0.05)


def test_a_venv_is_made_once(plan: VenvPlan, index: Index, state: Path) -> None:
    lines: list[str] = []
    python = ensure_venv(plan, lines.append)
    assert answer(python) == 42
    marker = json.loads((plan.folder / where.READY).read_text())
    assert (marker["kind"], marker["packages"]) == ("test", 1)
    assert marker["python"] == ".".join(map(str, sys.version_info[:3]))
    assert lines[-1].startswith("preparing the test: done in ")
    steps = [line.removeprefix("preparing the test: ") for line in lines if not line.endswith(" s")]  # less the seconds
    assert [step.partition(",")[0] for step in steps] == [
        "making a virtual environment",
        f"package 1 of 1 ({PACKAGE}",
        "installing 1 packages",
        "compiling",
    ]
    assert list(plan.folder.glob(f"lib/python*/site-packages/__pycache__/{PACKAGE}.*.pyc"))
    assert "Successfully installed" in plan.log.read_text()
    assert sorted(path.name for path in (state / "venvs").iterdir()) == [plan.folder.name, f"{plan.folder.name}.lock"]

    index.close()
    lines.clear()
    assert ensure_venv(plan, lines.append, offline=True) == python
    assert lines == []


def test_the_callers_settings_do_not_lead_it_astray(
    plan: VenvPlan, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "trap").mkdir()
    (tmp_path / "trap" / "pip.py").write_text("raise SystemExit('the wrong pip')")
    (tmp_path / "pip.conf").write_text("[install]\nuser = true\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "trap"))
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("PIP_TARGET", str(tmp_path / "target"))
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("PIP_DRY_RUN", "1")
    monkeypatch.setenv("PIP_QUIET", "3")
    assert answer(ensure_venv(plan, quiet)) == 42
    assert not (tmp_path / "target").exists()


def test_a_half_made_venv_is_made_anew(plan: VenvPlan) -> None:
    (plan.folder / "bin").mkdir(parents=True)
    (plan.folder / "bin" / "python").symlink_to(sys.executable)
    (plan.folder / "half").write_text("")
    assert answer(ensure_venv(plan, quiet)) == 42
    assert not (plan.folder / "half").exists()


def test_a_changed_package(plan: VenvPlan) -> None:
    plan.lock_file.write_text(plan.lock_file.read_text().replace("sha256:", "sha256:0000")[:-5] + "\n")
    with pytest.raises(EnvironmentError_) as caught:
        ensure_venv(plan, quiet)
    assert caught.value.code == "hash_mismatch"
    assert f"{PACKAGE}==1.0" in caught.value.message
    assert plan.python is None


def test_an_index_that_cannot_be_reached(plan: VenvPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # nobody listens on the discard port
    with pytest.raises(EnvironmentError_) as caught:
        ensure_venv(plan, quiet)
    assert caught.value.code == "index_unreachable"
    assert caught.value.retryable
    assert "PIP_INDEX_URL" in caught.value.hint
    assert plan.python is None


def test_an_index_without_the_version(plan: VenvPlan) -> None:
    text = plan.lock_file.read_text()
    plan.lock_file.write_text(text + text.replace("==1.0", "==2.0").replace(PACKAGE, "another"))
    with pytest.raises(EnvironmentError_) as caught:
        ensure_venv(plan, quiet)
    assert caught.value.code == "index_incomplete"
    assert "another==2.0" in caught.value.message


@pytest.mark.skipif(os.getuid() != 0 or shutil.which("mount") is None, reason="only root can make a small disk")
def test_a_full_disk(plan: VenvPlan, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(small)], check=False).returncode != 0:
        pytest.skip("this machine does not let us mount")
    try:
        with pytest.raises(EnvironmentError_) as caught:
            ensure_venv(replace(plan, folder=small / "venv"), quiet)
        assert caught.value.code == "disk_full"
        assert "HAL_STATE_DIR" in caught.value.hint
        assert replace(plan, folder=small / "venv").python is None
    finally:
        subprocess.run(["umount", str(small)], check=True)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_preparation_is_made_anew(plan: VenvPlan, index: Index, number: signal.Signals) -> None:
    index.going.clear()
    first = prepare_elsewhere(plan)
    assert index.asked.wait(60)
    assert processes_below(plan.folder)
    first.send_signal(number)
    _, errors = first.communicate(timeout=30)
    assert first.returncode != 0
    assert ("KeyboardInterrupt" in errors) == (number == signal.SIGINT)
    wait_until_gone(plan.folder)  # pip is dead as well
    assert plan.python is None
    index.going.set()
    # A dead process's lock can outlast it by a moment: what counts is that nobody waits for ever.
    assert answer(ensure_venv(plan, lambda _line: None, deadline=time.monotonic() + 60)) == 42


def test_two_at_once(plan: VenvPlan, index: Index) -> None:
    index.going.clear()
    first = prepare_elsewhere(plan)
    assert index.asked.wait(60)
    second = prepare_elsewhere(plan)
    assert second.stdout is not None
    assert second.stdout.readline() == f"waiting for process {first.pid}, which is preparing the test\n"
    index.going.set()
    for process in (first, second):
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, "")
    assert len(index.downloads) == 1
    assert plan.python is not None
    assert answer(plan.python) == 42


def test_the_timeout_ends_pip(plan: VenvPlan, index: Index) -> None:
    index.going.clear()
    with pytest.raises(TimeoutError_) as caught:
        ensure_venv(plan, quiet, deadline=time.monotonic() + 4)
    assert caught.value.code == "prepare_timeout"
    wait_until_gone(plan.folder)
    assert plan.python is None
