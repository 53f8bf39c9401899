"""What people write: captions that say what is in a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.drawing import kinds
from training.lexicon import (
    COLOUR_WORDS,
    COUNT_WORDS,
    DAY_WORDS,
    GROUND_WORDS,
    MOOD_WORDS,
    OPENINGS,
    PLACE_WORDS,
    POSTURES,
    RELATION_WORDS,
    SCENE_NOUNS,
    SIZE_WORDS,
    SKY_WORDS,
    STYLE_WORDS,
    UNKNOWN,
)

if TYPE_CHECKING:
    import random

    from training.drawing.picture import Picture, Thing
    from training.drawing.scenes import Scene


def caption(picture: Picture, rng: random.Random) -> str:
    """One way to ask for ``picture``. Lower case; ``UNKNOWN`` stands for words that the model does not know."""
    text = _caption(picture, rng)
    if rng.random() < 0.16:
        text = _with_unknown(text, rng)
    if rng.random() < 0.12:
        text += "."
    return text


def _caption(picture: Picture, rng: random.Random) -> str:
    if not picture.things and picture.scene is None:
        words = rng.choice((0, 0, 0, 1, 2, 3, 4, 6, 9, 14))
        return " ".join(rng.choice((UNKNOWN, UNKNOWN, UNKNOWN, "a", "the", "of", "in", "and")) for _ in range(words))
    if not picture.things:
        assert picture.scene is not None
        return _styled(picture, _scene_noun(picture.scene, rng), rng)
    if len(picture.things) == 1 and rng.random() < 0.14:
        return _tags(picture, rng)
    bare = rng.random() < 0.3
    first = _noun(picture.things[0], rng, bare=bare)
    if len(picture.things) == 2:
        body = f"{first} {_relation(picture, rng)} {_noun(picture.things[1], rng, bare=False)}"
        if picture.relation in ("and", "left of", "right of") and rng.random() < 0.12:
            left, right = picture.things if picture.relation != "right of" else picture.things[::-1]
            start = f"{_noun(left, rng, bare=bare)} on the left {rng.choice(('and', ','))}"
            body = f"{start} {_noun(right, rng, bare=bare)} on the right"
    elif len(picture.things) == 3:
        a, b, c = (_noun(thing, rng, bare=bare) for thing in picture.things)
        body = f"{a} , {b} {rng.choice(('and', ', and', ','))} {c}"
    else:
        body = first
    tail = _where(picture, rng)
    if picture.place is not None:
        place = rng.choice(PLACE_WORDS[picture.place])
        tail = f"{place} {tail}" if rng.random() < 0.6 else f"{tail} {place}"
    if picture.scene is not None and tail and rng.random() < 0.08:
        body = f"{tail} there is {body}" if rng.random() < 0.5 else f"{tail} , {body}"
    else:
        body = f"{body} {tail}"
    return _styled(picture, body, rng)


def _relation(picture: Picture, rng: random.Random) -> str:
    options = RELATION_WORDS[picture.relation]
    if picture.relation == "wearing":
        return rng.choices(options, (5, 1))[0]
    if picture.relation == "holding":
        return rng.choices(options, (12, 4, 1))[0]
    if picture.relation == "and":
        return rng.choices(options, (12, 3, 2, 2, 1))[0]
    return rng.choice(options)


def _styled(picture: Picture, body: str, rng: random.Random) -> str:
    body = " ".join(body.split())
    if picture.style is not None:
        before, after = STYLE_WORDS[picture.style]
        if rng.random() < 0.55:
            opening = rng.choice(before)
            if not opening.endswith(" of"):
                if not body.startswith(("a couple", "a pair")):
                    body = body.removeprefix("a ").removeprefix("an ")
                opening = f"a {opening}" if rng.random() < 0.5 and not opening.startswith("a ") else opening
            return f"{opening} {body}"
        if rng.random() < 0.8:
            return f"{body} , {rng.choice(after)}"
        return f"{body} in {rng.choice(after)}"
    if rng.random() < 0.14:
        opening = rng.choice(OPENINGS)
        if opening == "a simple" and not body.startswith(("a couple", "a pair")):
            body = body.removeprefix("a ").removeprefix("an ")
        return f"{opening} {body}"
    return body


def _tags(picture: Picture, rng: random.Random) -> str:
    """Key words with commas, as people write them who are used to other models."""
    thing = picture.things[0]
    parts = [_noun(thing, rng, bare=True)]
    rest = [_where(picture, rng, tags=True)]
    if picture.place is not None:
        rest.append(rng.choice(PLACE_WORDS[picture.place]))
    if picture.style is not None:
        rest.append(rng.choice(STYLE_WORDS[picture.style][1]))
    rng.shuffle(rest)
    return " , ".join(part for part in parts + rest if part)


def _noun(thing: Thing, rng: random.Random, *, bare: bool) -> str:
    kind = kinds.load()[thing.kind]
    words = kind.words if thing.count == 1 else kind.plurals
    noun = words[0] if rng.random() < 0.6 else rng.choice(words)
    adjectives = []
    if thing.size is not None:
        adjectives.append(rng.choice(SIZE_WORDS[thing.size]))
    if thing.mood is not None:
        adjectives.append(rng.choice(MOOD_WORDS[thing.mood]))
    rng.shuffle(adjectives)
    if thing.colour is not None:
        options = COLOUR_WORDS[thing.colour]
        colour = options[0] if rng.random() < 0.6 else rng.choice(options)
        adjectives.insert(rng.randrange(len(adjectives) + 1) if rng.random() < 0.15 else len(adjectives), colour)
    phrase = " ".join((*adjectives, noun))
    if thing.count > 1:
        options = COUNT_WORDS[thing.count]
        return f"{options[0] if rng.random() < 0.6 else rng.choice(options)} {phrase}"
    if bare:
        return phrase
    article = rng.choices(("a", "the", "one", "1", "my"), (40, 5, 2, 1, 1))[0]
    if article == "a" and phrase[0] in "aeiou":
        article = "an"
    return f"{article} {phrase}"


def _where(picture: Picture, rng: random.Random, *, tags: bool = False) -> str:
    if picture.background is not None:
        options = COLOUR_WORDS[picture.background]
        colour = options[0] if rng.random() < 0.7 else rng.choice(options)
        if tags:
            return f"{colour} background"
        article = "an" if colour[0] in "aeiou" else "a"
        return rng.choices(
            (
                f"on {article} {colour} background", f"with {article} {colour} background", f"on {colour}",
                f", {colour} background", f"in front of {article} {colour} background",
            ),
            (10, 3, 2, 2, 1),
        )[0]  # fmt: skip
    if picture.scene is None:
        return ""
    ground, sky = picture.scene
    parts = []
    if ground is not None:
        parts.append(rng.choice(GROUND_WORDS[ground]))
    if sky is not None:
        parts.append(rng.choice(DAY_WORDS if ground is not None and sky == "day" else SKY_WORDS[sky]))
    if parts and not tags and rng.random() < 0.12:
        there = ground or sky or ""
        parts[0] = f"{rng.choice(POSTURES.get(there, POSTURES['ground']))} {parts[0]}"
        return " ".join(parts)
    if rng.random() < 0.25:
        parts.reverse()
    return (" , " if tags else " ").join(parts)


def _scene_noun(scene: Scene, rng: random.Random) -> str:
    ground, sky = scene
    if ground is not None and sky is not None:
        when = rng.choice(DAY_WORDS if sky == "day" else SKY_WORDS[sky])
        return f"{rng.choice(SCENE_NOUNS[ground, None])} {when}"
    return rng.choice(SCENE_NOUNS[ground, sky])


def _with_unknown(text: str, rng: random.Random) -> str:
    """``text`` with words in it that the model does not know: before a noun, or as a trailing phrase."""
    words = text.split()
    for _ in range(rng.choice((1, 1, 2))):
        at = rng.randrange(len(words) + 1) if words else 0
        words.insert(at, UNKNOWN)
    if rng.random() < 0.3:
        words += [","] + [UNKNOWN] * rng.randrange(1, 5)
    if rng.random() < 0.12:
        words += [UNKNOWN] * rng.randrange(5, 70)
    return " ".join(words)


def long_caption(text: str, rng: random.Random) -> str:
    """``text`` somewhere in a prompt that is longer than one chunk of CLIP."""
    words = text.split()
    missing = rng.randrange(90, 140) - len(words)
    extra = [rng.choice((UNKNOWN, UNKNOWN, UNKNOWN, ",", "a", "the", "of", "and")) for _ in range(missing)]
    at = rng.choice((0, 0, rng.randrange(len(extra) + 1)))
    return " ".join(extra[:at] + words + extra[at:])
