"""The options that say how a picture is drawn and where it goes: of making pictures, and of each line of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.host import argument_values as values
from hal_image.host.format_arguments import add_format_options
from hal_image.host.stepwise import add_step_options
from hal_image.request import MAX_CFG, MAX_GUIDANCE, MAX_SEED, MAX_STEPS, SAMPLERS, SCHEDULERS

if TYPE_CHECKING:
    import argparse

    from hal_image.host.vary import Axis

MAX_COUNT = 1000


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """How it is drawn."""
    model = parser.add_argument_group("how to draw it (defaults are the model's own)")
    model.add_argument("-m", "--model", metavar="NAME", help="see `models list` (default: sdxl)")
    model.add_argument("-W", "--width", type=values.side, metavar="PX", help="width")
    model.add_argument("-H", "--height", type=values.side, metavar="PX", help="height")
    model.add_argument(
        "--size", type=values.size, metavar="WxH", help="both at once, e.g. 768x512, or 512 for a square"
    )
    model.add_argument("--steps", type=values.integer(1, MAX_STEPS), metavar="N", help="sampling steps")
    model.add_argument("--cfg", type=values.number(0, MAX_CFG), metavar="X", help="classifier-free guidance scale")
    model.add_argument(
        "--guidance", type=values.number(0, MAX_GUIDANCE), metavar="X", help="distilled guidance (FLUX dev)"
    )
    model.add_argument("--sampler", type=values.OneOf(SAMPLERS), metavar="NAME", help="e.g. euler, dpmpp_2m")
    model.add_argument("--scheduler", type=values.OneOf(SCHEDULERS), metavar="NAME", help="e.g. normal, karras")
    model.add_argument("--seed", type=values.integer(0, MAX_SEED), metavar="N", help="default: random, and shown")
    model.add_argument(
        "--turbo",
        action="store_true",
        help="compile the model: faster, after a first picture that takes a minute longer; pixels differ a little",
    )
    model.add_argument(
        "-b",
        "--count",
        type=values.integer(1, MAX_COUNT),
        default=1,
        metavar="N",
        help="pictures; seeds count up from --seed",
    )
    model.add_argument(
        "--batch-size",
        type=values.batch_size,
        default=values.AUTO,
        metavar="N",
        help="of these, sample N at once; 1 for one after the other (default: what the GPU's memory has room for)",
    )


def add_from_image(group: argparse._ActionsContainer) -> None:
    """What it is to be like."""
    group.add_argument(
        "--from-image",
        type=values.path,
        metavar="PICTURE",
        help="make that picture again: all options that are not given are those that it was made with",
    )


def add_preset_options(parser: argparse.ArgumentParser) -> None:
    """What was written down beforehand."""
    group = parser.add_argument_group("presets")
    group.add_argument(
        "--preset",
        action="append",
        metavar="NAME",
        help="options and words under a name, see `presets`; can be given several times, the later wins",
    )


def _axis(text: str) -> Axis:
    from hal_image.host.vary import axis  # noqa: PLC0415 - few calls have one

    return axis(text)


def add_vary_option(parser: argparse.ArgumentParser) -> None:
    """Several pictures of one call."""
    group = parser.add_argument_group("grids")
    group.add_argument(
        "--vary",
        type=_axis,
        action="append",
        metavar="KEY=V1,V2",
        help="a picture of each combination, and a contact sheet: seed=x3, steps=4..12:4, cfg, guidance, sampler, "
        "scheduler, model, size; several times for rows and columns",
    )


def add_target_options(parser: argparse.ArgumentParser, output_help: str, *, steps: bool = True) -> None:
    """Where it goes; ``steps`` for what is sampled."""
    out = parser.add_argument_group("where it goes")
    out.add_argument("-o", "--output", metavar="FILE", help=output_help)
    out.add_argument("--no-clobber", action="store_true", help="fail rather than replace a file")
    add_format_options(out)
    if steps:
        add_step_options(out, values.path)


def add_limit_options(parser: argparse.ArgumentParser, timeout_help: str) -> None:
    """What must not happen."""
    group = parser.add_argument_group("limits")
    group.add_argument("--timeout", type=values.timeout, metavar="TIME", help=timeout_help)
    group.add_argument(
        "--low-vram", action="store_true", help="run a model on a GPU with less memory than it needs (slow)"
    )
    group.add_argument("--no-download", action="store_true", help="fail rather than download a model")
    group.add_argument("--offline", action="store_true", help="never use the network, not even to install")
    group.add_argument("--dry-run", action="store_true", help="check everything, show what would run, start nothing")
