"""Downloads from real servers on loopback, which cut off, redirect, refuse and lie."""

from __future__ import annotations

import hashlib
import os
import threading
from typing import TYPE_CHECKING

import pytest

from hal_image.engine import __main__ as engine
from hal_image.engine.comfyui_process import SECRETS
from hal_image.errors import EnvironmentError_, HalError
from hal_image.locking import try_lock
from hal_image.models import download
from hal_image.models.types import Defaults, Model, ModelFile, Source
from tests.unit.models.file_server import NAME, Server, registry_with

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATA = os.urandom(3_000_000)
CHUNK = download.CHUNK_BYTES
TOKEN = "hf_a_secret"


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Server, Server]]:
    """The hub, and another server."""
    monkeypatch.setattr(download, "PAUSE_S", 0.01)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", *SECRETS, "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    hub, other = Server(DATA), Server(DATA)
    yield hub, other
    hub.close()
    other.close()


def source(*, gated: bool = False, url: str | None = None) -> Source:
    return Source(None, None, None, url, gated) if url else Source("who/what", "a/m.safetensors", "abc", None, gated)


def model(*sources: Source, data: bytes = DATA) -> Model:
    digest = hashlib.sha256(data).hexdigest()
    file = ModelFile("checkpoint", "checkpoints", NAME, len(data), digest, "MIT", sources or (source(),))
    return Model("m", "", "sd15", (file,), Defaults(64, 64, 1, 1.0, None, "euler", "normal"), 1.0, "")


def get(server: Server, folder: Path, what: Model, token: str | None = None) -> list[str]:
    """Downloads, and returns what was said."""
    said: list[str] = []
    download.download(what, folder, download.Hub(server.url, token), said.append)
    return said


def left_over(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.name != download.LOCK)


def failure(server: Server, folder: Path, what: Model, token: str | None = None) -> HalError:
    with pytest.raises(HalError) as caught:
        get(server, folder, what, token)
    assert TOKEN not in str(caught.value.to_json())
    return caught.value


def test_a_file_of_the_hub(servers: tuple[Server, Server], tmp_path: Path) -> None:
    said = get(servers[0], tmp_path / "models", model())
    assert (tmp_path / "models" / "checkpoints" / NAME).read_bytes() == DATA
    assert left_over(tmp_path) == [NAME]
    assert servers[0].asked == [("/who/what/resolve/abc/a/m.safetensors", None, None)]
    assert said == [f"{NAME}: 0.00 GB from 127.0.0.1", f"{NAME}: done"]


def test_a_plain_address(servers: tuple[Server, Server], tmp_path: Path) -> None:
    get(servers[0], tmp_path, model(source(url=f"{servers[1].url}/x")), TOKEN)
    assert servers[0].asked == []
    assert servers[1].asked == [("/x", None, None)], "the token is the hub's alone"


def test_what_is_there_is_left_alone(servers: tuple[Server, Server], tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / NAME).write_bytes(b"my own")
    get(servers[0], tmp_path, model())
    assert servers[0].asked == []
    assert (tmp_path / "checkpoints" / NAME).read_bytes() == b"my own"


def test_cuts_are_gone_on_from(servers: tuple[Server, Server], tmp_path: Path) -> None:
    servers[0].cut_after = [16 * CHUNK, 8 * CHUNK, 0]
    get(servers[0], tmp_path, model())
    assert (tmp_path / "checkpoints" / NAME).read_bytes() == DATA
    assert [asked for _, asked, _ in servers[0].asked] == [None, f"bytes={16 * CHUNK}-", *[f"bytes={24 * CHUNK}-"] * 2]


def test_an_interrupted_download_goes_on_in_the_next_call(servers: tuple[Server, Server], tmp_path: Path) -> None:
    servers[0].cut_after = [16 * CHUNK, *[0] * download.ATTEMPTS]
    error = failure(servers[0], tmp_path, model())
    assert (error.code, error.exit_code, error.retryable) == ("download_failed", 4, True)
    assert left_over(tmp_path) == [f".{NAME}.part"]
    servers[0].asked.clear()
    servers[0].cut_after.clear()
    get(servers[0], tmp_path, model())
    assert [asked for _, asked, _ in servers[0].asked] == [f"bytes={16 * CHUNK}-"]
    assert (tmp_path / "checkpoints" / NAME).read_bytes() == DATA


def test_a_server_without_ranges_begins_anew(servers: tuple[Server, Server], tmp_path: Path) -> None:
    servers[0].ranges = False
    servers[0].cut_after = [1_000_000]
    get(servers[0], tmp_path, model())
    assert (tmp_path / "checkpoints" / NAME).read_bytes() == DATA


