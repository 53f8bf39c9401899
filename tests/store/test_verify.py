"""``models verify`` with ``--repair``, and what is remembered of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hal_image.models import verified
from tests.store.conftest import NAME, Call, left_over, place
from tests.synthetic import write_flux_parts, write_sd15

if TYPE_CHECKING:
    from tests.store.hub_server import Hub


def one(answer: dict[str, Any]) -> tuple[str, str | None]:
    (found,) = answer["data"]["verified"]
    return found["status"], found["sha256"]


def test_verify_reads_a_file_once(call: Call, mine: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert one(call("models", "verify", "mine")[1]) == ("missing", None)
    path = place(folder, mine.data)
    assert one(call("models", "verify", "mine")[1]) == ("ok", mine.sha256)
    path.chmod(0)  # root could read it all the same
    monkeypatch.setattr("hal_image.host.store.verify.digest_of", None)
    assert one(call("models", "verify", "mine")[1]) == ("ok", mine.sha256)


@pytest.mark.parametrize("how", ["same size", "cut", "a web page"])
def test_damage_is_found_and_repaired(call: Call, mine: Hub, folder: Path, how: str) -> None:
    data = {
        "same size": mine.data[:-1] + bytes([mine.data[-1] ^ 1]),
        "cut": mine.data[: len(mine.data) // 2],
        "a web page": b"<!doctype html><p>no",
    }[how]
    path = place(folder, data)
    code, answer = call("models", "verify", "mine")
    assert (code, answer["error"]["code"]) == (4, "models_damaged")
    assert one(answer)[0] == "damaged"
    code, answer = call("models", "verify", "mine", "--repair")
    assert (code, one(answer)) == (0, ("repaired", mine.sha256))
    assert path.read_bytes() == mine.data
    assert left_over(folder) == [NAME]
    if how == "cut":
        assert mine.sent == len(mine.data) - len(data), "what was there is gone on from"


def test_a_repair_that_fails_takes_nothing_away(call: Call, mine: Hub, folder: Path) -> None:
    damaged = mine.data[:-1] + bytes([mine.data[-1] ^ 1])
    path = place(folder, damaged)
    mine.statuses = [404]
    code, answer = call("models", "verify", "mine", "--repair")
    assert (code, answer["error"]["code"]) == (4, "download_refused")
    assert path.read_bytes() == damaged
    assert left_over(folder) in ([NAME], [f".{NAME}.{mine.sha256[:12]}.part", NAME])


def test_a_repair_does_not_write_into_a_file_of_somebody_else(
    call: Call, mine: Hub, folder: Path, tmp_path: Path
) -> None:
    path = place(folder, mine.data[:1000])
    (tmp_path / "theirs").hardlink_to(path)
    assert call("models", "verify", "mine", "--repair")[0] == 0
    assert path.read_bytes() == mine.data
    assert (tmp_path / "theirs").read_bytes() == mine.data[:1000]


def test_what_cannot_be_had_again_is_not_removed(
    call: Call, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HAL_REGISTRY")
    own = tmp_path / "own.safetensors"
    own.write_bytes(checkpoint.read_bytes())
    added = Path(call("models", "add", str(own), "--name", "own")[1]["data"]["added"]["path"])
    with own.open("r+b") as file:
        file.truncate(1000)
    code, answer = call("models", "verify", "own", "--repair")
    assert (code, answer["error"]["code"]) == (4, "models_damaged")
    assert "added from this machine" in answer["error"]["hint"]
    assert added.stat().st_size == 1000


def test_a_stall_limit_that_is_none(call: Call, mine: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAL_STALL", "soon")
    code, answer = call("models", "pull", "mine")
    assert (code, answer["error"]["code"], mine.asked) == (2, "usage", [])


def test_a_file_that_changed_is_not_taken_for_verified(call: Call, mine: Hub, folder: Path) -> None:
    path = place(folder, mine.data)
    call("models", "verify", "mine")
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(bytes([mine.data[-1] ^ 1]))
    assert one(call("models", "verify", "mine")[1])[0] == "damaged"
    shown = call("-p", "x", "-m", "mine", "--dry-run", "-o", "x")[1]
    assert [warning["code"] for warning in shown["warnings"]] == ["model_digest_differs"]


def test_another_whole_file_of_that_name_is_no_damage(call: Call, mine: Hub, folder: Path) -> None:
    path = place(folder, b"")
    write_flux_parts(folder / "other")
    path.unlink()
    write_sd15(path)
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    path.write_bytes((length + 8).to_bytes(8, "little") + data[8 : 8 + length] + b" " * 8 + data[8 + length :])
    code, answer = call("models", "verify", "mine")
    assert (code, one(answer)[0]) == (0, "other")


def test_an_index_that_is_damaged_costs_only_time(call: Call, mine: Hub, folder: Path) -> None:
    place(folder, mine.data)
    call("models", "verify", "mine")
    for content in (b"", b"{", b"[]", b'{"schema_version": 1, "files": {"x": 3}}', b"\xff" * 100):
        verified.index_file().write_bytes(content)
        assert one(call("models", "verify", "mine")[1]) == ("ok", mine.sha256)
