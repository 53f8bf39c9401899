"""Signals, with processes of their own: what a handler does is seen from outside."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NUMBERS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]

STARTING = """
import sys, time
from hal_image import interrupt
interrupt.end_at_once(sys.argv[1:])
print("ready", file=sys.stderr, flush=True)
time.sleep(60)
"""
RUNNING = """
import importlib, sys, time, types
from hal_image.host import main

def run(options, output):
    try:
        output.note("ready")
        time.sleep(60)
    finally:
        output.note("tidying up")
        time.sleep(float(sys.argv[1]))
        output.note("tidy")

command = types.ModuleType("hal_image.host.commands.ps")
command.run = run
sys.modules[command.__name__] = command
raise SystemExit(main.main(["ps", "--json"]))
"""


def started(code: str, *arguments: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert line_of(process) == b"ready\n"
    return process


def line_of(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stderr is not None
    return process.stderr.readline()


@pytest.mark.parametrize("number", NUMBERS)
def test_while_it_starts_a_command_ends_at_once_and_in_json(number: signal.Signals) -> None:
    process = started(STARTING, "models", "--json")
    process.send_signal(number)
    out, _ = process.communicate(timeout=10)
    answer = json.loads(out)
    assert process.returncode == answer["error"]["exit_code"] == 128 + number
    assert (answer["command"], answer["error"]["code"]) == ("models", "interrupted")


@pytest.mark.parametrize("word", ["-p", 'x"y', ""])
def test_what_was_typed_does_not_break_the_json(word: str) -> None:
    process = started(STARTING, word, "--jsonl")
    process.send_signal(signal.SIGINT)
    assert json.loads(process.communicate(timeout=10)[0])["command"] == "generate"


@pytest.mark.parametrize("number", NUMBERS)
def test_the_first_signal_lets_a_command_tidy_up(number: signal.Signals) -> None:
    process = started(RUNNING, "0")
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert process.returncode == json.loads(out)["error"]["exit_code"] == 128 + number
    assert err.startswith(b"tidying up\ntidy\n")


@pytest.mark.parametrize("number", NUMBERS)
def test_the_second_one_ends_it_at_once(number: signal.Signals) -> None:
    process = started(RUNNING, "60")
    process.send_signal(signal.SIGINT)
    assert line_of(process) == b"tidying up\n"
    began = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert time.monotonic() - began < 5
    assert process.returncode == json.loads(out)["error"]["exit_code"] == 128 + number
    assert b"tidy\n" not in err
    assert b"Traceback" not in err


def test_a_signal_that_is_switched_off_stays_so() -> None:
    code = f"import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n{STARTING}"
    process = started(code, "--json")
    process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 128 + signal.SIGTERM
    process.communicate()
