"""Every way in which a download goes wrong, and what the models folder is like afterwards.

A row ends in the right file, or with exit code 4 (3 for the disk) and a hint; never with a wrong file under the name.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from hal_image.errors import HalError
from hal_image.models import transfer
from hal_image.models.types import Source
from tests.store.conftest import DATA, NAME, TOKEN, hub_source, left_over, mirror, model, pull
from tests.store.hub_server import Hub

if TYPE_CHECKING:
    from pathlib import Path

MakeHub = Callable[..., Hub]


@dataclass(frozen=True)
class Fault:
    """A row of the table.

    Attributes:
        name: what goes wrong.
        hub: how the hub misbehaves.
        code: the error, or ``None`` where the file comes all the same.
        left: what is in the folder besides the file: ``part`` or nothing.
        data: what the hub has, if it is not what the registry names.
        stall_s: seconds after which a connection is given up.
    """

    name: str
    hub: dict[str, Any] = field(default_factory=dict)
    code: str | None = None
    left: str = ""
    data: bytes = DATA
    stall_s: float = 20
    gated: bool = False


FAULTS = [
    Fault("nothing"),
    Fault("one cut", {"cut_after": 1_000_000, "cuts": 1}),
    Fault("cut at every chunk", {"cut_after": 100_000}),
    Fault("always cut at once", {"cut_after": 0}, "download_failed", "part"),
    Fault("cut after a few bytes, always", {"cut_after": 1000}, "download_failed", "part"),
    Fault("status 500 now and then", {"statuses": [500, 502, 503]}),
    Fault("status 500 for ever", {"statuses": [500] * 99}, "download_failed", "part"),
    Fault("status 429 with Retry-After", {"statuses": [429], "headers": {"Retry-After": "1"}}),
    Fault("Retry-After as a date", {"statuses": [429], "headers": {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}}),
    Fault("no such file", {"statuses": [404]}, "download_refused", "part"),
    Fault("gated, without a token", {"token": TOKEN}, "model_gated", "part"),
    Fault("gated, and marked so", {"token": TOKEN}, "model_gated", "", gated=True),
    Fault("same size, other bytes", {}, "download_damaged", "", data=DATA[:-1] + bytes([DATA[-1] ^ 1])),
    Fault("other bytes", {}, "download_damaged", "part", data=b"<!doctype html>" * 100),
    Fault("too short", {}, "download_damaged", "part", data=DATA[:-1]),
    Fault("too short, without a length", {"length": False}, "download_damaged", "part", data=DATA[:-1]),
    Fault("too long", {}, "download_damaged", "part", data=DATA + b"x"),
    Fault("too long, without a length", {"length": False}, "download_damaged", "part", data=DATA + b"x"),
    Fault("without a length", {"length": False}),
    Fault("no ranges", {"ranges": False, "cut_after": 1_000_000, "cuts": 2}),
    Fault("no ranges, always cut", {"ranges": False, "cut_after": 1_000_000}, "download_failed", "part"),
    Fault("one stall", {"silent_after": 1_000_000, "silences": 1}, stall_s=0.5),
    Fault("stalls for ever", {"silent_after": 0}, "download_failed", "part", stall_s=0.3),
    Fault("drips too slowly", {"piece": 10, "pause_s": 0.05}, "download_failed", "part", stall_s=0.3),
    Fault("drips", {"piece": 60_000, "pause_s": 0.01}, stall_s=0.5),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault(make_hub: MakeHub, folder: Path, fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "MOST_ANEW", 3)
    hub = make_hub(fault.data, **fault.hub)
    target = folder / "checkpoints" / NAME
    what = model(hub_source(gated=fault.gated))
    if fault.code is None:
        pull(hub, folder, what, stall_s=fault.stall_s)
        assert target.read_bytes() == DATA
        assert left_over(folder) == [NAME]
        return
    with pytest.raises(HalError) as caught:
        pull(hub, folder, what, stall_s=fault.stall_s)
    error = caught.value
    assert (error.code, error.exit_code) == (fault.code, 4)
    assert error.hint
    assert not target.exists()
    expected = [f".{NAME}.{hashlib.sha256(DATA).hexdigest()[:12]}.part"] if fault.left else []
    assert left_over(folder) == expected
    # and whatever is left does no harm to a call that finds everything in order
    good = make_hub()
    pull(good, folder, model())
    assert target.read_bytes() == DATA
    assert left_over(folder) == [NAME]


def test_retry_after_is_waited_for(make_hub: MakeHub, folder: Path) -> None:
    hub = make_hub(statuses=[429], headers={"Retry-After": "1"})
    retries = [event for event in pull(hub, folder, model()) if event["event"] == "pull_retry"]
    assert [(event["reason"], event["seconds"]) for event in retries] == [("HTTP status 429", 1.0)]


def test_a_cut_costs_no_byte_twice(make_hub: MakeHub, folder: Path) -> None:
    hub = make_hub(cut_after=1_000_000, cuts=2)
    pull(hub, folder, model())
    assert hub.sent == len(DATA)
    assert [asked.range for asked in hub.asked] == [None, "bytes=1000000-", "bytes=2000000-"]


def test_sources_are_tried_in_order_with_the_reason(make_hub: MakeHub, folder: Path) -> None:
    broken, lying, good = make_hub(statuses=[404]), make_hub(b"x" * len(DATA)), make_hub()
    what = model(hub_source(), mirror(lying), mirror(good))
    events = [event for event in pull(broken, folder, what) if event["event"] == "pull_source"]
    assert [event["reason"] for event in events] == [
        None,
        f"{NAME} cannot be had from huggingface.co: HTTP status 404",
        f"127.0.0.1 has another {NAME} than the registry names",
    ]
    assert (folder / "checkpoints" / NAME).read_bytes() == DATA


def test_the_next_source_goes_on_where_the_first_one_ended(make_hub: MakeHub, folder: Path) -> None:
    first, second = make_hub(silent_after=2_000_000), make_hub()

    def break_down(sent: int) -> None:
        if sent >= 2_000_000 and not first.statuses:
            first.statuses.extend([500] * 9)

    first.on_bytes = break_down
    pull(first, folder, model(hub_source(), mirror(second)), stall_s=0.3)
    assert (folder / "checkpoints" / NAME).read_bytes() == DATA
    assert first.sent + second.sent == len(DATA)


def test_all_sources_that_failed_are_named(make_hub: MakeHub, folder: Path) -> None:
    broken, gone = make_hub(statuses=[404]), make_hub(statuses=[410])
    with pytest.raises(HalError) as caught:
        pull(broken, folder, model(hub_source(), mirror(gone)))
    assert [one["code"] for one in caught.value.details["sources"]] == ["download_refused"] * 2


def test_the_token_goes_to_the_hub_and_not_beyond(make_hub: MakeHub, folder: Path) -> None:
    cdn = make_hub()
    hub = make_hub(token=TOKEN, cdn=cdn.url)
    events = pull(hub, folder, model(hub_source(gated=True)), TOKEN)
    assert [asked.authorization for asked in hub.asked] == [f"Bearer {TOKEN}"]
    assert [asked.authorization for asked in cdn.asked] == [None]
    assert TOKEN not in str(events)
    assert "signature" not in str(events)


def test_a_token_that_is_not_let_in_is_in_no_message(make_hub: MakeHub, folder: Path) -> None:
    hub = make_hub(token="hf_another")
    with pytest.raises(HalError) as caught:
        pull(hub, folder, model(hub_source(gated=True)), TOKEN)
    assert caught.value.code == "model_gated"
    assert "https://huggingface.co/who/what" in caught.value.hint
    assert TOKEN not in str(caught.value.to_json())


def test_a_damaged_part_costs_one_more_download_and_no_wrong_file(make_hub: MakeHub, folder: Path) -> None:
    part = folder / "checkpoints" / f".{NAME}.{hashlib.sha256(DATA).hexdigest()[:12]}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"\0" * 1_000_000)  # what a power cut can leave
    hub = make_hub()
    pull(hub, folder, model())
    assert (folder / "checkpoints" / NAME).read_bytes() == DATA
    assert [asked.range for asked in hub.asked] == ["bytes=1000000-", None]


def test_a_part_that_is_whole_needs_no_server(make_hub: MakeHub, folder: Path) -> None:
    part = folder / "checkpoints" / f".{NAME}.{hashlib.sha256(DATA).hexdigest()[:12]}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(DATA)
    hub = make_hub()
    pull(hub, folder, model())
    assert hub.asked == []
    assert left_over(folder) == [NAME]


def test_what_is_there_is_left_alone(make_hub: MakeHub, folder: Path) -> None:
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / NAME).write_bytes(b"my own")
    hub = make_hub()
    pull(hub, folder, model())
    assert hub.asked == []
    assert (folder / "checkpoints" / NAME).read_bytes() == b"my own"


def test_too_little_space_for_all_files_together_is_told_first(make_hub: MakeHub, folder: Path) -> None:
    folder.mkdir()
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    what = model()
    files = tuple(what.files[0]._replace(name=f"{n}.safetensors", bytes=int(free * 0.6)) for n in "ab")
    hub = make_hub()
    with pytest.raises(HalError) as caught:
        pull(hub, folder, what._replace(files=files))
    assert (caught.value.code, caught.value.exit_code) == ("disk_full", 3)
    assert hub.asked == []
    assert left_over(folder) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_the_disk_fills_up_meanwhile(make_hub: MakeHub, folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"this system does not let root mount: {mounted.stderr.decode().strip()}")
    try:
        hub = make_hub()
        other = folder / "of somebody else"

        def fill(sent: int) -> None:
            if sent >= 1_000_000:
                hub.on_bytes = None  # once
                with other.open("wb") as file:
                    try:
                        file.write(b"x" * 4_000_000)
                    except OSError:
                        return

        hub.on_bytes = fill
        with pytest.raises(HalError) as caught:
            pull(hub, folder, model())
        assert (caught.value.code, caught.value.exit_code) == ("disk_full", 3)
        assert not (folder / "checkpoints" / NAME).exists()
        other.unlink()
        pull(hub, folder, model())
        assert (folder / "checkpoints" / NAME).read_bytes() == DATA
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_folder_that_cannot_be_made(make_hub: MakeHub, folder: Path) -> None:
    folder.write_text("")
    with pytest.raises(HalError) as caught:
        pull(make_hub(), folder / "models", model())
    assert caught.value.code == "models_dir_unwritable"


def test_nobody_answers(make_hub: MakeHub, folder: Path) -> None:
    nowhere = Source(None, None, None, "http://127.0.0.1:9/x?signature=abc", gated=False)
    with pytest.raises(HalError) as caught:
        pull(make_hub(), folder, model(nowhere))
    assert caught.value.message.endswith("from 127.0.0.1: ConnectionError")
    assert caught.value.retryable


def test_redirections_without_end(make_hub: MakeHub, folder: Path) -> None:
    hub = make_hub()
    hub.statuses, hub.headers = [302] * 9, {"Location": f"{hub.url}/again"}
    with pytest.raises(HalError) as caught:
        pull(hub, folder, model())
    assert "without end" in caught.value.message
