"""Which of the fourteen colours an area has, whatever light and shade the pen puts on it."""

from __future__ import annotations

from functools import cache

import numpy as np

from training.drawing.palette import COLOURS, RGB, darker, lighter

NAMES = tuple(COLOURS)

SPREAD = 5.0
"""CIELAB distance that a shade may be off, one standard deviation."""
ELSE = 0.004
"""Likelihood of a pixel that no colour has: about that of a shade 3 standard deviations off."""


def colour_of(pixels: np.ndarray) -> tuple[str, float]:
    """The colour that most of ``pixels`` (uint8 [n, 3], sRGB) have, and the share of them that does.

    They are taken for a mixture of the fourteen colours' shades and of anything else, and the shares of the mixture are
    found by expectation maximisation. So a shade that two colours have (the dark side of white is the lit side of grey)
    counts for the one that explains the rest of the area.
    """
    red, green, blue = (pixels >> 3).astype(np.intp).T
    bins, weights = np.unique(red << 10 | green << 5 | blue, return_counts=True)
    likelihoods = _shades()[bins]
    shares = np.full(likelihoods.shape[1], 1 / likelihoods.shape[1])
    for _ in range(20):
        each = likelihoods * shares
        each *= (weights / each.sum(axis=1))[:, None]
        shares = each.sum(axis=0) / weights.sum()
    best = int(shares[:-1].argmax())
    return NAMES[best], float(shares[best])


@cache
def _shades() -> np.ndarray:
    """How likely each colour shows a pixel: float32 [32768, 15].

    The rows are sRGB with 5 bits a channel. The columns are ``NAMES`` as the pen shades them (a gradient over the main
    part, the lighter and the darker faces), the last one is everything else.
    """
    steps = np.arange(32) * 8 + 4
    colours = lab(np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3))
    columns = [np.full(len(colours), ELSE)]
    for colour in reversed(COLOURS.values()):
        faces = ((0.7, colour), (0.12, lighter(colour, 0.45)), (0.18, darker(colour, 0.32)))
        shades = [(amount * share, shade) for amount, face in faces for share, shade in _gradient(face)]
        middles = lab(np.array([shade for _, shade in shades]))
        distances = ((colours[:, None] - middles) ** 2).sum(axis=2)
        columns.append(np.exp(-distances / (2 * SPREAD**2)) @ np.array([amount for amount, _ in shades]))
    return np.stack(columns[::-1], axis=1).astype(np.float32)


def _gradient(colour: RGB) -> tuple[tuple[float, RGB], ...]:
    """The pen's gradient over a face: share of the face, and shade."""
    return (
        (0.1, lighter(colour, 0.3)),
        (0.25, lighter(colour, 0.15)),
        (0.3, colour),
        (0.25, darker(colour, 0.13)),
        (0.1, darker(colour, 0.26)),
    )


def _linear(rgb: np.ndarray) -> np.ndarray:
    share = np.asarray(rgb, np.float32) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


_TO_XYZ = np.array(
    ((0.4124564, 0.2126729, 0.0193339), (0.3575761, 0.7151522, 0.1191920), (0.1804375, 0.0721750, 0.9503041)),
    np.float32,
) / np.array((0.95047, 1.0, 1.08883), np.float32)
"""IEC 61966-2-1, over the white of D65."""
_LINEAR = _linear(np.arange(256))


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB (D65) of sRGB 0 to 255, float [..., 3]."""
    linear = _LINEAR[rgb] if rgb.dtype == np.uint8 else _linear(rgb)
    xyz = linear @ _TO_XYZ
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + np.float32(16 / 116))
    x, y, z = np.moveaxis(root, -1, 0)
    return np.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), axis=-1)
