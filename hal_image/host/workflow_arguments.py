"""The options for a workflow of the user's own."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from hal_image.host import argument_values as values

if TYPE_CHECKING:
    from hal_image.workflow.own.settings import Setting


def add_workflow_options(parser: argparse.ArgumentParser) -> None:
    """What is drawn by a graph that the caller brings along."""
    group = parser.add_argument_group("with a workflow of your own")
    group.add_argument(
        "--workflow",
        type=values.path,
        metavar="FILE",
        help="a workflow that ComfyUI saved or exported, or a PNG with one; {prompt} {negative} {seed} {width} "
        "{height} in its texts are filled in",
    )
    group.add_argument(
        "--set",
        type=setting,
        action="append",
        metavar="NODE.INPUT=VALUE",
        help="change an input of it; NODE is an id, a title or a class; repeatable",
    )


def setting(text: str) -> Setting:
    """One ``--set``."""
    from hal_image.workflow.own.settings import parse  # noqa: PLC0415 - not for calls without a workflow

    try:
        return parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
