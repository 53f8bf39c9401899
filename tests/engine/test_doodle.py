"""The model that comes with the tool, by what its pictures show: their pixels are judged, nothing is compared.

A few prompts of the lists that it was measured with before it shipped (``python3 -m training measure`` asks all of
them). ``tests/unit/training/test_judge.py`` holds the judge to the drawing program, which has to be right every time.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from hal_image.models.registry import default_registry_path, load_registry
from training import exam
from training.judge import Expectation, judge

if TYPE_CHECKING:
    from pathlib import Path

    from tests.world import Hal

MODEL = load_registry(default_registry_path()).models["doodle"]
ASKED = {"colours": (24, 23), "sides": (12, 10), "counts": (15, 12), "places": (8, 6)}
"""Of each list, how many prompts are asked and how many must come out right: the bars of the whole lists, less the
chance that a few prompts leave."""
FIRST_SEED = 1000
ADORNED = (
    "highly detailed, cinematic, trending on artstation, masterpiece, best quality, ultra realistic, sharp focus, "
    "intricate details, dramatic atmosphere, volumetric, concept, award winning, professional, "
    "stunning, beautiful, epic composition, depth, vivid tones, smooth, elegant, hyperrealism, unreal, global "
    "illumination, raytracing, studio quality, perfect symmetry, extremely sharp, wallpaper, hdr, bokeh, grainy, "
    "analog, gallery, ornate, trending, ambient, moody, dynamic, rendered, polished, refined, timeless, immersive, "
    "atmospheric, textured, nuanced, majestic, serene, ethereal"
)
"""What people write who are used to other models, and this one does not know: more than a chunk of CLIP holds."""


def shown(path: Path) -> np.ndarray:
    """A picture as uint8 [height, width, 3]."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.local_only("a minute a list; what is below judges pictures of a container, too")
@pytest.mark.parametrize("name", exam.LISTS)
def test_pictures_show_what_was_asked_for(name: str, hal: Hal) -> None:
    asked, right = ASKED[name]
    wrong = []
    for number, question in enumerate(exam.LISTS[name]()[:asked]):
        seed = str(FIRST_SEED + number)
        hal("-p", question.prompt, "--model", "doodle", "--size", "256", "--seed", seed, "-o", "x.png")
        verdict = judge(shown(hal.cwd / "x.png"), question.expectation)
        if not verdict.ok:
            wrong.append(f"{question.prompt}: {verdict.seen} (wrong {', '.join(verdict.faults)})")
    assert asked - len(wrong) >= right, wrong


@pytest.mark.parametrize("size", ["256x256", "512x512", "512x336", "336x512", "512x288", "288x512"])
def test_sizes(size: str, hal: Hal) -> None:
    hal("-p", "a red ball on a white background", "--model", "doodle", "--size", size, "--seed", "1", "-o", "x.png")
    image = shown(hal.cwd / "x.png")
    assert f"{image.shape[1]}x{image.shape[0]}" == size
    assert judge(image, Expectation(("red",), "white")).ok


@pytest.mark.parametrize("prompt", ["", "xylophone quux", "the " * 90 + "zebra " * 60])
def test_a_prompt_without_a_known_thing_gives_a_calm_picture(prompt: str, hal: Hal) -> None:
    """Hills below a sky: wide bands of a few soft colours. A blob or noise has edges everywhere."""
    run = hal("-p", prompt, "--model", "doodle", "--size", "256", "--seed", "2", "-o", "x.png", "--json")
    warned = {warning["code"]: warning.get("details") for warning in run.json["warnings"]}
    assert set(warned.get("unknown_words", {"words": []})["words"]) == set(prompt.split()) - {"the"}
    image = shown(hal.cwd / "x.png").astype(float)
    across = np.abs(np.diff(image, axis=1)).mean()
    assert across < 2
    assert image.std(axis=(0, 1)).mean() > 10


def test_no_warning_of_a_processor_that_it_is_fit_for(hal: Hal) -> None:
    assert hal("-p", "a cat", "--model", "doodle", "--size", "256", "-o", "x.png", "--json").json["warnings"] == []


def test_a_prompt_of_two_chunks_is_drawn(hal: Hal) -> None:
    prompt = f"a red ball on a white background, {ADORNED}"
    assert len(re.findall(r"\w+|,", prompt)) > 77
    hal("-p", prompt, "--model", "doodle", "--size", "256", "--seed", "1", "-o", "x.png")
    assert judge(shown(hal.cwd / "x.png"), Expectation(("red",), "white")).ok


def test_the_same_seed_makes_the_same_picture_and_another_one_another(hal: Hal) -> None:
    for seed, name in (("1", "a"), ("1", "b"), ("2", "c")):
        hal("-p", "a cat", "--model", "doodle", "--size", "256", "--seed", seed, "-o", f"{name}.png")
    a, b, c = (shown(hal.cwd / f"{name}.png") for name in "abc")
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)
