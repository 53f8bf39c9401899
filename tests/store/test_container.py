"""The download container: what it is started with, and how its events come back. A script stands in for Docker."""

from __future__ import annotations

import json
import os
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import hal_image
from hal_image import container
from hal_image.errors import HalError
from hal_image.host.docker import answers, commands
from hal_image.host.docker import pull as in_container
from hal_image.host.docker.commands import Host
from hal_image.host.main import main
from hal_image.models import hub as hubs
from hal_image.models import verified
from hal_image.models.download import Pull
from tests.store.conftest import DATA, NAME, REGISTRY, TOKEN, hub_source, left_over, model

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.store.hub_server import Hub
    from tests.store.xet_storage import XetStorage

    MakeHub = Callable[..., Hub]
    MakeStorage = Callable[..., XetStorage]

HOST = Host(podman=False, rootless=False, uid=1000, gid=100, memory_bytes=0, selinux=False)
STAND_IN = """\
import json, os, sys
if sys.argv[1] == "info":
    print(json.dumps({"ServerVersion": "28", "MemTotal": 1}))
    sys.exit()
if sys.argv[1] == "image":
    print(json.dumps({"id": "IMAGE", "labels": {}}))
    sys.exit()
with open(__file__ + ".log", "w") as log:
    json.dump([sys.argv, dict(os.environ)], log)
os.chdir(%r)
os.environ.pop("HF_TOKEN", None)
os.execv(sys.executable, [sys.executable, "-m", "hal_image.engine", *sys.argv[sys.argv.index("IMAGE") + 1 :]])
"""


