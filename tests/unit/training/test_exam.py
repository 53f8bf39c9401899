"""The lists of prompts: as long, as varied and as readable for the model as they should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest

from training import exam, lexicon
from training.drawing import kinds
from training.drawing.palette import COLOURS
from training.drawing.picture import Place

if TYPE_CHECKING:
    from training.exam import Question


def everything() -> list[Question]:
    return [question for questions in exam.LISTS.values() for question in questions()]


def test_the_lists_are_as_long_as_the_bars_say() -> None:
    assert {name: len(questions()) for name, questions in exam.LISTS.items()} == {
        "colours": 200, "sides": 100, "counts": 60, "places": 32,
    }  # fmt: skip


@pytest.mark.parametrize("name", exam.LISTS)
def test_a_list_is_always_the_same(name: str) -> None:
    assert exam.LISTS[name]() == exam.LISTS[name]()


def test_every_word_is_one_that_the_model_knows() -> None:
    drawn, filler = lexicon.words()
    for question in everything():
        assert not [word for word in question.prompt.split() if word not in drawn | filler], question.prompt


def test_prompt_expectation_and_picture_say_the_same() -> None:
    for prompt, expectation, picture in everything():
        assert tuple(thing.colour for thing in picture.things) == expectation.colours
        assert picture.background == expectation.background
        assert picture.place == expectation.place
        assert sum(thing.count for thing in picture.things) == expectation.count * len(expectation.colours)
        assert all(f" {colour} " in prompt for colour in expectation.colours)
        assert expectation.background is None or prompt.endswith(f" {expectation.background} background")


def test_colours_in_a_picture_differ() -> None:
    for question in everything():
        colours = (*question.expectation.colours, question.expectation.background)
        assert len(set(colours)) == len(colours)


def test_every_colour_place_and_count_is_asked_for() -> None:
    questions = everything()
    assert {colour for question in questions for colour in question.expectation.colours} == set(COLOURS)
    assert {question.expectation.background for question in questions} == {*COLOURS, None}
    assert {question.expectation.place for question in questions} == {*get_args(Place), None} - {"middle"}
    assert {question.expectation.count for question in questions} == {1, 2, 3, 4, 5}


def test_what_is_left_out_is_little() -> None:
    known = kinds.load()
    assert {kind for kind, _ in exam.JOINED} | exam.UNCLEAR <= set(known)
    assert len(exam.UNCLEAR) <= 0.02 * len(known)
    assert len(exam.JOINED) <= 0.02 * len(known) * len(COLOURS)
