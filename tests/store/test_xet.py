"""Files that the hub keeps in Xet: the real ``hf_xet``, with a storage on loopback that works, or misbehaves."""

from __future__ import annotations

import hashlib
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import hal_image
from hal_image.models import hub as hubs
from hal_image.models import xet
from hal_image.models.download import Pull, download
from hal_image.models.hub import from_environment
from tests.children import running_with
from tests.store.conftest import DATA, NAME, TOKEN, Call, hub_source, left_over, mirror, model, pull
from tests.store.hub_server import ACCESS, Hub
from tests.store.xet_storage import CHUNK, XetStorage

if TYPE_CHECKING:
    import psutil

    from hal_image.errors import JsonObject

pytestmark = pytest.mark.skipif(find_spec("hf_xet") is None, reason="hf_xet has no package for this machine")

MakeHub = Callable[..., Hub]
MakeStorage = Callable[..., XetStorage]
ROOT = Path(hal_image.__file__).parent.parent
PART = f".{NAME}.{hashlib.sha256(DATA).hexdigest()[:12]}.part"
SMALL_AHEAD = 5 * 4 * CHUNK


@pytest.fixture(autouse=True)
def _small_files_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(xet, "FROM_BYTES", 0)
    monkeypatch.setattr(xet, "AHEAD_BYTES", SMALL_AHEAD)
    monkeypatch.setattr(xet, "PIECE_BYTES", 4 * CHUNK)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def xet_children() -> list[psutil.Process]:
    """Processes of ours that fetch over Xet; other tests in this process may have left others."""
    return running_with(str(xet._CHILD))


@pytest.fixture
def cdn(make_hub: MakeHub) -> Hub:
    """Where the bytes are without Xet."""
    return make_hub()


@pytest.fixture
def storage(make_storage: MakeStorage) -> XetStorage:
    return make_storage()


@pytest.fixture
def hub(make_hub: MakeHub, cdn: Hub, storage: XetStorage) -> Hub:
    return make_hub(cdn=cdn.url, xet=storage)


def lines(events: list[JsonObject]) -> list[str]:
    return [event["event"] for event in events if event["event"] != "pull_progress"]


def retries(events: list[JsonObject]) -> list[str]:
    return [event["reason"] for event in events if event["event"] == "pull_retry"]


def assert_xet_failed(events: list[JsonObject]) -> None:
    (told,) = retries(events)  # which error the library notices first is chance
    assert re.fullmatch(r"Xet failed \((it ended early|it broke off|no connection)\), so over one connection", told)


def test_a_large_file_comes_over_xet(hub: Hub, cdn: Hub, storage: XetStorage, folder: Path, tmp_path: Path) -> None:
    hub.token = TOKEN
    events = pull(hub, folder, model(), TOKEN)
    assert (folder / "checkpoints" / NAME).read_bytes() == DATA
    assert left_over(folder) == [NAME]
    assert lines(events) == ["pull_planned", "pull_source", "pull_parallel", "pull_done"]
    assert [asked.path for asked in hub.asked] == [f"/who/what/resolve/abc/a/{NAME}", ACCESS]
    assert cdn.asked == []
    assert len({asked.range for asked in storage.asked if asked.path.startswith("/blocks")}) >= 10, "many at once"
    assert not list(tmp_path.glob("home/**/*")), "neither logs nor caches"


