"""The Docker program, with scripts in its place."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from hal_image import wire
from hal_image.errors import EnvironmentError_
from hal_image.host.docker import program
from hal_image.host.engines.link import Link, LinkClosed

if TYPE_CHECKING:
    from collections.abc import Callable


Script = "Callable[[str], str]"


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], str]:
    """Makes a program of a piece of Python; returns its path."""

    def write(code: str) -> str:
        path = tmp_path / "docker"
        path.write_text(f"#!{sys.executable}\nimport os, sys, time\n{code}\n")
        path.chmod(0o755)
        return str(path)

    return write


def test_an_answer(script: Callable[[str], str]) -> None:
    path = script("print(' ü', sys.argv[1:]); sys.stderr.write('bad\\n'); sys.exit(7)")
    assert program.run(path, ["a b", "c"]) == program.Answer(7, "ü ['a b', 'c']", "bad")


def test_much_on_both_streams_does_not_block(script: Callable[[str], str]) -> None:
    path = script("sys.stderr.write('e' * 300000); sys.stdout.write('o' * 300000)")
    answer = program.run(path, ["x"])
    assert (len(answer.out), len(answer.err), answer.code) == (300000, 300000, 0)


def test_one_that_hangs_is_killed(script: Callable[[str], str]) -> None:
    began = time.monotonic()
    assert program.run(script("time.sleep(60)"), ["x"], timeout_s=0.5).code == -signal.SIGKILL
    assert time.monotonic() - began < 10


def test_no_child_and_no_descriptor_stays(script: Callable[[str], str]) -> None:
    path = script("pass")
    program.run(path, ["x"])  # takes away what other tests have left
    before = {entry.name for entry in Path("/dev/fd").iterdir()}
    children = psutil.Process().children()
    for _ in range(5):
        program.run(path, ["x"])
    assert {entry.name for entry in Path("/dev/fd").iterdir()} == before
    assert psutil.Process().children() == children


def test_one_that_was_left_is_taken_away_when_the_next_begins(script: Callable[[str], str]) -> None:
    left = program.Call(script("sys.stdin.read()"), ["x"])
    (child,) = [child for child in psutil.Process().children() if child.pid == left._pid]
    left.close()
    end = time.monotonic() + 30
    while child.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end
        time.sleep(0.01)
    program.run(script("pass"), ["x"])
    assert child not in psutil.Process().children()
    assert left.finish().code == 0


def test_a_terminals_interrupt_does_not_reach_it(script: Callable[[str], str]) -> None:
    call = program.Call(script("print(os.getpgrp() == os.getpid())"), ["x"])
    assert call.finish().out == "True"


def test_it_is_found_by_name_and_by_path(
    script: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = script("pass")
    monkeypatch.setenv("PATH", f"/nowhere:{tmp_path}")
    monkeypatch.delenv("HAL_DOCKER", raising=False)
    assert program.find() == path
    monkeypatch.setenv("HAL_DOCKER", "podman")
    assert program.find() is None
    with pytest.raises(EnvironmentError_) as caught:
        program.require()
    assert caught.value.code == "docker_not_found"
    assert "podman" in caught.value.message
    monkeypatch.setenv("HAL_DOCKER", path)
    assert program.find() == path


def test_a_program_that_cannot_be_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentError_) as caught:
        program.run(str(tmp_path / "none"), ["x"])
    assert caught.value.code == "docker_not_found"


def test_it_works_where_the_caller_has_closed_the_standard_streams(
    script: Callable[[str], str], tmp_path: Path
) -> None:
    path = script("print(sys.stdin.read()); sys.stderr.write('err')")
    code = (
        f"import os, sys; sys.path[:0] = {sys.path!r}\n"
        "from hal_image.host.docker import program\n"
        f"answer = program.run({path!r}, ['x'])\n"
        f"open({str(tmp_path / 'said')!r}, 'w').write(repr(tuple(answer)))\n"
    )
    shell = f"{sys.executable} -c '{code.replace(chr(39), chr(34))}' <&- >&- 2>&-"
    subprocess.run(["sh", "-c", shell], check=True)
    assert (tmp_path / "said").read_text() == repr((0, "", "err"))


HELLO = {
    "event": "hello",
    "log": "/spool/comfyui.log",
    "output_dir": "/spool/output",
    "settings": {"python": "/spool/x"},
}


def test_a_link_over_pipes(script: Callable[[str], str]) -> None:
    hello = wire.encode(HELLO).decode()
    failed = wire.encode(
        {"event": "failed", "job": None, "error": {"hint": "see /spool/a b.log", "details": {}}}
    ).decode()
    path = script(
        f"print({hello!r}, end='', flush=True)\nfor line in sys.stdin:\n    print({failed!r}, end='', flush=True)"
    )
    link = Link(program.Call(path, ["exec"]), ("/spool", "/here"))
    # Folders of the container are told as they are called here, and nothing else is touched.
    assert link.hello["output_dir"] == "/here/output"
    assert link.hello["settings"] == {"python": "/spool/x"}
    link.send(op="status")
    event = link.next(10)
    assert event is not None
    assert event["error"]["hint"] == "see /here/a b.log"
    assert link.next(0) is None
    link.close()
    link.close()


def test_one_that_does_not_read_is_given_up(script: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "LIMIT_S", 0.5)
    link = Link(program.Call(script(f"print({wire.encode(HELLO).decode()!r}, end='', flush=True); time.sleep(60)"), []))
    with pytest.raises(LinkClosed, match="does not read"):
        link.send(op="submit", graph="x" * 1_000_000)
    link.close()


def test_much_that_is_read_slowly_arrives_whole(script: Callable[[str], str]) -> None:
    call = program.Call(script("time.sleep(0.2); print(len(sys.stdin.read()))"), [])
    call.send(b"x" * 1_000_001)
    assert call.finish().out == "1000001"


def test_a_pipe_that_ends_says_why(script: Callable[[str], str]) -> None:
    path = script("sys.stderr.write('Error: No such container: hal8000-a-b\\n'); sys.exit(1)")
    with pytest.raises(LinkClosed, match="No such container: hal8000-a-b"):
        Link(program.Call(path, ["exec"]))


def test_a_pipe_that_ends_in_silence_says_with_what(script: Callable[[str], str]) -> None:
    path = script(f"print({json.dumps({'v': 1, **HELLO})!r}, flush=True); sys.exit(137)")
    link = Link(program.Call(path, ["exec"], "container a"))
    with pytest.raises(LinkClosed, match=r"container a ended \(exit code 137\)"):
        link.next(10)


def test_docker_complaining_on_standard_output_is_the_end(script: Callable[[str], str]) -> None:
    # Seen with Docker 20.10, for a container between the end of its process and its removal.
    said = "OCI runtime exec failed: exec failed: cannot exec in a stopped container: unknown"
    with pytest.raises(LinkClosed, match="cannot exec in a stopped container"):
        Link(program.Call(script(f"print({said!r}); sys.exit(126)"), ["exec"]))