@pytest.fixture
def program(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    path = tmp_path / "docker"
    path.write_text(f"#!{sys.executable}\n{STAND_IN % str(Path(hal_image.__file__).parent.parent)}", encoding="utf-8")
    path.chmod(0o755)
    monkeypatch.setattr(container, "MODELS", str(folder))  # no other file system here
    return str(path)


def pull(program: str, hub: Hub, folder: Path, token: str | None = TOKEN) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    wanted = Pull((model(hub_source(gated=True)),), folder, hubs.Hub(hub.url, token), events.append)
    paths = in_container.download(program, answers.Image("IMAGE", {}), wanted)
    assert paths == [folder / "checkpoints" / NAME]
    return events


def test_a_download(program: str, make_hub: MakeHub, folder: Path) -> None:
    hub = make_hub(token=TOKEN)
    events = pull(program, hub, folder)
    path = folder / "checkpoints" / NAME
    assert path.read_bytes() == DATA
    assert {event["event"] for event in events} == {"pull_planned", "pull_source", "pull_progress", "pull_done"}
    assert verified.digest(verified.read(), path) == hub.sha256, "known here, though it was read there"
    told = Path(f"{program}.log").read_text(encoding="utf-8")
    assert TOKEN not in told, "neither in an argument nor in a variable"
    argv, _ = json.loads(told)
    assert "--gpus" not in argv


@pytest.mark.skipif(find_spec("hf_xet") is None, reason="hf_xet has no package for this machine")
def test_a_download_over_xet(program: str, make_hub: MakeHub, make_storage: MakeStorage, folder: Path) -> None:
    small_too = "from hal_image.models import xet; xet.FROM_BYTES = 0; xet.AHEAD_BYTES = 10**6; xet.PIECE_BYTES = 10**5"
    engine = f"import runpy; {small_too}; runpy.run_module('hal_image.engine', run_name='__main__')"
    script = Path(program).read_text(encoding="utf-8")
    assert '"-m", "hal_image.engine"' in script
    Path(program).write_text(script.replace('"-m", "hal_image.engine"', f'"-c", {engine!r}'), encoding="utf-8")
    cdn, storage = make_hub(), make_storage()
    events = pull(program, make_hub(token=TOKEN, cdn=cdn.url, xet=storage), folder)
    assert (folder / "checkpoints" / NAME).read_bytes() == DATA
    assert [event["event"] for event in events if event["event"] != "pull_progress"] == [
        "pull_planned", "pull_source", "pull_parallel", "pull_done",
    ]  # fmt: skip
    assert cdn.asked == []
    assert TOKEN not in Path(f"{program}.log").read_text(encoding="utf-8")


@pytest.mark.parametrize("how", ["asked", "variable", "auto"])
def test_models_pull_uses_the_container_where_docker_is_the_engine(
    program: str,
    make_hub: MakeHub,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    keep_signals: None,
    how: str,
) -> None:
    hub = make_hub(token=TOKEN)
    registry = tmp_path / "own.yaml"
    registry.write_text(REGISTRY.format(name=NAME, bytes=len(DATA), sha256=hub.sha256, gated="true"), encoding="utf-8")
    for name in ("HAL_ENGINE_PYTHON", "HAL_COMFYUI_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("HAL_REGISTRY", str(registry))
    monkeypatch.setenv("HAL_DOCKER", program)
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HAL_ENGINE", {"variable": "docker", "auto": "auto"}.get(how, "local"))
    assert main(["models", "pull", "mine", "--json", *(["--engine", "docker"] if how == "asked" else [])]) == 0
    assert json.loads(capfd.readouterr().out)["data"]["pulled"][0]["files"][0]["downloaded"] is True
    assert (folder / "checkpoints" / NAME).read_bytes() == DATA
    argv, _ = json.loads(Path(f"{program}.log").read_text(encoding="utf-8"))
    assert argv[1] == "run", "it was the container"


def test_the_command_line() -> None:
    argv = commands.pull("IMAGE", Path("/m"), HOST)
    for words in (["--user", "1000:100"], ["--cap-drop", "ALL"], ["--pull", "never"], ["IMAGE", "pull", "--order"]):
        assert any(argv[at : at + len(words)] == words for at in range(len(argv)))
    assert f"type=bind,source=/m,target={container.MODELS}" in argv
    assert not {"--gpus", "--env", "-e", "--detach"} & {*argv}
    assert "none" not in argv, "it is the one that has a network"


def test_a_failure_comes_back_as_what_it_is(program: str, make_hub: MakeHub, folder: Path) -> None:
    with pytest.raises(HalError) as caught:
        pull(program, make_hub(token="another"), folder)
    assert (caught.value.code, caught.value.exit_code) == ("model_gated", 4)
    assert TOKEN not in str(caught.value.to_json())


def test_a_container_that_says_nothing(folder: Path, make_hub: MakeHub, tmp_path: Path) -> None:
    path = tmp_path / "docker"
    path.write_text(
        "#!/bin/sh\n"
        'if [ "$1" = info ]; then echo "{}"; exit 0; fi\necho "docker: no space left on device" >&2\nexit 125\n'
    )
    path.chmod(0o755)
    with pytest.raises(HalError) as caught:
        pull(str(path), make_hub(), folder)
    assert caught.value.code == "disk_full"


def test_it_ends_with_the_host(program: str, make_hub: MakeHub, folder: Path) -> None:
    hub = make_hub(pause_s=0.05)

    def give_up(event: dict[str, Any]) -> None:
        if event["event"] == "pull_progress":
            raise KeyboardInterrupt

    wanted = Pull((model(),), folder, hubs.Hub(hub.url), give_up)
    with pytest.raises(KeyboardInterrupt):
        in_container.download(program, answers.Image("IMAGE", {}), wanted)
    sent = hub.sent
    time.sleep(0.5)
    assert hub.sent <= sent + 2 * hub.piece
    assert all(name.endswith(".part") for name in left_over(folder))


def test_proxies_and_certificates_go_through_the_pipe(
    tmp_path: Path, folder: Path, make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("certificates", encoding="utf-8")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    monkeypatch.setenv("HTTPS_PROXY", "http://me:secret@proxy.example.com")
    path = tmp_path / "docker"
    path.write_text(
        f"#!{sys.executable}\nimport sys\n"
        "if sys.argv[1] == 'info':\n    print('{}')\n    sys.exit()\n"
        "open(__file__ + '.order', 'w').write(sys.stdin.readline())\n"
        """print('{"event": "pull_end", "paths": []}')\n"""
    )
    path.chmod(0o755)
    wanted = Pull((model(),), folder, hubs.Hub(token=TOKEN), lambda _: None)
    assert in_container.download(str(path), answers.Image("IMAGE", {}), wanted) == []
    order = json.loads(Path(f"{path}.order").read_text(encoding="utf-8"))
    assert order["certificates"] == "certificates"
    assert order["environment"]["HTTPS_PROXY"] == os.environ["HTTPS_PROXY"]
    assert order["hub"]["token"] == TOKEN
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    with pytest.raises(HalError) as caught:
        in_container.download(str(path), answers.Image("IMAGE", {}), wanted)
    assert caught.value.code == "certificates_unreadable"
