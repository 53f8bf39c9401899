from __future__ import annotations

import os
import random
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest

from training import dataset, grammar, subjects, vocabulary

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _tiny_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "SHARD", 4)


def number_of(size: tuple[int, int]) -> int:
    """The first shard with pictures of one size."""
    return next(number for number in range(1000) if dataset.side_of(number) == size)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    number = number_of((256, 144))
    dataset.make(tmp_path, number)
    assert dataset.ready(tmp_path) == [number]
    pictures, rows = dataset.load(tmp_path, number, remove=False)
    assert pictures.shape == (4, 144, 256, 3)
    assert pictures.dtype == np.uint8
    assert rows.shape == (4, dataset.CAPTIONS + 2, vocabulary.LENGTH)
    assert rows.dtype == np.int16
    assert all(image.std() > 1 for image in pictures)
    assert set(rows[:, : dataset.CAPTIONS, 0].flat) == {vocabulary.START}
    rng = random.Random(f"picture {number * 4}")
    picture = subjects.random_picture(rng)
    assert rows[0, 0].tolist() == vocabulary.encode(grammar.caption(picture, rng))


def test_a_shard_is_the_same_whoever_draws_it(tmp_path: Path) -> None:
    number = number_of((176, 256))
    files = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        dataset.make(folder, number)
        files.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert files[0] == files[1]
    assert sorted(files[0]) == [f"{number:05d}.pictures.npy", f"{number:05d}.rows.npy"]


def test_large_pictures_come_in_smaller_shards(tmp_path: Path) -> None:
    number = number_of((512, 288))
    dataset.make(tmp_path, number)
    assert len(dataset.load(tmp_path, number, remove=False).pictures) == 2


def test_a_shard_that_was_taken_away_is_gone(tmp_path: Path) -> None:
    number = number_of((144, 256))
    dataset.make(tmp_path, number)
    dataset.load(tmp_path, number, remove=True)
    assert list(tmp_path.iterdir()) == []


def test_a_shard_without_its_pictures_is_not_ready(tmp_path: Path) -> None:
    (tmp_path / "00003.rows.npy").touch()
    (tmp_path / "00003.part.npy").touch()
    assert dataset.ready(tmp_path) == []


def test_all_shards_that_were_asked_for_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "ProcessPoolExecutor", ThreadPoolExecutor)  # other processes have shards of full size
    monkeypatch.setattr(dataset, "SHARD", 1)
    monkeypatch.setattr(os, "nice", lambda by: by)
    dataset.draw_all(tmp_path / "new", 2, 5, 1, waiting=100)
    assert dataset.ready(tmp_path / "new") == [2, 3, 4]


def test_sizes_occur_as_often_as_they_should() -> None:
    drawn = [dataset.side_of(number) for number in range(2000)]
    for size, share in subjects.SIDES:
        assert drawn.count(size) / len(drawn) == pytest.approx(share, abs=0.03)
