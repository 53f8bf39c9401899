"""From SVG to pixels, with ThorVG."""

from __future__ import annotations

from functools import cache

import numpy as np
import thorvg_python as tvg


@cache
def _engine() -> tvg.Engine:
    return tvg.Engine(threads=0)


def pixels(svg: str, width: int, height: int) -> np.ndarray:
    """``svg`` scaled to ``width`` x ``height``.

    Returns:
        uint8 [height, width, 4]: RGB with straight alpha.
    """
    canvas = tvg.SwCanvas(_engine())
    canvas.set_target(width, height, cs=tvg.Colorspace.ABGR8888S)
    picture = tvg.Picture(_engine())
    picture.load_data(svg.encode(), "svg", None, True)
    picture.set_size(width, height)
    canvas.add(picture)
    canvas.update()
    canvas.draw(True)
    canvas.sync()
    assert canvas.buffer_arr is not None
    array: np.ndarray = np.frombuffer(memoryview(canvas.buffer_arr), np.uint8).reshape(height, width, 4).copy()
    canvas.destroy()
    return array
