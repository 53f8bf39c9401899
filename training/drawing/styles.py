"""Styles that are made from finished pixels: pixel art and watercolour."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from training.drawing.raster import pixels

if TYPE_CHECKING:
    import random


def pixel_art(svg: str, width: int, height: int) -> np.ndarray:
    """``svg`` in blocks of 8 pixels, 16 from 512 on: uint8 [height, width, 3]."""
    cell = 16 if min(width, height) >= 288 else 8
    fine = pixels(svg, width * 3 // cell, height * 3 // cell)
    fine = fine[1::3, 1::3, :3]  # the middle of each block: no mixed edges
    image = np.repeat(np.repeat(fine, cell, axis=0), cell, axis=1)
    return image[:height, :width]


@cache
def _noise(seed: int, cells: int, side: int = 1024) -> np.ndarray:
    """A smooth random field in -1..1: float32 [side, side]."""
    values = np.random.default_rng(seed).uniform(-1, 1, (cells, cells)).astype(np.float32)
    return np.asarray(Image.fromarray(values, "F").resize((side, side), Image.Resampling.BICUBIC))


def watercolour(image: np.ndarray, rng: random.Random) -> np.ndarray:
    """``image`` as if washed onto paper: wandering edges, uneven pigment: uint8 [height, width, 3]."""
    height, width = image.shape[:2]
    unit = min(width, height) / 256
    top, left = rng.randrange(1024 - height), rng.randrange(1024 - width)
    window = slice(top, top + height), slice(left, left + width)
    dx, dy = (_noise(k, 110)[window] * 2.2 * unit for k in (1, 2))
    ys = np.clip(np.arange(height)[:, None] + dy, 0, height - 1).astype(np.intp)
    xs = np.clip(np.arange(width)[None, :] + dx, 0, width - 1).astype(np.intp)
    wash = 1.0 + 0.10 * _noise(3, 26)[window] + 0.04 * _noise(4, 110)[window]
    moved = 255.0 - (255.0 - image[ys, xs].astype(np.float32)) * 0.92 * wash[:, :, None]
    painted: np.ndarray = np.clip(moved, 0, 255).astype(np.uint8)
    return painted