def test_the_token_stays_at_the_hub(
    hub: Hub, storage: XetStorage, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.token = TOKEN
    seen: list[str] = []

    def look(event: JsonObject) -> None:
        if event["event"] == "pull_progress" and not seen:
            (child,) = xet_children()
            seen.extend([*child.cmdline(), *child.environ().values()])

    monkeypatch.setenv("HF_TOKEN", TOKEN)
    download(Pull((model(),), folder, from_environment()._replace(endpoint=hub.url), look))
    assert [asked.authorization for asked in hub.asked] == [f"Bearer {TOKEN}"] * 2
    assert {asked.authorization for asked in storage.asked} == {f"Bearer {storage.token}", None}
    assert seen
    assert TOKEN not in " ".join(seen)
    assert {asked.method for asked in storage.asked} == {"GET"}, "nothing is reported to anybody"


@pytest.mark.parametrize(
    "how",
    [
        {"refuses": True},
        {"status": 404},
        {"status": 500},
        {"status": 429},
        {"cut_after": 100_000},
        {"silent_after": 1_000_000},
        {"size": 2_000_000},
    ],
    ids=str,
)
def test_what_fails_goes_on_over_one_connection(
    make_hub: MakeHub, make_storage: MakeStorage, cdn: Hub, folder: Path, how: dict[str, Any]
) -> None:
    hub = make_hub(cdn=cdn.url, xet=make_storage(**how))
    events = pull(hub, folder, model(), stall_s=2)
    assert_xet_failed(events)
    assert (folder / "checkpoints" / NAME).read_bytes() == DATA
    assert left_over(folder) == [NAME]
    arrived = [event["value"] for event in events if event["event"] == "pull_progress"]
    assert arrived == sorted(arrived), "what came over Xet is kept"
    assert cdn.sent == len(DATA) - int((cdn.asked[0].range or "bytes=0-").removeprefix("bytes=").rstrip("-"))


def test_nobody_there(make_hub: MakeHub, make_storage: MakeStorage, cdn: Hub, folder: Path) -> None:
    gone = make_storage()
    hub = make_hub(cdn=cdn.url, xet=gone)
    gone.close()
    assert_xet_failed(pull(hub, folder, model()))
    assert (folder / "checkpoints" / NAME).read_bytes() == DATA


def test_a_trickle_is_given_up(
    make_hub: MakeHub, make_storage: MakeStorage, cdn: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xet, "TICK_S", 0.05)
    monkeypatch.setattr(xet, "STALLS", 0.2)
    hub = make_hub(cdn=cdn.url, xet=make_storage(pause_s=0.4))  # no connection is silent, and no piece gets done
    assert retries(pull(hub, folder, model(), stall_s=5)) == ["Xet failed (it stalled), so over one connection"]
    assert (folder / "checkpoints" / NAME).read_bytes() == DATA


def test_wrong_bytes_are_noticed_and_come_again_in_another_way(
    make_hub: MakeHub, make_storage: MakeStorage, cdn: Hub, folder: Path
) -> None:
    hub = make_hub(cdn=cdn.url, xet=make_storage(damages=True))
    events = pull(hub, folder, model())
    assert retries(events) == ["what came over Xet is damaged; from the beginning"]
    assert lines(events).count("pull_parallel") == 1
    assert (folder / "checkpoints" / NAME).read_bytes() == DATA


def test_what_is_there_does_not_come_again(hub: Hub, cdn: Hub, storage: XetStorage, folder: Path) -> None:
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / PART).write_bytes(DATA[:1_000_001])
    pull(hub, folder, model())
    assert (folder / "checkpoints" / NAME).read_bytes() == DATA
    first = min(int(asked.range.removeprefix("bytes=").split("-")[0]) for asked in storage.asked if asked.range)
    assert first <= 1_000_001
    pieces = -(-len(DATA) // (4 * CHUNK))
    assert storage.sent <= len(DATA) - 1_000_001 + (pieces + 1) * CHUNK, "a chunk that two pieces share comes twice"
    assert cdn.asked == []


def test_who_gives_up_leaves_no_process(
    make_hub: MakeHub,
    make_storage: MakeStorage,
    cdn: Hub,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    hub = make_hub(cdn=cdn.url, xet=make_storage(silent_after=1_500_000))
    children: list[psutil.Process] = []

    def give_up(event: JsonObject) -> None:
        if event["event"] == "pull_progress":
            children.extend(xet_children())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(Pull((model(),), folder, hubs.Hub(hub.url), give_up))
    assert len(children) == 1
    assert not children[0].is_running()
    assert not list(tmp_path.glob("hal-xet-*"))
    assert left_over(folder) == [PART]


def test_a_deadline_is_heeded_while_nothing_comes(
    make_hub: MakeHub, make_storage: MakeStorage, cdn: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xet, "TICK_S", 0.05)
    hub = make_hub(cdn=cdn.url, xet=make_storage(silent_after=0))
    began = time.monotonic()

    def give_up(event: JsonObject) -> None:
        if event["event"] == "pull_progress" and time.monotonic() - began > 1:
            raise LookupError

    with pytest.raises(LookupError):
        download(Pull((model(),), folder, hubs.Hub(hub.url), give_up, stall_s=60))


def test_kills_at_random_points(make_hub: MakeHub, make_storage: MakeStorage, folder: Path) -> None:
    chance = random.Random(5)
    data = os.urandom(24_000_000)
    storage = make_storage(data, pause_s=0.002)
    cdn = make_hub(data)
    hub = make_hub(data, cdn=cdn.url, xet=storage)
    command = [
        sys.executable, "-m", "tests.store.pulling",
        hub.url, str(folder), str(len(data)), hub.sha256, NAME, str(SMALL_AHEAD),
    ]  # fmt: skip
    path, part = folder / "checkpoints" / NAME, folder / "checkpoints" / f".{NAME}.{hub.sha256[:12]}.part"
    killed = 0
    for _ in range(6):
        enough = storage.sent + chance.randrange(1, len(data) // 4)
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        end = time.monotonic() + 60
        while storage.sent < enough and process.poll() is None:
            assert time.monotonic() < end
            time.sleep(0.001)
        killed += process.poll() is None
        process.kill()
        process.communicate()
        assert left_over(folder) in ([], [NAME], [part.name])
        if part.exists():
            assert part.read_bytes() == data[: part.stat().st_size], "in order, whenever it ended"
    assert killed > 3, "most of them hit"
    subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=60)
    assert path.read_bytes() == data
    assert left_over(folder) == [NAME]
    assert cdn.sent < SMALL_AHEAD, "at most what was almost done"
    pieces = -(-len(data) // (4 * CHUNK))
    assert storage.sent + cdn.sent <= len(data) + pieces * CHUNK + killed * (SMALL_AHEAD + 5 * CHUNK)


@pytest.mark.parametrize("how", ["small", "almost done", "disabled", "of another size", "access elsewhere", "a mirror"])
def test_what_does_not_come_over_xet(
    make_hub: MakeHub,
    make_storage: MakeStorage,
    cdn: Hub,
    storage: XetStorage,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    hub = make_hub(cdn=cdn.url, xet=storage, token=TOKEN)
    what, environment = model(), {"HF_TOKEN": TOKEN}
    elsewhere = make_hub()
    if how == "small":
        monkeypatch.setattr(xet, "FROM_BYTES", len(DATA) + 1)
    elif how == "almost done":
        (folder / "checkpoints").mkdir(parents=True)
        (folder / "checkpoints" / PART).write_bytes(DATA[: len(DATA) - SMALL_AHEAD + 1])
    elif how == "disabled":
        environment["HF_HUB_DISABLE_XET"] = "1"
    elif how == "of another size":
        hub.data = DATA + b"x"
        what = model(hub_source(), mirror(elsewhere))
    elif how == "access elsewhere":
        hub.access = f"{elsewhere.url}/api/access"
    elif how == "a mirror":
        what = model(mirror(hub))
        hub.token = None
    events: list[JsonObject] = []
    download(Pull((what,), folder, from_environment({**environment, "HF_ENDPOINT": hub.url}), events.append))
    assert (folder / "checkpoints" / NAME).read_bytes() == DATA
    assert "pull_parallel" not in lines(events)
    assert storage.asked == []
    assert {asked.authorization for asked in elsewhere.asked} <= {None}


def test_the_token_does_not_follow_where_access_redirects(
    hub: Hub, storage: XetStorage, make_hub: MakeHub, folder: Path
) -> None:
    other = make_hub(xet=storage)
    hub.token, hub.access_redirect = TOKEN, f"{other.url}{ACCESS}"
    pull(hub, folder, model(), TOKEN)
    assert (folder / "checkpoints" / NAME).read_bytes() == DATA
    assert [asked.path for asked in other.asked] == [ACCESS]
    assert [asked.authorization for asked in other.asked] == [None]


@pytest.mark.parametrize("known", [True, False])
def test_a_checkpoint_of_ones_own_comes_over_xet_if_its_digest_is_known(
    call: Call,
    checkpoint: Path,
    make_hub: MakeHub,
    make_storage: MakeStorage,
    monkeypatch: pytest.MonkeyPatch,
    known: bool,
) -> None:
    data = checkpoint.read_bytes()
    storage, cdn = make_storage(data), make_hub(data)
    monkeypatch.setattr(xet, "AHEAD_BYTES", len(data) // 2)
    monkeypatch.setenv("HF_ENDPOINT", make_hub(data, xet=storage, cdn=cdn.url if known else None).url)
    monkeypatch.delenv("HAL_REGISTRY")
    code, answer = call("models", "add", f"hf:who/what/{NAME}", "--name", "paint")
    assert code == 0, answer
    assert Path(answer["data"]["added"]["path"]).read_bytes() == data
    assert (storage.sent >= len(data)) is known


def test_proxies_and_certificates_are_told_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/a/bundle.pem")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    environment = xet._environment("/folder")
    assert (environment["SSL_CERT_FILE"], environment["HTTPS_PROXY"]) == ("/a/bundle.pem", "http://proxy:1")


def test_a_machine_without_the_library(
    hub: Hub, storage: XetStorage, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xet, "find_spec", lambda _: None)
    assert "pull_parallel" not in lines(pull(hub, folder, model()))
    assert storage.asked == []


def test_a_library_that_cannot_be_loaded(
    hub: Hub, storage: XetStorage, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = tmp_path / "child.py"
    child.write_text(
        f"import sys; sys.modules['hf_xet'] = None\n{xet._CHILD.read_text(encoding='utf-8')}".replace(
            "from __future__ import annotations\n", ""
        )
    )
    monkeypatch.setattr(xet, "_CHILD", child)
    events = pull(hub, folder, model())
    assert retries(events) == ["Xet failed (ModuleNotFoundError), so over one connection"]
    monkeypatch.setattr(xet, "_CHILD", tmp_path / "none.py")
    (folder / "checkpoints" / NAME).unlink()
    assert retries(pull(hub, folder, model())) == ["Xet failed (hf_xet ended with exit code 2), so over one connection"]
