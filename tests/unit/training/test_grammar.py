from __future__ import annotations

import hashlib
import random
from itertools import pairwise

import pytest

from training import grammar, lexicon, subjects, vocabulary
from training.drawing import kinds
from training.drawing.picture import Picture, Thing
from training.drawing.scenes import Scene

PUNCTUATION = frozenset(",.&")


def described(seed: int) -> tuple[Picture, list[str]]:
    """The picture of a seed and its captions, as ``training.dataset`` makes them."""
    rng = random.Random(f"picture {seed}")
    picture = subjects.random_picture(rng)
    return picture, [grammar.caption(picture, rng) for _ in range(4)]


CASES = [described(seed) for seed in range(500)]
CAPTIONS = [caption for _, captions in CASES for caption in captions]


def test_a_seed_keeps_its_picture_and_its_captions() -> None:
    # The model that ships has learnt these. Who changes them on purpose trains it anew, and writes the new digest here.
    digest = hashlib.sha256(repr([(tuple(picture), captions) for picture, captions in CASES]).encode()).hexdigest()
    assert digest == "656b20bc5ba9255a2e80b0cfc5ddae0478a583d6ed68bb5e1b892a55729fd702"


def test_every_piece_of_a_caption_has_tokens() -> None:
    pieces = {piece for caption in CAPTIONS for piece in vocabulary.PIECE.findall(caption.replace(lexicon.UNKNOWN, ""))}
    assert len(pieces) > 300
    assert pieces - set(vocabulary.table()) == set()


def test_the_list_of_words_holds_every_word_of_a_caption() -> None:
    drawn, filler = lexicon.words()
    assert not drawn & filler
    words = {word for caption in CAPTIONS for word in caption.removesuffix(".").split()}
    assert words - drawn - filler - PUNCTUATION == {lexicon.UNKNOWN}


def test_the_list_of_words_holds_no_word_without_tokens() -> None:
    drawn, filler = lexicon.words()
    pieces = {piece for word in drawn | filler for piece in vocabulary.PIECE.findall(word)}
    assert pieces - set(vocabulary.table()) == set()


def test_captions_are_what_people_type() -> None:
    for caption in CAPTIONS:
        assert caption == caption.lower()
        assert "  " not in caption
        assert caption == caption.strip()


def test_a_caption_says_what_is_in_the_picture() -> None:
    for picture, captions in CASES:
        for caption in captions:
            words = f" {caption.removesuffix('.')} ".replace(f" {lexicon.UNKNOWN}", "")
            for thing in picture.things:
                kind = kinds.load()[thing.kind]
                names = kind.words if thing.count == 1 else kind.plurals
                assert any(f" {name} " in words for name in names), caption
                if thing.colour is not None:
                    assert any(f" {word} " in words for word in lexicon.COLOUR_WORDS[thing.colour]), caption
                if thing.count > 1:
                    counts = [
                        word.removeprefix("a ") for word in lexicon.COUNT_WORDS[thing.count]
                    ]  # "a simple pair of"
                    assert any(f" {word} " in words for word in counts), caption


@pytest.mark.parametrize(
    "picture",
    [
        Picture(),
        Picture(scene=Scene("beach", "sunset")),
        Picture((Thing("cat", "red", "big", 1, "sad"),), place="top left", background="blue", style="pixel"),
        Picture((Thing("egg"), Thing("owl")), relation="on"),
        Picture((Thing("owl"), Thing("egg"), Thing("cat", "orange", count=3)), scene=Scene("grass", "day")),
    ],
)
def test_vowels_get_their_article(picture: Picture) -> None:
    rng = random.Random(0)
    for _ in range(100):
        words = grammar.caption(picture, rng).replace(f"{lexicon.UNKNOWN} ", "? ").split()
        for article, word in pairwise(words):
            if article == "an":
                assert word[0] in "aeiou?", words


def test_a_long_caption_has_two_chunks_and_the_words_of_the_short_one() -> None:
    for caption in CAPTIONS[:200]:
        long = grammar.long_caption(caption, random.Random(0))
        assert " ".join(caption.split()) in long
        rows = vocabulary.encode_long(long)
        assert [len(row) for row in rows] == [vocabulary.LENGTH] * 2
        assert all(row[0] == vocabulary.START and row[-1] == vocabulary.END for row in rows)
        assert set(rows[1][1:-1]) != {vocabulary.END}


def test_rows_of_a_caption() -> None:
    cat, red = (vocabulary.rows()[vocabulary.table()[word][0]] for word in ("cat", "red"))
    encoded = vocabulary.encode(f"red {lexicon.UNKNOWN} cat")
    assert encoded[:5] == [vocabulary.START, red, vocabulary.NOTHING, cat, vocabulary.END]
    assert encoded[5:] == [vocabulary.END] * (vocabulary.LENGTH - 5)


def test_a_caption_that_is_too_long_is_cut_off() -> None:
    encoded = vocabulary.encode("cat " * 100)
    assert len(encoded) == vocabulary.LENGTH
    assert encoded[-1] == vocabulary.END
    assert encoded[-2] == encoded[1]


def test_no_caption_has_the_row_that_guidance_compares_with() -> None:
    assert all(vocabulary.NULL not in vocabulary.encode(caption) for caption in CAPTIONS)
    assert set(vocabulary.rows().values()) == set(range(vocabulary.count())) - {vocabulary.NOTHING, vocabulary.NULL}


def test_shares_of_the_sizes_add_up() -> None:
    assert sum(share for _, share in subjects.SIDES) == pytest.approx(1)
    assert all(side % 16 == 0 for size, _ in subjects.SIDES for side in size)
