"""The command line of the benchmark."""

from __future__ import annotations

import argparse
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

PARTS = ("cli", "boot", "cold", "warm", "switch", "throughput", "batch", "store", "docker")
"""In the order in which they are measured."""
UNASKED = {True: ("cli", "boot", "cold", "warm", "switch", "throughput", "batch", "store"),
           False: ("cli", "boot", "cold", "warm", "switch", "throughput")}  # fmt: skip
"""What is measured without being named, on a processor (true) and on a GPU, where the rest would say the same."""
PEERS = ("bare", "comfy-cli", "diffusers")

ABOUT = """\
Measures how fast the tool is, beside bare ComfyUI, comfy-cli and diffusers in alternating runs.

parts: cli (start of the command line), boot (engine ready), cold (first picture, from nothing), warm (the next ones,
and what a call costs beside ComfyUI), switch (first picture after another model), throughput (eight pictures by
--count, batch and single calls), batch (a thousand tiny pictures), store (downloads), docker (engine in a container).
`python3 -m bench report` writes the tables of the documentation from bench/results."""


@dataclass(frozen=True)
class Options:
    """What was asked for. ``None`` is not given; ``weights`` is ``"small"`` or ``"full"``."""

    parts: tuple[str, ...]
    runs: int
    cold_runs: int
    models: tuple[str, ...]
    models_dir: Path | None
    weights_dir: Path | None
    weights: str
    cpu: bool
    size: str | None
    steps: int | None
    variants: tuple[tuple[str, ...], ...]
    peers: tuple[str, ...]
    comfy: str | None
    diffusers_python: Path | None
    diffusers_path: Path | None
    diffusers_compile: bool
    json: Path | None
    plot: Path | None
    time_limit: float | None
    python: str


def parse(arguments: list[str], *, gpu: bool) -> Options:
    """Options of a command line.

    Raises:
        SystemExit: they are wrong, or help was asked for.
    """
    parser = _parser()
    given = parser.parse_args(arguments)
    if not set(given.parts) <= set(PARTS):
        parser.error(f"the parts are {', '.join(PARTS)}")
    peers = tuple(filter(None, given.peers.split(",")))
    if not set(peers) <= set(PEERS):
        parser.error(f"those to compare with are {', '.join(PEERS)}")
    if given.models_dir and given.weights_dir:
        parser.error("--models-dir is a folder of your own, which nothing is written to; --weights-dir is written to")
    if min(given.runs, given.cold_runs or 1) < 1:
        parser.error("at least one run is needed")
    on_gpu = gpu and not given.cpu
    return Options(
        parts=tuple(part for part in PARTS if part in (given.parts or UNASKED[not on_gpu])),
        runs=given.runs,
        cold_runs=given.cold_runs or max(3, given.runs // 3),
        models=tuple(filter(None, given.models.split(","))),
        models_dir=given.models_dir,
        weights_dir=given.weights_dir,
        weights=given.weights or ("full" if on_gpu else "small"),
        cpu=given.cpu,
        size=given.size,
        steps=given.steps,
        variants=((), *(tuple(shlex.split(text)) for text in given.options)),
        peers=peers,
        comfy=given.comfy,
        diffusers_python=given.diffusers_python,
        diffusers_path=given.diffusers_path,
        diffusers_compile=given.diffusers_compile,
        json=given.json,
        plot=given.plot,
        time_limit=given.time_limit,
        python=given.python,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m bench", description=ABOUT, allow_abbrev=False, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add("parts", nargs="*", metavar="PART", help="default: all but docker; on a GPU without batch and store")
    add("--runs", type=int, default=9, metavar="N", help="counted runs of each (9)")
    add("--cold-runs", type=int, metavar="N", help="of those that take long: boot, cold, switch, throughput (a third)")
    add("--models", default="", metavar="A,B", help="names from models.yaml (sd15 on a processor, sdxl on a GPU)")
    add("--models-dir", type=Path, metavar="DIR", help="your own models: all that are there, or those of --models")
    add("--weights-dir", type=Path, metavar="DIR", help="write random checkpoints here and keep them (temporary)")
    add("--weights", choices=("small", "full"), help="their size (full on a GPU, small on a processor)")
    add("--cpu", action="store_true", help="use the processor even if there is a GPU")
    add("--size", metavar="WxH", help="of pictures (the model's, with small weights 64)")
    add("--steps", type=int, metavar="N", help="of pictures (the model's, with small weights 1)")
    add("--options", action="append", default=[], metavar="TEXT",
        help='measure our command with these options, too, as in --options="--turbo"; can be repeated')  # fmt: skip
    add("--peers", default=",".join(PEERS), metavar="A,B", help=f"compare with ({','.join(PEERS)})")
    add("--comfy", metavar="FILE", help="the comfy command of comfy-cli (installed into a venv of its own)")
    add("--diffusers-python", type=Path, metavar="FILE", help="a Python with torch and diffusers (the engine's)")
    add("--diffusers-path", type=Path, metavar="DIR", help="folder to import diffusers from (installed into one)")
    add("--diffusers-compile", action="store_true", help="measure diffusers with torch.compile, too (minutes more)")
    add("--json", type=Path, metavar="FILE", help="write every single run; complete after each of them")
    add("--plot", type=Path, metavar="FILE", help="draw an SVG")
    add("--time-limit", type=float, metavar="S", help="begin no run after so many seconds")
    add("--python", default=sys.executable, metavar="FILE", help="the Python that a user would call us with")
    return parser
