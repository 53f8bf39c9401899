"""How many prompts come out right: ``python -m training measure [--list NAME …] [--limit N] [--draw] [OUT.png]``.

The prompts are those of :mod:`training.exam`. They go through the tool itself, one call each, as a user would make it;
its engine stays warm between them. With ``--draw`` the drawing program makes the pictures, which has to give 100 %.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from training import exam
from training.contact import arrange
from training.drawing.picture import draw
from training.judge import Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Callable

    from training.exam import Question

TOOL = Path(__file__).resolve().parent.parent / "hal_generate_image.py"
FIRST_SEED = 1000
BARS = {"colours": 0.99, "sides": 0.90, "counts": 0.85, "places": 0.85}
"""Share of each list that has to be right before the model ships."""


class Answer(NamedTuple):
    """What came of a question: the picture, what it shows, and the seconds that it took."""

    question: Question
    image: np.ndarray
    verdict: Verdict
    seconds: float


def by_drawing(question: Question, seed: int, size: int) -> np.ndarray:
    """The drawing program's picture: uint8 [size, size, 3]."""
    return draw(question.picture, size, size, seed)


def by_tool(question: Question, seed: int, size: int, options: list[str]) -> np.ndarray:
    """The tool's picture: uint8 [size, size, 3].

    Args:
        question: its prompt is drawn.
        seed: of the picture.
        size: pixels of a side.
        options: more options of the tool, such as ``--models-dir``.

    Raises:
        SystemExit: the tool failed; it has said why.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.png"
        asked = ["--prompt", question.prompt, "--size", str(size), "--seed", str(seed), "--output", str(path)]
        done = subprocess.run(
            [sys.executable, str(TOOL), *asked, "--quiet", *options], stdout=subprocess.DEVNULL, check=False
        )
        if done.returncode:
            raise SystemExit(f"measure: stopped at {question.prompt!r}, exit code {done.returncode}")
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))


def answers(questions: list[Question], paint: Callable[[Question, int], np.ndarray]) -> list[Answer]:
    """The pictures of ``questions``, each with a seed of its own that is always the same, and what they show."""
    found = []
    for number, question in enumerate(questions):
        began = time.monotonic()
        image = paint(question, FIRST_SEED + number)
        seconds = time.monotonic() - began
        found.append(Answer(question, image, judge(image, question.expectation), seconds))
    return found


def line(name: str, found: list[Answer]) -> str:
    """A row of the table."""
    right = sum(answer.verdict.ok for answer in found)
    faults = Counter(fault for answer in found for fault in answer.verdict.faults)
    wrong = ", ".join(f"{fault} {count}" for fault, count in faults.most_common())
    seconds = statistics.median(answer.seconds for answer in found)
    return f"{name:8} {right:4} of {len(found):4} {right / len(found):7.1%} {BARS[name]:6.0%} {seconds:8.2f}  {wrong}"


def sheet(found: list[Answer]) -> Image.Image:
    """The pictures of ``found``, the prompt and what was seen below each."""
    texts = [(answer.question.prompt, answer.verdict.seen) for answer in found]
    return arrange([answer.image for answer in found], texts, columns=6)


def main(arguments: list[str] | None = None) -> None:
    """The command ``measure``."""
    parser = argparse.ArgumentParser(
        prog="python -m training measure", description="Count prompts that come out right."
    )
    parser.add_argument("--list", dest="lists", action="append", choices=list(exam.LISTS), help="default: all of them")
    parser.add_argument("--limit", type=int, default=None, help="only the first prompts of each list")
    parser.add_argument("--size", type=int, default=256, help="pixels of a side (default: 256)")
    parser.add_argument("--model", default="doodle", help="default: doodle")
    parser.add_argument("--models-dir", help="as the tool has it")
    parser.add_argument("--draw", action="store_true", help="let the drawing program make the pictures")
    parser.add_argument("out", nargs="?", type=Path, help="contact sheet of the pictures that are wrong")
    options = parser.parse_args(arguments)
    more = ["--model", options.model, *(["--models-dir", options.models_dir] if options.models_dir else [])]

    def paint(question: Question, seed: int) -> np.ndarray:
        return by_drawing(question, seed, options.size) if options.draw else by_tool(question, seed, options.size, more)

    wrong: list[Answer] = []
    print(f"{'list':8} {'right':>12} {'share':>7} {'bar':>6} {'median s':>8}  faults")
    for name in options.lists or exam.LISTS:
        found = answers(exam.LISTS[name]()[: options.limit], paint)
        print(line(name, found), flush=True)
        wrong += [answer for answer in found if not answer.verdict.ok]
    for answer in wrong:
        print(f"  {answer.question.prompt}: {answer.verdict.seen} (wrong {', '.join(answer.verdict.faults)})")
    if wrong and options.out is not None:
        sheet(wrong).save(options.out)


if __name__ == "__main__":
    main()
