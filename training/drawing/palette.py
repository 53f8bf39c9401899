"""Colours: the fourteen that a prompt can name, and the materials that drawings need besides."""

from __future__ import annotations

RGB = tuple[int, int, int]

COLOURS: dict[str, RGB] = {
    "red": (222, 46, 42),
    "orange": (245, 134, 30),
    "yellow": (250, 212, 50),
    "green": (58, 164, 70),
    "turquoise": (50, 200, 196),
    "blue": (44, 106, 224),
    "navy": (28, 42, 104),
    "purple": (140, 68, 190),
    "pink": (248, 140, 184),
    "brown": (130, 80, 44),
    "beige": (228, 202, 156),
    "white": (247, 247, 245),
    "grey": (142, 146, 152),
    "black": (36, 36, 40),
}
"""sRGB of the colours in the middle of a surface. Far apart on purpose, so that they can be told apart in a picture."""

MATERIALS: dict[str, RGB] = {
    "skin": (240, 196, 160),
    "wood": (150, 98, 56),
    "bark": (120, 82, 52),
    "leaf": (70, 150, 66),
    "metal": (172, 180, 190),
    "steel": (120, 128, 140),
    "glass": (178, 222, 244),
    "paper": (250, 244, 228),
    "cream": (250, 236, 204),
    "gold": (238, 190, 60),
    "ink": (44, 40, 48),
    "rubber": (52, 52, 58),
    "stone": (168, 164, 156),
    "brick": (186, 96, 70),
    "roof": (176, 72, 54),
    "sand": (236, 208, 150),
    "water": (74, 148, 216),
    "snow": (244, 248, 252),
    "flame": (250, 150, 40),
    "ember": (226, 72, 34),
    "blush": (246, 150, 150),
    "lamp": (255, 240, 170),
}
"""sRGB of parts whose colour a prompt does not change: a tree's bark stays brown when its leaves are blue."""


def rgb(name: str) -> RGB:
    """The sRGB of a colour, a material or ``#rrggbb``.

    Raises:
        KeyError: there is no such colour.
    """
    if name.startswith("#"):
        return int(name[1:3], 16), int(name[3:5], 16), int(name[5:7], 16)
    return COLOURS[name] if name in COLOURS else MATERIALS[name]


def mix(first: RGB, second: RGB, share: float) -> RGB:
    """``first`` with ``share`` (0 to 1) of ``second`` in it."""
    a, b, c = (round(x + (y - x) * share) for x, y in zip(first, second, strict=True))
    return a, b, c


def lighter(colour: RGB, share: float) -> RGB:
    """``colour`` moved towards white by ``share`` (0 to 1)."""
    return mix(colour, (255, 255, 255), share)


def darker(colour: RGB, share: float) -> RGB:
    """``colour`` moved towards a deep blue-black by ``share`` (0 to 1)."""
    return mix(colour, (16, 14, 34), share)


def code(colour: RGB) -> str:
    """``colour`` as SVG writes it."""
    return "#{:02x}{:02x}{:02x}".format(*colour)
