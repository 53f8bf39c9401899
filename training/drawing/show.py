"""A sheet of all kinds in all styles, to look at: ``python -m training.drawing.show [--kinds cat,dog] sheet.png``."""

from __future__ import annotations

import argparse
import random
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from training.drawing import kinds
from training.drawing.palette import rgb
from training.drawing.pen import Defs, Pen
from training.drawing.raster import pixels

if TYPE_CHECKING:
    from training.drawing.pen import Style

STYLES: tuple[Style, ...] = ("shaded", "flat", "outline", "watercolour")


def cell(kind: kinds.Kind, style: Style, colour: str, side: int = 128) -> np.ndarray:
    """One kind on a plain ground: uint8 [side, side, 3]."""
    defs = Defs()
    pen = Pen(rgb(colour), style, defs, random.Random(0), scale=0.8)
    kind.draw(pen)
    box = '<rect x="-1.2" y="-1.2" width="2.4" height="2.4" fill="#e9edf0"/>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="{side}" height="{side}" viewBox="-1.2 -1.2 2.4 2.4">'
    return pixels(f"{svg}{defs}{box}{pen.svg}</svg>", side, side)[:, :, :3]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kinds", default="")
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("out")
    options = parser.parse_args()
    known = kinds.load()
    names = [n for n in options.kinds.split(",") if n] or list(known)
    rows = []
    for name in names:
        k = known[name]
        colours = [k.natural[0]] * len(STYLES) + ["red", "blue", "white", "black"]
        styles: list[Style] = [*STYLES, "shaded", "shaded", "shaded", "shaded"]
        rows.append(np.concatenate([cell(k, s, c, options.side) for s, c in zip(styles, colours, strict=True)], axis=1))
    if len(rows) > 12:  # two columns of cells side by side keep the sheet readable
        if len(rows) % 2:
            rows.append(np.full_like(rows[0], 255))
        half = len(rows) // 2
        rows = [np.concatenate([rows[i], rows[half + i]], axis=1) for i in range(half)]
    Image.fromarray(np.concatenate(rows, axis=0)).save(options.out)


if __name__ == "__main__":
    main()
