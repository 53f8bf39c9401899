"""The training pictures: drawn by all cores into shards, read as they appear.

A shard is two files, ``NNNNN.pictures.npy`` (uint8 [n, h, w, 3]) and ``NNNNN.rows.npy`` (int16 [n, 6, 77]: four
captions and one of two chunks). Shard ``k`` is the same whoever draws it, since picture ``i`` is drawn from seed ``i``.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from training import grammar, subjects, vocabulary
from training.drawing.picture import draw

if TYPE_CHECKING:
    from concurrent.futures import Future

SHARD = 512
"""Pictures of one size in a shard."""
CAPTIONS = 4
"""Captions of one chunk that a picture gets; after them come the two chunks of a long one."""


class Shard(NamedTuple):
    """Some pictures of one size, and the rows of their captions."""

    pictures: np.ndarray
    rows: np.ndarray


def side_of(shard: int) -> tuple[int, int]:
    """Width and height of the pictures in a shard."""
    roll = random.Random(f"side {shard}").random()
    for size, share in subjects.SIDES:
        roll -= share
        if roll < 0:
            return size
    return subjects.SIDES[0][0]


def make(folder: Path, shard: int) -> float:
    """Draws a shard and returns the seconds that it took."""
    began = time.monotonic()
    width, height = side_of(shard)
    count = SHARD if width * height <= 256 * 256 * 1.1 else SHARD // 2 if width * height < 512 * 512 else SHARD // 4
    pictures = np.empty((count, height, width, 3), np.uint8)
    rows = np.empty((count, CAPTIONS + 2, vocabulary.LENGTH), np.int16)
    for i in range(count):
        seed = shard * SHARD + i
        rng = random.Random(f"picture {seed}")
        picture = subjects.random_picture(rng)
        pictures[i] = draw(picture, width, height, seed)
        for c in range(CAPTIONS):
            rows[i, c] = vocabulary.encode(grammar.caption(picture, rng))
        rows[i, CAPTIONS:] = vocabulary.encode_long(grammar.long_caption(grammar.caption(picture, rng), rng))
    temporary = folder / f"{shard:05d}.part.npy"
    np.save(temporary, rows)
    temporary.rename(folder / f"{shard:05d}.rows.npy")
    np.save(temporary, pictures)
    temporary.rename(folder / f"{shard:05d}.pictures.npy")
    return time.monotonic() - began


def ready(folder: Path) -> list[int]:
    """Numbers of the finished shards in ``folder``."""
    return sorted(int(path.name[:5]) for path in folder.glob("*.pictures.npy"))


def load(folder: Path, shard: int, *, remove: bool) -> Shard:
    """Reads a finished shard; ``remove`` frees its place on the disk (or in memory, below /dev/shm)."""
    files = [folder / f"{shard:05d}.{what}.npy" for what in ("pictures", "rows")]
    found = Shard(np.load(files[0]), np.load(files[1]))
    if remove:
        for file in files:
            file.unlink()
    return found


def draw_all(folder: Path, first: int, last: int, workers: int, *, waiting: int) -> None:
    """Draws the shards from ``first`` up to ``last``; begins none while ``waiting`` or more are not yet taken away."""
    folder.mkdir(parents=True, exist_ok=True)
    os.nice(5)  # the process that feeds the GPU comes first
    with ProcessPoolExecutor(workers) as pool:
        pending: set[Future[float]] = set()
        shard = first
        while shard < last or pending:
            while shard < last and len(pending) < 2 * workers and len(ready(folder)) < waiting:
                pending.add(pool.submit(make, folder, shard))
                shard += 1
            done = {future for future in pending if future.done()}
            for future in done:
                future.result()
            pending -= done
            time.sleep(0.05)


def main(arguments: list[str] | None = None) -> None:
    """The command ``draw``."""
    parser = argparse.ArgumentParser(prog="python -m training draw", description="Draw training pictures.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--shards", type=int, default=600)
    parser.add_argument("--waiting", type=int, default=10**9, help="stop for as long as so many are not used up")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options = parser.parse_args(arguments)
    began, last = time.monotonic(), options.first + options.shards
    draw_all(options.folder, options.first, last, options.workers, waiting=options.waiting)
    sys.stdout.write(f"drew shards {options.first} to {last - 1} in {time.monotonic() - began:.0f} s\n")


if __name__ == "__main__":
    main()
