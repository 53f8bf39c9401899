"""Signals while a picture's model is being downloaded: real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import hal_image
from tests.store.conftest import NAME, REGISTRY, left_over
from tests.store.hub_server import Hub

MakeHub = Callable[..., Hub]
SCRIPT = Path(hal_image.__file__).parent.parent / "hal_generate_image.py"
BYTES = 24_000_000


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("call", [("-p", "x", "-m", "mine"), ("batch", "-", "-m", "mine"), ("models", "pull", "mine")])
def test_what_has_come_stays(
    make_hub: MakeHub, tmp_path: Path, folder: Path, call: tuple[str, ...], number: signal.Signals
) -> None:
    hub = make_hub(os.urandom(BYTES), pause_s=0.02)
    registry = tmp_path / "mine.yaml"
    registry.write_text(REGISTRY.format(name=NAME, bytes=BYTES, sha256=hub.sha256, gated="false"), encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HAL_", "HF_"))}
    environment = {
        **kept,
        "HAL_NO_VENV": "1",
        "HAL_ENGINE": "local",
        "HAL_STATE_DIR": str(tmp_path / "state"),
        "HAL_MODELS_DIR": str(folder),
        "HAL_REGISTRY": str(registry),
        "HF_HOME": str(tmp_path / "hf"),
        "HF_ENDPOINT": hub.url,
    }
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), *call, "--json"],
        env=environment,
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(b"a prompt\n")
    process.stdin.flush()
    end = time.monotonic() + 60
    while hub.sent < BYTES // 10:
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    answer = json.loads(out)
    assert process.returncode == answer["error"]["exit_code"] == 128 + number
    assert answer["error"]["code"] == "interrupted"
    assert b"Traceback" not in err
    assert left_over(folder) == [f".{NAME}.{hub.sha256[:12]}.part"]
    assert not list(tmp_path.glob("*.png"))
