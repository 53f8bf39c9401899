"""The words that the model learns, and what each of them says about a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.drawing import kinds

if TYPE_CHECKING:
    from training.drawing.pen import Mood, Style
    from training.drawing.picture import Place, Relation, Size

COLOUR_WORDS: dict[str, tuple[str, ...]] = {
    "red": ("red", "crimson", "scarlet"),
    "orange": ("orange",),
    "yellow": ("yellow", "golden", "gold"),
    "green": ("green", "lime"),
    "turquoise": ("turquoise", "cyan", "teal", "aqua"),
    "blue": ("blue",),
    "navy": ("navy", "navy blue", "dark blue"),
    "purple": ("purple", "violet"),
    "pink": ("pink", "magenta"),
    "brown": ("brown", "wooden"),
    "beige": ("beige", "tan", "cream"),
    "white": ("white",),
    "grey": ("grey", "gray", "silver"),
    "black": ("black",),
}
SIZE_WORDS: dict[Size, tuple[str, ...]] = {
    "small": ("small", "little", "tiny", "mini"),
    "big": ("big", "large", "huge", "giant"),
}
MOOD_WORDS: dict[Mood, tuple[str, ...]] = {
    "happy": ("happy", "friendly", "smiling", "cute", "cheerful", "funny"),
    "sad": ("sad", "unhappy"),
    "angry": ("angry", "grumpy", "mad", "evil"),
}
COUNT_WORDS: dict[int, tuple[str, ...]] = {
    2: ("two", "2", "a pair of", "a couple of"),
    3: ("three", "3"),
    4: ("four", "4"),
    5: ("five", "5"),
}
RELATION_WORDS: dict[Relation, tuple[str, ...]] = {
    "and": ("and", "next to", "beside", "with", "&"),
    "left of": ("to the left of", "left of", "on the left of", "on the left side of"),
    "right of": ("to the right of", "right of", "on the right of", "on the right side of"),
    "above": ("above", "over", "flying over", "floating above"),
    "below": ("below", "beneath"),
    "on": ("on", "on top of", "sitting on", "standing on"),
    "under": ("under", "underneath"),
    "behind": ("behind",),
    "in front of": ("in front of",),
    "holding": ("holding", "carrying", "with"),
    "wearing": ("wearing", "with"),
}
PLACE_WORDS: dict[Place, tuple[str, ...]] = {
    "left": ("on the left", "on the left side", "at the left"),
    "right": ("on the right", "on the right side", "at the right"),
    "top": ("at the top", "on top", "up high"),
    "bottom": ("at the bottom", "down below"),
    "top left": ("in the top left corner", "at the top left", "in the upper left corner"),
    "top right": ("in the top right corner", "at the top right", "in the upper right corner"),
    "bottom left": ("in the bottom left corner", "at the bottom left", "in the lower left corner"),
    "bottom right": ("in the bottom right corner", "at the bottom right", "in the lower right corner"),
    "middle": ("in the middle", "in the center", "in the centre", "centered"),
}
GROUND_WORDS: dict[str, tuple[str, ...]] = {
    "grass": (
        "on the grass", "on grass", "in a meadow", "in a field", "in the garden", "in the park", "on a green meadow",
        "outside", "outdoors",
    ),
    "snow": ("in the snow", "in winter", "on snow", "in a snowy landscape"),
    "desert": ("in the desert", "in a desert", "on the sand"),
    "beach": ("at the beach", "on the beach", "on a beach", "by the sea"),
    "sea": (
        "on the sea", "at sea", "in the sea", "on the ocean", "on the water", "in the water", "on a lake",
    ),
    "forest": ("in the forest", "in a forest", "in the woods", "in the jungle"),
    "mountains": ("in the mountains", "in front of the mountains", "in the hills"),
    "city": ("in the city", "in a city", "in the town", "on the street", "in the street", "on the road"),
    "underwater": ("underwater", "under water", "under the sea", "at the bottom of the sea", "in an aquarium"),
    "room": (
        "in a room", "in the room", "indoors", "inside", "at home", "in the kitchen", "on the floor", "in the house",
    ),
}  # fmt: skip
SKY_WORDS: dict[str, tuple[str, ...]] = {
    "day": ("in the sky", "in a blue sky", "in the blue sky", "among the clouds", "in the air"),
    "sunset": ("at sunset", "at dusk", "at sunrise", "at dawn", "in the evening"),
    "night": ("at night", "in the night", "under the stars", "in the dark", "at midnight", "in the moonlight"),
    "space": (
        "in space",
        "in outer space",
        "in the universe",
        "in the galaxy",
        "floating in space",
        "flying through space",
    ),
}
POSTURES: dict[str, tuple[str, ...]] = {
    "ground": ("standing", "sitting"),
    "sea": ("swimming", "floating"),
    "underwater": ("swimming", "floating"),
    "day": ("flying", "floating"),
    "space": ("flying", "floating"),
}
"""What things can be said to do there; it is what they are drawn doing anyway."""
DAY_WORDS = ("on a sunny day", "by day", "in summer", "in the sun")
"""Said of any ground under a day's sky."""
SCENE_NOUNS: dict[tuple[str | None, str | None], tuple[str, ...]] = {
    ("grass", None): ("a meadow", "grass", "a green field", "a garden", "a park", "a landscape"),
    ("snow", None): ("snow", "a snowy landscape", "winter"),
    ("desert", None): ("a desert", "the desert", "sand"),
    ("beach", None): ("a beach", "the beach"),
    ("sea", None): ("the sea", "the ocean", "a lake", "water"),
    ("forest", None): ("a forest", "the woods", "a jungle"),
    ("mountains", None): ("mountains", "the mountains", "hills"),
    ("city", None): ("a city", "the city", "a street"),
    ("underwater", None): ("an underwater scene", "under the sea", "an aquarium"),
    ("room", None): ("a room", "an empty room", "a kitchen"),
    (None, "day"): ("the sky", "a blue sky", "clouds in the sky"),
    (None, "sunset"): ("a sunset", "a sunrise", "the evening"),
    (None, "night"): ("the night", "the night sky", "a starry night"),
    (None, "space"): ("space", "outer space", "the universe", "the galaxy"),
}
STYLE_WORDS: dict[Style, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "shaded": (("3d", "simple 3d", "shaded"), ("3d", "3d render", "shaded")),
    "flat": (("flat", "flat design"), ("flat", "flat style", "flat design", "flat colors")),
    "outline": (
        (
            "outline of", "line drawing of", "a line drawing of", "a sketch of", "line art of", "an outline of",
            "a pencil drawing of",
        ),
        ("line drawing", "outline", "line art", "sketch", "black and white line art", "coloring page"),
    ),
    "pixel": (
        ("pixel art of", "pixel", "a pixel art", "pixel art", "8 bit"),
        ("pixel art", "pixel art style", "8 bit", "retro game style"),
    ),
    "watercolour": (
        (
            "a watercolor of", "a watercolour of", "watercolor painting of", "a watercolour painting of",
            "a painting of", "watercolor",
        ),
        ("watercolor", "watercolour", "watercolor painting", "painted", "watercolour style"),
    ),
}  # fmt: skip
"""Style words before a caption, and after it behind a comma."""
OPENINGS = (
    "a picture of", "an image of", "a drawing of", "an illustration of", "picture of", "image of", "draw", "show",
    "there is", "a cartoon of", "clipart of", "an icon of", "a simple",
)  # fmt: skip

