"""The judge against the drawing program: what it draws is right, and what it draws of something else is wrong."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, get_args

import numpy as np
import pytest
from scipy import ndimage

from training import exam
from training.drawing.palette import COLOURS, MATERIALS, rgb
from training.drawing.picture import Picture, Place, Thing, draw
from training.judge import Expectation, background, judge, objects, place
from training.shades import colour_of, lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from training.exam import Question

SIDE = 256


def wrong(question: Question, rng: random.Random) -> Iterator[tuple[str, Picture]]:
    """Pictures that are not what ``question`` asks for, each with the fault that has to be found."""
    picture = question.picture
    thing, *others = picture.things
    taken = {picture.background, *question.expectation.colours}
    free = [colour for colour in COLOURS if colour not in taken]
    yield "colours", picture._replace(things=(thing._replace(colour=rng.choice(free)), *others))
    yield "count", picture._replace(things=(thing._replace(count=thing.count % 5 + 1), *others), relation="and")
    if others:
        yield "count", picture._replace(things=(thing,))
    if picture.background is not None:
        yield "background", picture._replace(background=rng.choice(free))
    if picture.relation == "left of":
        yield "order", picture._replace(relation="right of")
        yield "order", picture._replace(relation="above")
    if picture.place is not None:
        yield "place", picture._replace(place=rng.choice([p for p in get_args(Place) if p != picture.place]))


@pytest.mark.parametrize("name", exam.LISTS)
def test_what_the_drawing_program_draws_is_right(name: str) -> None:
    for seed, question in enumerate(exam.LISTS[name]()):
        verdict = judge(draw(question.picture, SIDE, SIDE, seed), question.expectation)
        assert verdict.ok, (question.prompt, seed, verdict)


@pytest.mark.parametrize("name", exam.LISTS)
def test_a_picture_of_something_else_is_wrong(name: str) -> None:
    rng = random.Random(8)
    for seed, question in enumerate(exam.LISTS[name]()[:10]):
        for fault, picture in wrong(question, rng):
            verdict = judge(draw(picture, SIDE, SIDE, seed), question.expectation)
            assert fault in verdict.faults, (question.prompt, picture, verdict)


@pytest.mark.parametrize("name", exam.LISTS)
def test_blur_and_noise_change_nothing(name: str) -> None:
    chance = np.random.default_rng(3)
    for seed, question in enumerate(exam.LISTS[name]()[-10:]):
        image = ndimage.gaussian_filter(draw(question.picture, SIDE, SIDE, seed).astype(float), (0.8, 0.8, 0))
        image += chance.normal(0, 3, image.shape) + chance.normal(0, 2, 3)
        verdict = judge(image.clip(0, 255).astype(np.uint8), question.expectation)
        assert verdict.ok, (question.prompt, seed, verdict)


@pytest.mark.parametrize(("width", "height"), [(512, 512), (384, 256), (256, 448)])
def test_other_sizes_are_judged_alike(width: int, height: int) -> None:
    for name in ("colours", "sides"):
        for seed, question in enumerate(exam.LISTS[name]()[:3]):
            verdict = judge(draw(question.picture, width, height, seed), question.expectation)
            assert verdict.ok, (question.prompt, seed, verdict)


# -- the parts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", COLOURS)
def test_a_plain_backdrop_has_its_name(colour: str) -> None:
    for seed, kind in enumerate(("cat", "house", "sun")):
        assert background(draw(Picture((Thing(kind, "pink"),), background=colour), SIDE, SIDE, seed)) == colour


def test_a_soft_backdrop_has_no_name() -> None:
    assert {background(draw(Picture((Thing("cat", "red"),)), SIDE, SIDE, seed)) for seed in range(20)} == {None}


@pytest.mark.parametrize("corner", [(slice(0, 90), slice(0, 256)), (slice(100, 256), slice(190, 256))])
def test_a_backdrop_is_told_though_things_touch_the_edge(corner: tuple[slice, slice]) -> None:
    image = np.full((SIDE, SIDE, 3), COLOURS["turquoise"], np.uint8)
    image[corner] = COLOURS["brown"]
    assert background(image) == "turquoise"


def test_a_thing_is_where_it_is_drawn() -> None:
    image = np.full((100, 200, 3), COLOURS["yellow"], np.uint8)
    image[10:40, 20:100] = COLOURS["navy"]
    (thing,) = objects(image)
    assert thing.box == (0.1, 0.1, 0.5, 0.4)
    assert (thing.x, thing.y, thing.area) == pytest.approx((0.3, 0.25, 0.12))
    assert thing.colour == "navy"
    assert thing.share > 0.99


def test_specks_are_no_things() -> None:
    image = np.full((SIDE, SIDE, 3), COLOURS["white"], np.uint8)
    image[100:150, 100:150] = COLOURS["red"]
    image[5:15, 5:15] = COLOURS["blue"]
    assert [thing.colour for thing in objects(image)] == ["red"]


def test_parts_of_a_thing_are_one_and_neighbours_are_two() -> None:
    assert len(objects(draw(Picture((Thing("sun", "orange"),), background="navy"), SIDE, SIDE, 1))) == 1
    for seed in range(6):
        assert len(objects(draw(Picture((Thing("sun", "orange", count=5),), background="navy"), SIDE, SIDE, seed))) == 5


@pytest.mark.parametrize("kind", ["cube", "table", "car"])
def test_a_shadow_is_no_thing_and_no_part_of_one(kind: str) -> None:
    for seed in range(7):
        picture = Picture((Thing(kind, "blue"),))
        (thing,) = objects(draw(picture, SIDE, SIDE, seed), shadows=True)
        (plain,) = objects(draw(picture._replace(background="yellow"), SIDE, SIDE, seed))
        assert thing.colour == "blue"
        assert thing.box[3] - thing.box[1] == pytest.approx(plain.box[3] - plain.box[1], abs=0.08)


@pytest.mark.parametrize("where", get_args(Place))
def test_a_place_is_called_what_it_is(where: Place) -> None:
    (thing,) = objects(draw(Picture((Thing("ball", "red"),), place=where), SIDE, SIDE, 1), shadows=True)
    assert place(thing) == where


def test_order_counts_only_when_it_is_asked_for() -> None:
    image = draw(Picture((Thing("cat", "red"), Thing("car", "blue")), relation="above"), SIDE, SIDE, 1)
    assert judge(image, Expectation(("red", "blue"))).ok
    assert judge(image, Expectation(("blue", "red"))).ok
    assert judge(image, Expectation(("red", "blue"), order="top to bottom")).ok
    assert judge(image, Expectation(("blue", "red"), order="top to bottom")).faults == ("order",)
    assert judge(image, Expectation(("red", "blue"), order="left to right")).faults == ("order",)


def test_an_empty_picture_shows_nothing() -> None:
    verdict = judge(np.full((SIDE, SIDE, 3), COLOURS["green"], np.uint8), Expectation(("red",), "green"))
    assert verdict.faults == ("count", "colours")
    assert verdict.seen == "nothing on green"


def test_a_verdict_says_what_is_there() -> None:
    image = draw(Picture((Thing("cat", "red"), Thing("car", "blue")), background="white"), SIDE, SIDE, 1)
    verdict = judge(image, Expectation(("red",), "black"))
    assert verdict.seen == "red (left), blue (right) on white"
    assert verdict.faults == ("background", "count", "colours")


# -- colours ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("other", ["ink", "skin", "glass"])
def test_a_colour_is_told_beside_details(colour: str, other: str) -> None:
    pixels = np.array([rgb(colour)] * 60 + [MATERIALS[other]] * 40, np.uint8)
    assert colour_of(pixels)[0] == colour


def test_a_shade_of_two_colours_goes_with_the_rest() -> None:
    shade, white, grey = (194, 194, 196), COLOURS["white"], COLOURS["grey"]
    assert colour_of(np.array([shade] * 60 + [white] * 40, np.uint8))[0] == "white"
    assert colour_of(np.array([shade] * 60 + [grey] * 40, np.uint8))[0] == "grey"


def test_a_colour_that_is_none_of_ours_has_no_share() -> None:
    assert colour_of(np.full((10, 3), (200, 255, 0), np.uint8))[1] < 0.1


def test_lab_is_what_the_standard_says() -> None:
    # Values of the sRGB primaries and white under D65 as colour tables give them.
    colours = np.array([(255, 255, 255), (255, 0, 0), (0, 0, 255), (0, 0, 0)], np.uint8)
    expected = np.array([(100, 0, 0), (53.24, 80.09, 67.20), (32.30, 79.19, -107.86), (0, 0, 0)])
    assert lab(colours) == pytest.approx(expected, abs=0.05)
    assert lab(colours.astype(float)) == pytest.approx(expected, abs=0.05)
