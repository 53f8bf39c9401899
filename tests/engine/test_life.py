"""The life of an engine: found, shared, interrupted, killed, replaced, freed and stopped."""

from __future__ import annotations

import os
import signal
import stat
import time
from pathlib import Path

import psutil
import pytest

from tests.world import QUICK, SLOW, Hal, identity


def test_the_second_call_finds_engine_and_model_in_memory(lone_hal: Hal) -> None:
    first = lone_hal("-p", "x", *QUICK, "-o", "a.png", "--json").json["data"]
    second = lone_hal("-p", "y", *QUICK, "-o", "b.png", "--json").json["data"]
    assert first["engine"]["reused"] is False
    assert first["timings"]["boot_s"] > 0
    assert first["timings"]["load_s"] > 0
    assert second["engine"]["reused"] is True
    assert identity(second["engine"]) == identity(first["engine"])
    assert second["timings"]["boot_s"] == second["timings"]["load_s"] == second["timings"]["prepare_s"] == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_leaves_no_file_and_no_running_job(hal: Hal, number: signal.Signals, code: int) -> None:
    process = hal.start("-p", "x", *SLOW, "-o", "x.png", "--json")
    hal.wait_until_busy()
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert b'"interrupted"' in out
    assert b"Traceback" not in err
    hal.wait_until_idle()
    assert list(hal.cwd.iterdir()) == []
    hal("-p", "x", *QUICK, "-o", "next.png")


def test_a_client_that_dies_disturbs_nobody(hal: Hal) -> None:
    first = hal.start("-p", "x", *SLOW, "-o", "first.png")
    hal.wait_until_busy()
    second = hal.start("-p", "y", *QUICK, "-o", "second.png")
    hal.wait_for(lambda: hal.engine()["queued"] == 1)
    first.kill()
    first.communicate()
    assert len(hal("jobs", "cancel", "--all").lines) == 2
    second.communicate(timeout=60)
    assert second.returncode == 1
    assert list(hal.cwd.iterdir()) == []


def test_jobs_run_in_the_order_in_which_they_came(hal: Hal) -> None:
    blocker = hal.start("-p", "x", *SLOW, "-o", "x.png")
    hal.wait_until_busy()
    calls = []
    for index in range(3):
        calls.append(hal.start("-p", str(index), *QUICK, "-o", f"{index}.png"))
        hal.wait_until_queued(index + 1)
    blocker.send_signal(signal.SIGINT)
    blocker.communicate(timeout=30)
    for call in calls:
        call.communicate(timeout=60)
    written = [(hal.cwd / f"{index}.png").stat().st_mtime_ns for index in range(3)]
    assert written == sorted(written)


def test_comfyui_killed_while_it_works_is_told_and_started_anew(hal: Hal) -> None:
    process = hal.start("-p", "x", *SLOW, "-o", "x.png", "--json")
    engine = hal.wait_until_busy()
    hal.kill_comfyui(engine)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b'"comfyui_crashed"' in out
    assert b"SIGKILL" in out
    assert list(hal.cwd.iterdir()) == []
    again = hal("-p", "x", *QUICK, "-o", "x.png", "--json").json["data"]
    assert identity(again["engine"]) == identity(engine)
    assert again["timings"]["boot_s"] > 0


def test_an_engine_killed_takes_comfyui_with_it_and_the_next_call_starts_another(lone_hal: Hal) -> None:
    lone_hal("-p", "x", *QUICK, "-o", "a.png")
    process = lone_hal.start("-p", "x", *SLOW, "-o", "x.png", "--json")
    engine = lone_hal.wait_until_busy()
    lone_hal.end(engine)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b'"engine_lost"' in out
    lone_hal.wait_for(lambda: not lone_hal.is_running(engine), 20)
    assert lone_hal.engines() == []
    lone_hal("-p", "x", *QUICK, "-o", "b.png")


def test_sigterm_lets_the_engine_finish_its_jobs(lone_hal: Hal) -> None:
    process = lone_hal.start("-p", "x", *SLOW[:-1], "25", "-o", "x.png")
    engine = lone_hal.wait_until_busy()
    lone_hal.end(engine, signal.SIGTERM)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert out.decode().strip() == str(lone_hal.cwd / "x.png")
    lone_hal.wait_for(lambda: not lone_hal.is_running(engine))


def test_stop_waits_and_force_does_not(lone_hal: Hal) -> None:
    process = lone_hal.start("-p", "x", *SLOW, "-o", "x.png", "--json")
    engine = lone_hal.wait_until_busy()
    assert lone_hal("stop", "--timeout", "1", "--json", code=5).json["error"]["code"] == "timeout"
    lone_hal("stop", "--force")
    out, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert b'"cancelled"' in out or b'"engine_lost"' in out
    lone_hal.wait_for(lambda: not lone_hal.is_running(engine), 5)  # its lock is free a moment before it is gone
    assert lone_hal("stop").lines == ["no engine is running"]


