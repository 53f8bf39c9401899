from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from hal_image.errors import EnvironmentError_
from hal_image.install import markers

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "ready.json"
    assert markers.read(path) is None
    markers.write(path, {"kind": "host", "packages": 8})
    assert markers.read(path) == {"kind": "host", "packages": 8}
    assert [file.name for file in tmp_path.iterdir()] == ["ready.json"]


def test_the_files_are_flushed_before_the_marker_appears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ready.json"
    seen: list[bool] = []
    monkeypatch.setattr(os, "sync", lambda: seen.append(path.exists()))
    markers.write(path, {})
    assert seen == [False]


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        markers.write(tmp_path / "ready.json", {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "{", "[]", "\xff"])
def test_a_damaged_marker_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "ready.json").write_text(content, encoding="latin-1")
    assert markers.read(tmp_path / "ready.json") is None


def test_remove_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    markers.remove_tree(tmp_path / "missing")
    (tmp_path / "a" / "b").mkdir(parents=True)
    markers.remove_tree(tmp_path / "a")
    assert not (tmp_path / "a").exists()
    (tmp_path / "c").mkdir()

    def refuse(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("shutil.rmtree", refuse)
    with pytest.raises(EnvironmentError_) as caught:
        markers.remove_tree(tmp_path / "c")
    assert caught.value.code == "state_dir_unwritable"
    assert str(tmp_path / "c") in caught.value.hint
