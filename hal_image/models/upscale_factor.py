"""By how much an upscale model enlarges, read from the shapes of its tensors. Pure.

Known are the forms in which most published ones come: ESRGAN and Real-ESRGAN (RRDBNet), in the naming of the original
and in that of BasicSR, and Real-ESRGAN's compact ones (SRVGGNet). Others are not guessed at.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PREFIXES = ("params_ema.", "params.", "module.")
"""What training programs put before the names."""
COLOURS = 3
LAST_LAYERS = 2
"""Of the original's top-level convolutions: what comes after those that enlarge. One comes before the body."""


def factor(shapes: Mapping[str, Iterable[int]]) -> int | None:
    """How many times as long the sides become.

    Args:
        shapes: of the tensors, by name.

    Returns:
        1 to 8, or ``None`` for a form that is not known.
    """
    named = {_plain(name): tuple(shape) for name, shape in shapes.items()}
    if "conv_first.weight" in named and any(re.match(r"(body|RRDB_trunk)\.0\.", name, re.IGNORECASE) for name in named):
        doublings = sum(bool(re.fullmatch(r"(conv_up|upconv)\d+\.weight", name)) for name in named)
        return _whole(2**doublings, named["conv_first.weight"])
    if "model.0.weight" in named and any(name.startswith("model.1.sub.0.RDB1.") for name in named):
        top = sum(bool(re.fullmatch(r"model\.\d+\.weight", name)) for name in named)
        return _whole(2 ** max(0, top - 1 - LAST_LAYERS), named["model.0.weight"])
    numbers = [int(found[1]) for name in named if (found := re.fullmatch(r"body\.(\d+)\.weight", name))]
    if numbers and len(named[f"body.{max(numbers)}.weight"]) == 4 and named.get("body.0.weight", ())[1:2] == (COLOURS,):
        side = math.isqrt(named[f"body.{max(numbers)}.weight"][0] // COLOURS)
        return side if side * side * COLOURS == named[f"body.{max(numbers)}.weight"][0] else None
    return None


def _plain(name: str) -> str:
    prefix = next((prefix for prefix in PREFIXES if name.startswith(prefix)), "")
    return name.removeprefix(prefix)


def _whole(enlarged: int, first: tuple[int, ...]) -> int | None:
    """Less what the picture was folded before: a model for less than 4 takes 2x2 or 4x4 pixels as one."""
    folded = math.isqrt(first[1] // COLOURS) if len(first) == 4 else 0
    if not folded or folded * folded * COLOURS != first[1] or enlarged % folded:
        return None
    return enlarged // folded
