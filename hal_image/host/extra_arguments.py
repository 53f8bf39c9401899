"""The options that name what goes with a model, and how their values are read."""

from __future__ import annotations

import argparse
import re
from typing import NamedTuple

from hal_image.host import argument_values as values
from hal_image.request import MAX_LORA_WEIGHT

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)"
_LORA = re.compile(rf"(?P<asked>.+?)(?::(?P<weight>{_NUMBER})(?::(?P<clip_weight>{_NUMBER}))?)?", re.DOTALL)


class LoraOption(NamedTuple):
    """What ``--lora`` says.

    Attributes:
        asked: name or path.
        weight: for the diffusion model.
        clip_weight: for the text encoders.
    """

    asked: str
    weight: float = 1.0
    clip_weight: float = 1.0


def lora(text: str) -> LoraOption:
    """``NAME|PATH[:WEIGHT[:CLIP_WEIGHT]]``. Only numbers at the end are weights: other colons belong to the name."""
    match = _LORA.fullmatch(text)
    if match is None or not match["asked"].strip() or text.endswith(":"):
        raise argparse.ArgumentTypeError(f"{text!r} names no LoRA; write NAME, NAME:0.8, or NAME:0.8:0.5")
    weight = values.number(-MAX_LORA_WEIGHT, MAX_LORA_WEIGHT)
    first = weight(match["weight"] or "1")
    return LoraOption(
        values.path(match["asked"]), first, weight(match["clip_weight"]) if match["clip_weight"] else first
    )


def add_extra_options(parser: argparse.ArgumentParser) -> None:
    """What the picture is made with beside the model."""
    extras = parser.add_argument_group("what goes with the model")
    extras.add_argument(
        "--lora",
        type=lora,
        action="append",
        metavar="NAME[:WEIGHT]",
        help="name or path of a LoRA, and how much of it; may be repeated",
    )
