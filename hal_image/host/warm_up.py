"""Loads a model before anybody wants a picture: by making the smallest one there is, which nobody gets to see."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from hal_image.host.picture import Picture, Saved
from hal_image.host.plan import Plan, Planner
from hal_image.host.progress import Progress
from hal_image.host.session import Session
from hal_image.host.timings import Timings

if TYPE_CHECKING:
    from pathlib import Path

    from hal_image.errors import HalError, JsonObject
    from hal_image.host.deadline import Deadline
    from hal_image.host.engines import EngineRequest
    from hal_image.host.render import Output

SIDE = 64
"""Pixels: the smallest that is a multiple of every family's, and not so small that a network has nothing left."""


def plan(model: str, options: argparse.Namespace, models_dir: Path, output: Output, deadline: Deadline) -> Plan:
    """The smallest picture of a model. Downloads it if it is not there.

    Args:
        model: its name.
        options: of ``serve``; ``--offline`` forbids to download.
        models_dir: the models folder.
        output: where warnings and the progress of downloads go.
        deadline: of the command.

    Raises:
        UsageError: ``unknown_model``.
        ModelError, EnvironmentError_, TimeoutError_: its files cannot be had.
    """
    from hal_image.host.arguments import generate_parser  # noqa: PLC0415 - that module knows all commands

    smallest = generate_parser("serve").parse_args([f"--model={model}", f"--size={SIDE}", "--steps=1"])
    wanted = argparse.Namespace(**{**vars(smallest), "offline": options.offline, "engine": options.engine})
    planner = Planner(models_dir, output)
    return planner.make_ready(planner.plan(wanted, "", lambda _requests: []), deadline)


def load(found: Plan, options: argparse.Namespace, wanted: EngineRequest, output: Output, deadline: Deadline) -> None:
    """Makes that picture, and throws it away; ComfyUI then has the model in memory.

    Args:
        found: of ``plan``.
        options: of ``serve``.
        wanted: what the engine is wanted for.
        output: where warnings go.
        deadline: when it is given up.

    Raises:
        HalError: no engine can be had, or the model cannot be loaded.
    """
    picture = Picture(
        number=1,
        request=found.requests[0],
        graph=found.graphs[0],
        model=found.model_facts(),
        file=None,
        no_clobber=False,
        keep_alive_s=options.keep_alive,
        needs=wanted.needs,
    )
    session = Session(
        options.engine,
        iter([picture]),
        _Listener(),
        output=output,
        progress=Progress(output, 1),
        timings=Timings(),
        deadline=deadline,
    )
    session.make_all(wanted)


class _Listener:
    """Only a failure is of interest."""

    def running(self, picture: Picture, device: str | None) -> None:
        """Nothing to do."""

    def saved(self, picture: Picture, saved: Saved, timings: JsonObject) -> None:
        """Nothing to do: the picture is in nobody's way."""

    def failed(self, picture: Picture, error: HalError) -> None:  # noqa: ARG002 - there is one
        """Ends the command."""
        raise error
