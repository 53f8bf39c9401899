"""The options that name what goes with a model, and how their values are read."""

from __future__ import annotations

import argparse
import re
from typing import NamedTuple

from hal_image.host import argument_values as values
from hal_image.request import MAX_CONTROL_STRENGTH, MAX_LORA_WEIGHT

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)"
_LORA = re.compile(rf"(?P<asked>[^:].*?)(?::(?P<weight>{_NUMBER})(?::(?P<clip_weight>{_NUMBER}))?)?", re.DOTALL)

_CONTROL = re.compile(
    rf"(?P<type>[^:@]+)(?:@(?P<name>[^:]+))?:(?P<image>.+?)"
    rf"(?::(?P<strength>{_NUMBER})(?::(?P<start>{_NUMBER})-(?P<end>{_NUMBER}))?)?",
    re.DOTALL,
)


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


class ControlOption(NamedTuple):
    """What ``--control`` says.

    Attributes:
        type: what the picture shows, or a ControlNet's name.
        name: the ControlNet's name, where it was given beside.
        image: path of the picture.
        strength: how much it counts.
        start, end: from and until which part of the sampling.
    """

    type: str
    name: str | None
    image: str
    strength: float = 1.0
    start: float = 0.0
    end: float = 1.0


def control(text: str) -> ControlOption:
    """``TYPE[@NAME]:IMAGE[:STRENGTH[:START-END]]``. Only numbers at the end count: other colons are the picture's."""
    match = _CONTROL.fullmatch(text)
    if match is None or text.endswith(":"):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no ControlNet with its picture; write canny:photo.png, or depth:map.png:0.8:0-0.6"
        )
    share = values.number(0, 1)
    option = ControlOption(
        type=match["type"],
        name=match["name"],
        image=values.path(match["image"]),
        strength=values.number(0, MAX_CONTROL_STRENGTH)(match["strength"] or "1"),
        start=share(match["start"] or "0"),
        end=share(match["end"] or "1"),
    )
    if option.start >= option.end:
        raise argparse.ArgumentTypeError(f"{text!r} ends before it begins; write for example :0-0.6")
    return option


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
    extras.add_argument(
        "--control",
        type=control,
        action="append",
        metavar="TYPE:FILE[:STRENGTH[:START-END]]",
        help="follow a picture with a ControlNet: canny finds its edges, others take a map; may be repeated",
    )
