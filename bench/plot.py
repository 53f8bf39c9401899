"""A picture of a record as SVG: for each measurement a bar a row, as long as the median, with a tick for every run.

The SVG is written here: matplotlib is forty times as large as the benchmark, for rectangles.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES, BARS, NUMBERS = 330, 480, 90
ROW, TITLE, MARGIN = 22, 34, 16
OURS, OTHERS, RUNS = "#0a7d7d", "#b4b4b4", "#303030"


def draw(record: Mapping[str, Any]) -> str:
    """The whole picture as text."""
    height, parts = MARGIN, []
    for measurement in record["measurements"]:
        model = f", {measurement['model']}" if measurement["model"] else ""
        height += TITLE
        parts.append(_text(MARGIN, height - 8, f"{measurement['what']}{model} ({measurement['unit']})", "bold"))
        longest = max(value for row in measurement["rows"] for value in row["values"]) or 1
        for row in measurement["rows"]:
            parts.append(_row(row, height, BARS / longest))
            height += ROW
    width = MARGIN + NAMES + BARS + NUMBERS
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height + MARGIN}" font-family="sans-serif"'
    )
    return "\n".join([f'{head} font-size="13">', '<rect width="100%" height="100%" fill="white"/>', *parts, "</svg>\n"])


def _row(row: Mapping[str, Any], top: int, scale: float) -> str:
    median, left = statistics.median(row["values"]), MARGIN + NAMES
    color = OURS if row["name"].startswith("hal") else OTHERS
    bar = f'<rect x="{left}" y="{top + 3}" width="{median * scale:.1f}" height="{ROW - 6}" fill="{color}"/>'
    ticks = "".join(f"M{left + value * scale:.1f} {top + 7}v{ROW - 14}" for value in row["values"])
    number = _text(left + int(max(row["values"]) * scale) + 6, top + 16, f"{median:.3g}")
    return f'{_text(MARGIN, top + 16, row["name"])}{bar}<path d="{ticks}" stroke="{RUNS}"/>{number}'


def _text(left: int, base: int, text: str, weight: str = "normal") -> str:
    return f'<text x="{left}" y="{base}" font-weight="{weight}">{escape(text)}</text>'
