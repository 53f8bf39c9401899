"""A bug of ours is told as one: with the log that belongs into the report, and without a traceback on the screen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.contract.answers import check_answer

if TYPE_CHECKING:
    from typing import Any

ROOT = Path(__file__).parents[2]

BUGGY = """
import sys
from hal_image.host.commands import ps
from hal_image.host.main import main

def run(options, output):
    output.note("so far so good")
    return {}["no such key"]

ps.run = run
sys.exit(main(sys.argv[1:]))
"""


def run(*argv: str, state: Path) -> subprocess.CompletedProcess[str]:
    """``ps`` with a bug in it, in a process of its own."""
    environment = {**os.environ, "HAL_STATE_DIR": str(state), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", BUGGY, "ps", *argv], env=environment, capture_output=True, text=True, check=False
    )


def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    (line,) = done.stdout.splitlines()
    answer: dict[str, Any] = json.loads(line)
    check_answer(answer)
    error: dict[str, Any] = answer["error"]
    return error


def test_it_names_the_log_which_has_the_traceback(tmp_path: Path) -> None:
    done = run("--json", state=tmp_path)
    error = told(done)
    assert (done.returncode, error["code"], error["retryable"]) == (1, "internal", False)
    assert error["message"] == "a bug in this tool: KeyError: 'no such key'"
    assert error["hint"] == f"please report it with {error['details']['log']}"
    log = Path(error["details"]["log"])
    assert log.parent == tmp_path / "logs"
    assert "Traceback" in log.read_text(encoding="utf-8")
    assert "hal-generate-image" in log.read_text(encoding="utf-8")
    assert "Traceback" not in done.stderr


def test_without_json_it_is_two_lines(tmp_path: Path) -> None:
    done = run(state=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["so far so good", "error", "hint"]


@pytest.mark.parametrize("state", ["/proc/self/state"])
def test_where_no_log_can_be_written_the_traceback_is_shown(state: str) -> None:
    done = run("--json", state=Path(state))
    assert told(done)["details"] == {"log": "standard error"}
    assert "Traceback" in done.stderr