def test_a_left_over_of_another_file_does_no_harm(servers: tuple[Server, Server], tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    part = download.part_of(tmp_path / "checkpoints" / NAME)
    part.write_bytes(b"x" * (len(DATA) + 1))
    get(servers[0], tmp_path, model())
    assert (tmp_path / "checkpoints" / NAME).read_bytes() == DATA


def test_a_busy_server_is_asked_again(servers: tuple[Server, Server], tmp_path: Path) -> None:
    servers[0].statuses = [503, 429]
    get(servers[0], tmp_path, model())
    assert len(servers[0].asked) == 3


@pytest.mark.parametrize("data", [DATA[:-1], DATA + b"x", DATA[:-1] + b"?"], ids=["shorter", "longer", "other"])
def test_another_file_than_the_registry_names(servers: tuple[Server, Server], tmp_path: Path, data: bytes) -> None:
    servers[0].data = data
    assert failure(servers[0], tmp_path, model()).code == "download_damaged"
    assert not (tmp_path / "checkpoints" / NAME).exists()
    assert left_over(tmp_path) in ([], [f".{NAME}.part"])
    servers[0].data = DATA
    get(servers[0], tmp_path, model())  # and what is left of it does no harm
    assert (tmp_path / "checkpoints" / NAME).read_bytes() == DATA


def test_the_next_source(servers: tuple[Server, Server], tmp_path: Path) -> None:
    servers[0].data = b"x" * len(DATA)
    said = get(servers[0], tmp_path, model(source(), source(url=f"{servers[1].url}/x")))
    assert (tmp_path / "checkpoints" / NAME).read_bytes() == DATA
    assert any("trying the next source" in line for line in said)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("token", [None, TOKEN])
def test_a_licence_that_was_not_accepted(
    servers: tuple[Server, Server], tmp_path: Path, status: int, token: str | None
) -> None:
    servers[0].statuses = [status]
    error = failure(servers[0], tmp_path, model(), token)
    assert (error.code, error.exit_code) == ("model_gated", 4)
    assert "https://huggingface.co/who/what" in error.hint
    assert "HF_TOKEN" in error.hint


def test_a_gated_source_without_a_token_is_not_even_asked(servers: tuple[Server, Server], tmp_path: Path) -> None:
    assert failure(servers[0], tmp_path, model(source(gated=True))).code == "model_gated"
    assert servers[0].asked == []


def test_the_token_goes_to_the_hub_and_not_beyond(servers: tuple[Server, Server], tmp_path: Path) -> None:
    servers[0].redirect = f"{servers[1].url}/signed"
    said = get(servers[0], tmp_path, model(source(gated=True)), TOKEN)
    assert servers[0].asked[0][2] == f"Bearer {TOKEN}"
    assert servers[1].asked == [("/signed", None, None)]
    assert TOKEN not in "".join(said)
    assert "signed" not in "".join(said)


def test_redirections_without_end(servers: tuple[Server, Server], tmp_path: Path) -> None:
    servers[0].redirect = f"{servers[0].url}/again"
    assert "without end" in failure(servers[0], tmp_path, model()).message


def test_a_file_that_is_not_there(servers: tuple[Server, Server], tmp_path: Path) -> None:
    servers[0].statuses = [404]
    error = failure(servers[0], tmp_path, model())
    assert (error.code, error.retryable) == ("download_refused", False)
    assert "HTTP status 404" in error.message


def test_nobody_answers(servers: tuple[Server, Server], tmp_path: Path) -> None:
    nowhere = source(url="http://127.0.0.1:9/x?signature=abc")
    error = failure(servers[0], tmp_path, model(nowhere))
    assert error.message.endswith("from 127.0.0.1: ConnectionError")


def test_too_little_space_is_told_before_anything_is_asked(servers: tuple[Server, Server], tmp_path: Path) -> None:
    huge = model()
    huge = huge._replace(files=(huge.files[0]._replace(bytes=10**18),))
    error = failure(servers[0], tmp_path, huge)
    assert isinstance(error, EnvironmentError_)
    assert error.code == "disk_full"
    assert servers[0].asked == []


def test_a_folder_that_cannot_be_made(servers: tuple[Server, Server], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert failure(servers[0], tmp_path / "file" / "models", model()).code == "models_dir_unwritable"


def test_one_at_a_time(servers: tuple[Server, Server], tmp_path: Path) -> None:
    lock = try_lock(tmp_path / download.LOCK)
    assert lock is not None
    said: list[str] = []
    hub = download.Hub(servers[0].url)
    second = threading.Thread(target=download.download, args=(model(), tmp_path, hub, said.append))
    second.start()
    second.join(0.3)
    assert second.is_alive()
    assert said == [f"waiting for process {os.getpid()}, which is downloading"]
    assert servers[0].asked == []
    lock.release()
    second.join(20)
    assert left_over(tmp_path) == [NAME]


def test_the_command(
    servers: tuple[Server, Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = tmp_path / "models.yaml"
    registry.write_text(registry_with(DATA))
    monkeypatch.setenv("HAL_REGISTRY", str(registry))
    monkeypatch.setenv("HAL_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("HF_ENDPOINT", servers[0].url)
    assert engine.main(["pull", "mine"]) == 4
    assert "model_gated" in capsys.readouterr().err
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert engine.main(["pull", "mine"]) == 0
    told = capsys.readouterr()
    assert told.out == f"{tmp_path / 'models' / 'checkpoints' / NAME}\n"
    assert TOKEN not in told.out + told.err
    assert engine.main(["pull", "unknown"]) == 2
