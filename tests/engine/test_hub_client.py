"""The hub that the tests own, and what we take from the environment, against the library that everybody uses.

huggingface_hub is in the engine's venv, since ComfyUI's packages need it. If it can download from our hub, the hub is
one; and where it finds a token and an endpoint, we do.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from hal_image.models import hub as hubs
from hal_image.models import xet
from tests.store.conftest import model
from tests.store.hub_server import COMMIT, Hub
from tests.store.xet_storage import XetStorage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hal_image.install.engine_env import EnginePaths

    Run = Callable[..., Any]

DOWNLOAD = """
import json, sys, huggingface_hub
path = huggingface_hub.hf_hub_download("who/what", "m.safetensors", cache_dir=sys.argv[1])
print(json.dumps(path))
"""
FACTS = """
import json, huggingface_hub
from huggingface_hub import constants
token = huggingface_hub.get_token()
print(json.dumps([constants.ENDPOINT, token, constants.HF_HUB_OFFLINE, not constants.HF_HUB_DISABLE_XET]))
"""
OFFER = """
import json, sys, requests
from huggingface_hub.utils._xet import parse_xet_file_data_from_response
response = requests.Response()
response.status_code = 302
response.headers.update(json.loads(sys.argv[1]))
found = parse_xet_file_data_from_response(response)
print(json.dumps(found and [found.file_hash, found.refresh_route]))
"""


@pytest.fixture
def library(installed: EnginePaths) -> Run:
    def run(code: str, *arguments: str, **environment: str) -> Any:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "HF_", "HUGGING")) and name.lower() not in {"http_proxy", "all_proxy"}
        }
        done = subprocess.run(
            [str(installed.python), "-c", code, *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={**kept, "HF_HUB_DISABLE_TELEMETRY": "1", **environment},
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture
def hub() -> Iterator[Hub]:
    cdn = Hub(os.urandom(300_000))
    running = Hub(cdn.data, cdn=cdn.url, token="hf_x")
    yield running
    running.close()
    cdn.close()


def test_the_library_downloads_from_our_hub(library: Run, hub: Hub, tmp_path: Path) -> None:
    path = Path(library(DOWNLOAD, str(tmp_path), HF_ENDPOINT=hub.url, HF_TOKEN="hf_x"))
    assert path.read_bytes() == hub.data
    assert COMMIT in path.parts
    assert path.resolve().name == hub.sha256


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"HF_TOKEN": "hf_a", "HUGGING_FACE_HUB_TOKEN": "hf_b"},
        {"HUGGING_FACE_HUB_TOKEN": " hf_b\n"},
        {"HF_HOME": "HERE"},
        {"HF_TOKEN_PATH": "HERE/token", "HF_HOME": "/nowhere"},
        {"XDG_CACHE_HOME": "HERE/cache"},
        {"HF_ENDPOINT": "http://127.0.0.1:1", "HF_HUB_OFFLINE": "yes"},
        {"HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "true"},
        {"HF_HUB_DISABLE_XET": "0"},
    ],
)
def test_we_find_what_the_library_finds(library: Run, tmp_path: Path, environment: dict[str, str]) -> None:
    for folder in (tmp_path, tmp_path / "cache" / "huggingface"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "token").write_text("hf_of_the_file\n", encoding="utf-8")
    named = {name: value.replace("HERE", str(tmp_path)) for name, value in environment.items()}
    named = {"XDG_CACHE_HOME": str(tmp_path / "none"), **named}
    ours = hubs.from_environment(named)
    assert library(FACTS, **named) == [ours.endpoint, ours.token, ours.offline, ours.xet]


def test_the_library_downloads_from_our_storage_of_chunks(library: Run, tmp_path: Path) -> None:
    storage = XetStorage(os.urandom(9_000_000))
    hub = Hub(storage.data, cdn="http://127.0.0.1:1", xet=storage, token="hf_x")
    try:
        path = Path(library(DOWNLOAD, str(tmp_path), HF_ENDPOINT=hub.url, HF_TOKEN="hf_x", HF_HOME=str(tmp_path)))
    finally:
        hub.close()
        storage.close()
    assert path.read_bytes() == hub.data
    assert storage.asked


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Xet-Hash": "a" * 64, "X-Xet-Refresh-Route": f"{hubs.HUB}/api/models/a/b/xet-read-token/c"},
        {"X-Xet-Hash": "a" * 64, "X-Xet-Refresh-Route": "http://127.0.0.1:1/api/x"},
        {"X-Xet-Hash": "a" * 64, "Link": f'<{hubs.HUB}/api/y>; rel="xet-auth", <https://z>; rel="next"'},
        {"X-Xet-Hash": "a" * 64},
        {"X-Xet-Refresh-Route": f"{hubs.HUB}/api/x"},
    ],
)
@pytest.mark.parametrize("endpoint", [hubs.HUB, "http://127.0.0.1:1"])
def test_we_read_what_the_library_reads_of_an_offer(library: Run, headers: dict[str, str], endpoint: str) -> None:
    response = requests.Response()
    response.status_code = 302
    response.headers.update(headers)
    ours = xet.offer(response, model().files[0], hubs.Hub(endpoint))
    theirs = library(OFFER, json.dumps(headers), HF_ENDPOINT=endpoint)
    if theirs is not None and not theirs[1].startswith(endpoint):
        theirs = None  # it would ask another host
    assert (None if ours is None else [ours.hash, ours.access]) == theirs
