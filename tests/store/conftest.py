"""Models folders, hubs that misbehave, and models whose one file they have."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from hal_image.host.main import main
from hal_image.models import hub as hubs
from hal_image.models import transfer
from hal_image.models.download import LOCK, Pull, download
from hal_image.models.types import Defaults, Model, ModelFile, Source
from tests.contract.answers import check_answer
from tests.store.hub_server import Hub
from tests.store.xet_storage import XetStorage
from tests.synthetic import write_sd15

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MakeHub = Callable[..., Hub]
Call = Callable[..., tuple[int, dict[str, Any]]]
DATA = os.urandom(3_000_000)
NAME = "m.safetensors"
TOKEN = "hf_a_secret"

REGISTRY = """\
models:
  mine:
    description: x
    family: sd15
    min_vram_gb: 1
    files:
      - role: checkpoint
        folder: checkpoints
        name: {name}
        bytes: {bytes}
        sha256: "{sha256}"
        licence: MIT
        sources:
          - repo: who/what
            path: {name}
            gated: {gated}
    defaults: {{width: 64, height: 64, steps: 1, cfg: 1, sampler: euler, scheduler: normal}}
"""


@pytest.fixture(autouse=True)
def _own_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the real user's folders, accounts and proxies; and no time is lost on waiting."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", *hubs.TOKENS, "HF_ENDPOINT", "HF_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HF_HUB_OFFLINE", "HF_HUB_DISABLE_XET", "HF_HUB_DISABLE_IMPLICIT_TOKEN", "HAL_STALL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HAL_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("HAL_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("HAL_REGISTRY", "")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HAL_ENGINE", "local")
    monkeypatch.setattr(sys, "argv", ["hal_generate_image.py"])
    monkeypatch.setattr(transfer, "PAUSE_S", 0.01)


@pytest.fixture
def make_hub() -> Iterator[Callable[..., Hub]]:
    """Makes hubs, which end with the test."""
    made: list[Hub] = []

    def make(data: bytes = DATA, **how: Any) -> Hub:
        made.append(Hub(data, **how))
        return made[-1]

    yield make
    for hub in made:
        hub.close()


@pytest.fixture
def make_storage() -> Iterator[Callable[..., XetStorage]]:
    """Makes storages of chunks, which end with the test."""
    made: list[XetStorage] = []

    def make(data: bytes = DATA, **how: Any) -> XetStorage:
        made.append(XetStorage(data, **how))
        return made[-1]

    yield make
    for storage in made:
        storage.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def keep_signals() -> Iterator[None]:
    """The command line installs handlers of its own."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole SD 1.5 checkpoint, made up."""
    path = tmp_path_factory.mktemp("synthetic") / "sd.safetensors"
    write_sd15(path)
    return path


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str], keep_signals: None) -> Call:
    def run(*argv: str) -> tuple[int, dict[str, Any]]:
        code = main([*argv, "--json"])
        told = capfd.readouterr()
        assert TOKEN not in told.out + told.err
        answer: dict[str, Any] = json.loads(told.out)
        check_answer(answer)
        return code, answer

    return run


@pytest.fixture
def mine(make_hub: MakeHub, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """A hub with the model ``mine``, and the registry that says so."""
    hub = make_hub(checkpoint.read_bytes())
    use(hub, tmp_path, monkeypatch)
    return hub


def use(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, gated: bool = False) -> None:
    registry = tmp_path / "own.yaml"
    registry.write_text(
        REGISTRY.format(name=NAME, bytes=len(hub.data), sha256=hub.sha256, gated=str(gated).lower()), encoding="utf-8"
    )
    monkeypatch.setenv("HAL_REGISTRY", str(registry))
    monkeypatch.setenv("HF_ENDPOINT", hub.url)


def place(folder: Path, data: bytes) -> Path:
    path = folder / "checkpoints" / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def hub_source(*, gated: bool = False) -> Source:
    return Source("who/what", f"a/{NAME}", "abc", None, gated)


def mirror(hub: Hub) -> Source:
    return Source(None, None, None, f"{hub.url}/mirror/{NAME}", gated=False)


def model(*sources: Source, data: bytes = DATA, name: str = NAME) -> Model:
    digest = hashlib.sha256(data).hexdigest()
    file = ModelFile("checkpoint", "checkpoints", name, len(data), digest, "MIT", sources or (hub_source(),))
    return Model("m", "", "sd15", (file,), Defaults(64, 64, 1, 1.0, None, "euler", "normal"), 1.0, "")


def pull(hub: Hub, folder: Path, what: Model, token: str | None = None, stall_s: float = 20) -> list[dict[str, Any]]:
    """Downloads, and returns the events."""
    events: list[dict[str, Any]] = []
    download(Pull((what,), folder, hubs.Hub(hub.url, token), events.append, stall_s))
    return events


def left_over(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.name != LOCK)
