"""The page cache is dropped as a whole, or file by file, or it is told that it was not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from bench import page_cache

if TYPE_CHECKING:
    import pytest


def test_the_whole_cache_is_dropped_where_that_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    switch = tmp_path / "drop_caches"
    switch.touch()
    monkeypatch.setattr(page_cache, "DROP", switch)
    assert page_cache.drop([]) == "drop_caches"
    assert switch.read_text() == "3\n"


def test_else_every_file_of_the_folders_is_taken_out_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_cache, "DROP", tmp_path / "no" / "such")
    (tmp_path / "a" / "b").mkdir(parents=True)
    file = tmp_path / "a" / "b" / "model"
    file.write_bytes(b"x")
    (tmp_path / "a" / "broken").symlink_to("nowhere")
    evicted = []
    real = os.posix_fadvise

    def advise(descriptor: int, offset: int, length: int, advice: int) -> None:
        evicted.append((str(Path(f"/proc/self/fd/{descriptor}").readlink()), advice))
        real(descriptor, offset, length, advice)

    monkeypatch.setattr(os, "posix_fadvise", advise)
    assert page_cache.drop([tmp_path / "a", tmp_path / "gone"]) == "posix_fadvise"
    assert evicted == [(str(file), os.POSIX_FADV_DONTNEED)]


def test_where_neither_is_possible_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_cache, "DROP", tmp_path / "no" / "such")
    monkeypatch.delattr(os, "posix_fadvise")
    assert page_cache.drop([tmp_path]) is None
    assert "these runs are warm" in page_cache.NOTES[None]
