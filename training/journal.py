"""The log of a run: a line of JSON at a time, on standard output and in a file, and a picture of the loss."""

from __future__ import annotations

import json
import math
import sys
import time
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from pathlib import Path


class Journal:
    """Writes what happened, with the seconds since it was opened."""

    def __init__(self, path: Path, *, silent: bool = False) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = None if silent else path.open("a", buffering=1)
        self._began = time.monotonic()

    def write(self, **facts: object) -> None:
        """Adds a line."""
        if self._file is not None:
            line = json.dumps({"s": round(time.monotonic() - self._began, 1), **facts})
            self._file.write(line + "\n")
            sys.stdout.write(line + "\n")
            sys.stdout.flush()


def curve(log: Path, value: str, out: Path) -> None:
    """Draws ``value`` of a journal, on a logarithmic axis, against steps; nothing if it was never written."""
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    points = [(row["step"], row[value]) for row in rows if value in row and "step" in row]
    if not points:
        return
    width, height, edge = 640, 360, 48
    image = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(image)
    low, high = min(math.log(v) for _, v in points), max(math.log(v) for _, v in points)
    last = max(step for step, _ in points) or 1
    span = (high - low) or 1
    across, up = (width - 2 * edge) / last, (height - 2 * edge) / span
    line = [(edge + across * step, height - edge - up * (math.log(v) - low)) for step, v in points]
    pen.line(line, fill=(30, 90, 200), width=2)
    pen.rectangle((edge, edge, width - edge, height - edge), outline=(120, 120, 120))
    pen.text((4, edge - 6), f"{math.exp(high):.3g}", fill="black")
    pen.text((4, height - edge - 6), f"{math.exp(low):.3g}", fill="black")
    pen.text((width - edge - 20, height - edge + 8), str(last), fill="black")
    pen.text((edge, 12), f"{value} against step", fill="black")
    image.save(out)