_FILLER = """
a an the of to at in on and or is are there it its with by for from his her their my your this that some one 1 single
just picture image drawing illustration draw show please me i want simple plain cartoon clipart icon style art
background colored coloured color colour made which who has have be very as out up into side
"""
FILLER = frozenset(_FILLER.split())
"""Words without a meaning of their own here; a prompt may hold them without a warning."""

UNKNOWN = "\N{REPLACEMENT CHARACTER}"
"""Stands in captions for a word that the model has no row for."""


def words() -> tuple[set[str], set[str]]:
    """All words and phrases that a caption can hold: those that change the picture, and those that only join others."""
    drawn: set[str] = set()
    for kind in kinds.load().values():
        drawn.update(kind.words, kind.plurals)
    for table in (
        COLOUR_WORDS, SIZE_WORDS, MOOD_WORDS, COUNT_WORDS, RELATION_WORDS, PLACE_WORDS, GROUND_WORDS, SKY_WORDS,
        SCENE_NOUNS,
    ):  # fmt: skip
        for options in table.values():
            drawn.update(options)
    for before, after in STYLE_WORDS.values():
        drawn.update(before, after)
    drawn.update(DAY_WORDS)
    for postures in POSTURES.values():
        drawn.update(postures)
    single = {word for phrase in drawn for word in phrase.split() if word.isalnum()}
    filler = set(FILLER) | {word for phrase in OPENINGS for word in phrase.split()}
    return (single | {phrase for phrase in drawn if " " in phrase}) - filler, filler
