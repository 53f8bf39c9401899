"""The part ``store``: downloads against curl and sha256sum, and over several connections; kills; known files."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench.runs import measured, wall
from tests.store.conftest import REGISTRY
from tests.store.hub_server import Hub
from tests.store.xet_storage import XetStorage
from tests.synthetic.sparse import Tensor, write_safetensors

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.session import Session

NAME = "bench.safetensors"
CURL = "curl, then sha256sum"
BYTES = 200 << 20
KILLS = 20
BIG = 6_000_000_000
XET_BYTES = 2_000_000_000
PAUSE_S = 0.0012
"""After every 64 KiB of a connection: somewhat less than 50 MB/s, as a server may limit each."""


def measure(bench: Session) -> None:
    """What the model store promises."""
    world = bench.world
    env = {
        **{name: value for name, value in world.env.items() if not name.startswith("HF_")},
        "HAL_STATE_DIR": str(world.folder / "store-state"),
        "HAL_MODELS_DIR": str(world.folder / "store"),
        "HAL_REGISTRY": str(world.folder / "store.yaml"),
        "HF_HOME": str(world.folder / "hf"),
    }
    # the command line's own venv is ready in the usual state directory, and only there
    env["HAL_NO_VENV"] = "1"
    data = os.urandom(BYTES)
    (world.folder / "plain").mkdir()
    (world.folder / "plain" / NAME).write_bytes(data)
    _speed(bench, env, data)
    _kills(bench, env, data)
    _known(bench, env)
    _parallel(bench, env)


def _register(env: dict[str, str], size: int, sha256: str) -> None:
    text = REGISTRY.format(name=NAME, bytes=size, sha256=sha256, gated="false")
    with open(env["HAL_REGISTRY"], "w", encoding="utf-8") as file:  # noqa: PTH123 - the path is text here
        file.write(text)


def _speed(bench: Session, env: dict[str, str], data: bytes) -> None:
    world = bench.world
    hub = Hub(data, piece=1 << 20)
    _register(env, len(data), hub.sha256)
    target = world.folder / "store" / "checkpoints" / NAME
    copy = world.folder / "copy"
    memory: list[int] = []

    def ours() -> float:
        target.unlink(missing_ok=True)
        command = [sys.executable, "-I", str(world.script), "models", "pull", "mine", "-q"]
        seconds, kilobytes = measured(command, {**env, "HF_ENDPOINT": hub.url}, world.folder)
        memory.append(kilobytes)
        return seconds

    def theirs() -> float:
        copy.unlink(missing_ok=True)
        return wall(["sh", "-c", f"curl -sf -o {copy} {hub.url}/x && sha256sum {copy}"], env)

    try:
        measures = {CURL: theirs, "hal models pull": ours}
        bench.record.compare("store", "200 MiB from loopback", measures, bench.options.runs, base=CURL)
    finally:
        hub.close()
    if memory:
        most = {"hal models pull": max(memory) / 1024}
        bench.record.add("store", "memory of a download, at most", most, unit="MB")


def _kills(bench: Session, env: dict[str, str], data: bytes) -> None:
    world = bench.world
    chance = random.Random(8)  # noqa: S311 - when to kill is no secret
    hub = Hub(data, piece=1 << 18, pause_s=0.001)
    target = world.folder / "store" / "checkpoints" / NAME
    target.unlink(missing_ok=True)
    command = [sys.executable, "-I", str(world.script), "models", "pull", "mine", "-q"]
    environment = {**env, "HF_ENDPOINT": hub.url}
    killed = 0
    try:
        for _ in range(KILLS):
            enough = hub.sent + chance.randrange(1, int(1.8 * len(data) / KILLS))
            process = subprocess.Popen(command, env=environment, cwd=world.folder, stdout=subprocess.DEVNULL)
            while hub.sent < enough and process.poll() is None:
                time.sleep(0.001)
            killed += process.poll() is None
            process.send_signal(signal.SIGKILL)
            process.wait()
        wall(command, environment, world.folder)
        right = target.read_bytes() == data
    finally:
        hub.close()
    if not right:
        raise RuntimeError(f"after {killed} kills the file is wrong")
    twice = {"hal models pull": 100 * (hub.sent - len(data)) / len(data) / max(1, killed)}
    bench.record.add("store", f"fetched twice for each of {KILLS} kills", twice, unit="%")


def _parallel(bench: Session, env: dict[str, str]) -> None:
    """Once each: they take long, and differ by far."""
    world = bench.world
    data = os.urandom(XET_BYTES // 40) * 40
    storage = XetStorage(data, pause_s=PAUSE_S)
    cdn = Hub(data, pause_s=PAUSE_S)
    hub = Hub(data, cdn=cdn.url, xet=storage)
    _register(env, len(data), hub.sha256)
    target = world.folder / "store" / "checkpoints" / NAME
    seconds = {}
    try:
        for title, disabled in (("over one connection", "1"), ("over Xet", "0")):
            target.unlink(missing_ok=True)
            command = [sys.executable, "-I", str(world.script), "models", "pull", "mine", "-q"]
            seconds[title] = wall(command, {**env, "HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": disabled})
            assert (storage.sent == 0) == (disabled == "1"), title
        target.unlink()
    finally:
        for server in (hub, cdn, storage):
            server.close()
    bench.record.add("store", "2 GB from servers that limit each connection", seconds, unit="s")


def _known(bench: Session, env: dict[str, str]) -> None:
    """A dry run does all that a warm call does before it reaches the engine."""
    world = bench.world
    calls: dict[str, Callable[[], float]] = {}
    for title, size in (("of 16 bytes", 0), ("of 6 GB", BIG)):
        own = {
            **env,
            "HAL_MODELS_DIR": str(world.folder / f"known-{size}"),
            "HAL_REGISTRY": str(world.folder / f"known-{size}.yaml"),
            "HAL_STATE_DIR": str(world.folder / f"known-{size}-state"),
        }
        path = Path(own["HAL_MODELS_DIR"]) / "checkpoints" / NAME
        padding = {"padding": Tensor((size,), "F8_E4M3")} if size else {}
        write_safetensors(path, {"a": Tensor((16,), "F8_E4M3"), **padding}, seed="bench")
        digest = subprocess.run(["sha256sum", str(path)], capture_output=True, check=True, text=True).stdout[:64]
        _register(own, path.stat().st_size, digest)
        script = [sys.executable, "-I", str(world.script)]
        wall([*script, "models", "verify", "mine"], own, world.folder)
        command = [*script, "-p", "x", "-m", "mine", "--dry-run", "-o", "x", "--json"]
        answer = subprocess.run(command, env=own, cwd=world.folder, capture_output=True, check=True).stdout
        assert json.loads(answer)["data"]["model"]["files"][0]["verified"] is True
        calls[title] = partial(wall, command, own, world.folder)
    bench.record.compare("store", "a call with a verified file", calls, 3 * bench.options.runs, base="of 16 bytes")