def test_models_are_unloaded_after_keep_alive(hal: Hal) -> None:
    hal("-p", "x", *QUICK, "-o", "x.png", "--keep-alive", "5s")
    assert hal.engine()["models_loaded"] is True
    hal.wait_for(lambda: hal.engine()["models_loaded"] is False, 60)
    again = hal("-p", "y", *QUICK, "-o", "x.png", "--json").json["data"]
    assert again["timings"]["load_s"] > 0
    assert again["timings"]["boot_s"] == 0


def test_keep_alive_zero_ends_the_engine_with_the_job(lone_hal: Hal) -> None:
    engine = lone_hal("-p", "x", *QUICK, "-o", "x.png", "--keep-alive", "0", "--json").json["data"]["engine"]
    lone_hal.wait_for(lambda: not lone_hal.is_running(engine), 20)
    assert lone_hal.engines() == []


@pytest.mark.local_only("the tests' container has no GPU to lose; tests/docker changes other settings")
def test_an_engine_with_other_settings_is_replaced(lone_hal: Hal) -> None:
    lone_hal("-p", "x", *QUICK, "-o", "x.png")
    first = lone_hal.engine()
    lone_hal("-p", "x", *QUICK, "-o", "x.png", "--cpu")
    assert lone_hal.engine()["pid"] != first["pid"]
    assert not lone_hal.is_running(first)


def test_serve_is_ready_when_it_returns(lone_hal: Hal) -> None:
    *events, answer = lone_hal("serve", "--jsonl").jsonl
    assert "booting" in [event["event"] for event in events]
    data = answer["data"]["engine"]
    assert data["state"] == "idle"
    assert data["device"] == "cpu"
    assert lone_hal("-p", "x", *QUICK, "-o", "x.png", "--json").json["data"]["timings"]["boot_s"] == 0


def test_serve_starts_a_comfyui_that_has_died(hal: Hal) -> None:
    hal("serve")
    engine = hal.engine()
    hal.kill_comfyui(engine)
    hal.wait_for(lambda: hal.engine()["state"] == "down")
    again = hal("serve", "--json").json["data"]["engine"]
    assert (identity(again), again["state"], again["boots"]) == (identity(engine), "idle", engine["boots"] + 1)


@pytest.mark.local_only("a container's socket and ports are its own: tests/docker looks from inside")
def test_the_socket_is_the_users_own_and_comfyui_listens_on_loopback_only(hal: Hal) -> None:
    hal("-p", "x", *QUICK, "-o", "x.png")
    engine = hal.engine()
    sockets = list(Path(engine["folder"]).glob("*.sock")) or list(Path("/tmp").glob("hal8000*/*.sock"))
    assert [stat.S_IMODE(path.stat().st_mode) for path in sockets] == [0o600] * len(sockets)
    listening = [c.laddr for c in psutil.Process(engine["comfyui_pid"]).net_connections() if c.status == "LISTEN"]
    assert {address.ip for address in listening} == {"127.0.0.1"}
    assert os.getpgid(engine["comfyui_pid"]) == engine["comfyui_pid"]


@pytest.mark.local_only("a container gets no environment from us: tests/docker looks")
def test_comfyui_gets_no_token(hal: Hal) -> None:
    # The environment of a process is fixed at its start, so this looks at one that was started with a token set.
    with_token = Hal({**hal.environment, "HF_TOKEN": "hf_secret", "HAL_STATE_DIR": str(hal.cwd / "state")}, hal.cwd)
    try:
        with_token("serve")
        pid = with_token.engine()["comfyui_pid"]
        assert b"hf_secret" not in Path(f"/proc/{pid}/environ").read_bytes()
        assert b"hf_secret" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    finally:
        with_token("stop", "--force")


@pytest.mark.local_only("an image brings its own Python")
def test_a_boot_that_fails_says_why(lone_hal: Hal) -> None:
    broken = lone_hal.cwd / "python"
    broken.write_text("#!/bin/sh\necho 'ModuleNotFoundError: No module named torch' >&2\nexit 1\n")
    broken.chmod(0o755)
    mine = Hal({**lone_hal.environment, "HAL_ENGINE_PYTHON": str(broken)}, lone_hal.cwd)
    started = time.monotonic()
    error = mine("-p", "x", *QUICK, "-o", "x.png", "--json", code=3).json["error"]
    assert error["code"] == "comfyui_boot_failed"
    assert "No module named torch" in error["message"]
    assert "HAL_ENGINE_PYTHON" in error["hint"]
    assert time.monotonic() - started < 30
    lone_hal.wait_for(lambda: lone_hal.engines() == [], 20)
    assert mine("serve", "--json", code=3).json["error"]["code"] == "comfyui_boot_failed"


def test_nothing_of_a_job_stays_behind(hal: Hal) -> None:
    hal("-p", "x", *QUICK, "-o", "x.png")
    output = Path(hal.engine()["folder"]) / "output"
    hal.wait_for(lambda: list(output.iterdir()) == [], 10)
