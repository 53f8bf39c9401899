"""What comes in through pipes and goes out through them."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time

import pytest

from tests.world import QUICK, SLOW, Hal

DRY = (*QUICK, "-o", "x.png", "--dry-run", "--json")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "prompt_missing"),
        (b" \r\n\n", "prompt_missing"),
        (b"\x89PNG\r\n\x1a\n", "prompt_unreadable"),
        (b"gr\xfcn", "prompt_unreadable"),
        (b"x" * 1_000_001, "prompt_too_long"),
    ],
)
def test_what_is_no_prompt_is_told(hal: Hal, data: bytes, code: str) -> None:
    assert hal(*DRY, stdin=data, code=2).json["error"]["code"] == code


def test_a_closed_standard_input_is_no_prompt(hal: Hal) -> None:
    command = [hal.python, str(hal.script), *DRY]
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *command],
        env=hal.environment,
        cwd=hal.cwd,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (2, "prompt_missing")
    batch = [hal.python, str(hal.script), "batch", "-", *DRY]
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *batch], env=hal.environment, cwd=hal.cwd, capture_output=True, check=False
    )
    assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (2, "batch_unreadable")


def test_a_terminal_is_not_waited_for(hal: Hal) -> None:
    terminal, ours = os.openpty()
    process = hal.start(*DRY, stdin=ours)
    out, _ = process.communicate(timeout=30)
    os.close(terminal)
    os.close(ours)
    assert (process.returncode, json.loads(out)["error"]["code"]) == (2, "prompt_missing")


def test_a_hundred_thousand_characters_are_a_prompt(hal: Hal) -> None:
    prompt = "Würfel 立方体 🤖 " * 6000
    answer = hal(*DRY, stdin=prompt.encode()).json
    assert any(prompt.strip() in str(node["inputs"].get("text")) for node in answer["data"]["graph"].values())


def test_bytes_for_a_reader_that_has_gone(hal: Hal) -> None:
    process = hal.start("-p", "x", *QUICK, "-o", "-")
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGPIPE
    assert b"Traceback" not in err
    assert list(hal.cwd.iterdir()) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_while_the_engine_starts(lone_hal: Hal, number: signal.Signals, code: int) -> None:
    process = lone_hal.start("-p", "x", *QUICK, "-o", "x.png", "--json")
    lone_hal.wait_for(
        lambda: [engine for engine in lone_hal.engines() if engine.get("queued") or engine.get("running")]
    )
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == json.loads(out)["error"]["exit_code"] == code
    assert b"Traceback" not in err
    assert list(lone_hal.cwd.iterdir()) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_in_the_queue_takes_back_what_waits_there(hal: Hal, number: signal.Signals, code: int) -> None:
    blocker = hal.start("-p", "x", *SLOW, "-o", "blocker.png")
    hal.wait_until_busy()
    process = hal.start("-p", "x", *QUICK, "-o", "x.png", "--json")
    hal.wait_until_queued(1)
    process.send_signal(number)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == json.loads(out)["error"]["exit_code"] == code
    hal.wait_until_queued(0)
    blocker.send_signal(signal.SIGINT)
    blocker.communicate(timeout=30)
    assert list(hal.cwd.iterdir()) == []


def test_a_signal_at_any_moment_leaves_all_or_nothing(hal: Hal) -> None:
    chance = random.Random(7)
    call = ("-p", "x", *QUICK, "-o", "x.png", "--json")
    began = time.monotonic()
    hal(*call)
    usual = time.monotonic() - began
    codes = set()
    for seed in range(10):
        (hal.cwd / "x.png").unlink(missing_ok=True)
        process = hal.start(*call, "--seed", str(seed))
        time.sleep(usual * chance.random())
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
        codes.add(process.returncode)
        assert b"Traceback" not in err
        assert process.returncode in {0, 143, -signal.SIGTERM}
        if process.returncode == -signal.SIGTERM:  # Python itself was still starting
            assert out == b""
        elif process.returncode == 0:
            assert json.loads(out)["ok"] is True
        elif out:  # nothing is said by one that was just saying something
            assert json.loads(out)["error"]["code"] == "interrupted" or json.loads(out)["ok"] is True
        assert [entry.name for entry in hal.cwd.iterdir()] in ([], ["x.png"])
    assert 143 in codes
