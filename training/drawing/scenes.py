"""Backdrops: what is behind and under the things.

Coordinates: the picture's middle is (0, 0), its short side is 2 long.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from training.drawing.palette import RGB, code, darker, lighter, mix, rgb

if TYPE_CHECKING:
    import random

GROUNDS = ("grass", "snow", "desert", "beach", "sea", "forest", "mountains", "city", "underwater", "room")
SKIES = ("day", "sunset", "night", "space")

SOFT: tuple[RGB, ...] = (
    (226, 236, 244), (246, 234, 218), (228, 240, 226), (240, 228, 238),
    (250, 240, 214), (222, 238, 240), (236, 234, 244),
)  # fmt: skip
"""Pastels of the backdrop that a picture gets when its prompt names none."""

SKY_COLOURS: dict[str, tuple[RGB, RGB]] = {
    "day": ((96, 176, 240), (206, 234, 250)),
    "sunset": ((92, 70, 140), (252, 160, 84)),
    "night": ((16, 22, 62), (44, 58, 116)),
    "space": ((10, 10, 30), (32, 22, 64)),
}
"""Top and bottom of each sky."""

GROUND_COLOURS: dict[str, tuple[RGB, RGB]] = {
    "grass": ((132, 196, 88), (84, 158, 66)),
    "snow": ((250, 252, 255), (214, 228, 242)),
    "desert": ((244, 214, 146), (226, 182, 106)),
    "beach": ((246, 224, 170), (230, 200, 138)),
    "sea": ((70, 150, 214), (24, 96, 170)),
    "forest": ((92, 150, 72), (58, 112, 52)),
    "mountains": ((128, 186, 100), (84, 146, 70)),
    "city": ((150, 152, 160), (108, 110, 120)),
    "underwater": ((232, 214, 160), (206, 184, 130)),
    "room": ((196, 148, 100), (164, 116, 74)),
}
"""Far and near end of each ground."""


class Scene(NamedTuple):
    """What a prompt says about the place: either may be None, then it is not said. Both None is a ``Soft`` backdrop."""

    ground: str | None
    sky: str | None


class Canvas:
    """An SVG document being written.

    Attributes:
        hx, hy: half of the picture's width and height; the smaller of the two is 1.
    """

    def __init__(self, hx: float, hy: float) -> None:
        self.hx, self.hy = hx, hy
        self.parts: list[str] = []
        self._gradients = 0

    def add(self, svg: str) -> None:
        """Adds a piece of SVG on top of everything."""
        self.parts.append(svg)

    def gradient(self, top: RGB, bottom: RGB) -> str:
        """A paint from ``top`` down to ``bottom`` over the box of what it fills."""
        self._gradients += 1
        name = f"s{self._gradients}"
        self.add(
            f'<defs><linearGradient id="{name}" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="{code(top)}"/>'
            f'<stop offset="1" stop-color="{code(bottom)}"/></linearGradient></defs>'
        )
        return f"url(#{name})"

    def band(self, y0: float, y1: float, paint: str) -> None:
        """A stripe over the whole width."""
        self.rect(-self.hx - 0.02, y0, 2 * self.hx + 0.04, y1 - y0, paint)

    def rect(self, x: float, y: float, width: float, height: float, paint: str) -> None:
        """A rectangle whose upper left corner is (x, y)."""
        self.add(f'<rect x="{x:.3f}" y="{y:.3f}" width="{width:.3f}" height="{height:.3f}" fill="{paint}"/>')

    def ellipse(self, x: float, y: float, rx: float, ry: float, paint: str, opacity: float = 1.0) -> None:
        """An ellipse around (x, y)."""
        size = f'rx="{rx:.3f}" ry="{ry:.3f}"'
        self.add(f'<ellipse cx="{x:.3f}" cy="{y:.3f}" {size} fill="{paint}" fill-opacity="{opacity:.2f}"/>')

    def hills(self, y: float, height: float, paint: str, phase: float, waves: float) -> None:
        """Rolling land from a wavy line at ``y`` down to the lower edge."""
        steps = 24
        xs = [-self.hx - 0.05 + (2 * self.hx + 0.1) * i / steps for i in range(steps + 1)]
        line = " ".join(f"L{x:.3f} {y + height * math.sin(phase + waves * x):.3f}" for x in xs)
        foot = self.hy + 0.05
        self.add(f'<path d="M{xs[0]:.3f} {foot:.3f}{line}L{xs[-1]:.3f} {foot:.3f}Z" fill="{paint}"/>')


def plain(canvas: Canvas, colour: RGB) -> None:
    """One colour all over."""
    canvas.band(-canvas.hy - 0.02, canvas.hy + 0.02, code(colour))


def soft(canvas: Canvas, rng: random.Random) -> None:
    """A quiet pastel, a little darker below."""
    tone = rng.choice(SOFT)
    canvas.band(-canvas.hy - 0.02, canvas.hy + 0.02, canvas.gradient(lighter(tone, 0.45), darker(tone, 0.04)))


def scene(canvas: Canvas, where: Scene, rng: random.Random) -> float:
    """Draws a place and returns y of its horizon."""
    if where.ground == "room":
        return _room(canvas, where, rng)
    if where.ground == "underwater":
        return _underwater(canvas, rng)
    sky = where.sky or "day"
    top, bottom = SKY_COLOURS[sky]
    canvas.band(-canvas.hy - 0.02, canvas.hy + 0.02, canvas.gradient(top, bottom))
    if sky in ("night", "space"):
        _stars(canvas, rng, 26 if sky == "space" else 16)
    if sky == "night":
        _moon(canvas, rng)
    if where.ground is None and sky in ("space", "day"):
        _high_up(canvas, sky, rng)
        return canvas.hy
    if sky == "day":
        for side in (-1, 1):
            x, y = side * rng.uniform(0.35, 0.85) * canvas.hx, -canvas.hy * rng.uniform(0.62, 0.82)
            _cloud(canvas, x, y, rng.uniform(0.13, 0.18))
    if sky == "sunset":
        canvas.ellipse(rng.choice((-0.5, 0.5)) * canvas.hx, 0.12, 0.26, 0.26, code((255, 222, 130)))
    return _land(canvas, where.ground or "grass", sky, rng)


def _high_up(canvas: Canvas, sky: str, rng: random.Random) -> None:
    """What a sky holds below which there is no land."""
    if sky == "space":
        _planet(canvas, rng)
        return
    for _ in range(3):
        x, y = rng.uniform(-canvas.hx, canvas.hx), rng.uniform(-0.85, 0.85) * canvas.hy
        _cloud(canvas, x, y, rng.uniform(0.16, 0.26))


def _land(canvas: Canvas, ground: str, sky: str, rng: random.Random) -> float:
    horizon = 0.16
    far, near = GROUND_COLOURS[ground]
    if sky in ("night", "space"):
        far, near = mix(far, (20, 26, 70), 0.55), mix(near, (16, 22, 60), 0.55)
    elif sky == "sunset":
        far, near = mix(far, (170, 80, 80), 0.22), mix(near, (120, 60, 90), 0.22)
    phase = rng.uniform(0, 6)
    if ground == "beach":
        _beach(canvas, horizon, far, near, phase, by_day=sky == "day")
    elif ground == "sea":
        canvas.band(horizon, canvas.hy + 0.02, canvas.gradient(far, near))
        for y, x in ((0.3, -0.55), (0.42, 0.5), (0.62, -0.1), (0.8, 0.65), (0.85, -0.7)):
            canvas.ellipse(x * canvas.hx, y * canvas.hy, 0.16, 0.016, code(lighter(far, 0.4)), 0.8)
    else:
        if ground in ("grass", "forest", "snow", "desert"):
            canvas.hills(horizon - 0.05, 0.05, code(mix(far, SKY_COLOURS[sky][1], 0.35)), phase, 2.2)
        _behind(canvas, ground, sky, horizon + 0.06, near)
        canvas.hills(horizon + 0.03, 0.03, canvas.gradient(far, near), phase + 2, 1.6)
    return horizon


def _beach(canvas: Canvas, horizon: float, far: RGB, near: RGB, phase: float, *, by_day: bool) -> None:
    """The sea, and sand before it."""
    sea_far, sea_near = GROUND_COLOURS["sea"]
    if not by_day:
        sea_far, sea_near = mix(sea_far, far, 0.3), mix(sea_near, near, 0.4)
    canvas.band(horizon - 0.04, 0.45, canvas.gradient(sea_far, sea_near))
    canvas.hills(0.36, 0.025, canvas.gradient(far, near), phase, 3.0)


def _behind(canvas: Canvas, ground: str, sky: str, y: float, near: RGB) -> None:
    """What stands along the horizon."""
    by_day = sky == "day"
    if ground == "forest":
        needles = mix((40, 104, 60), near, 0.2 if by_day else 0.6)
        for x in (-0.92, -0.66, -0.4, 0.4, 0.66, 0.92):
            _fir(canvas, x * canvas.hx, y, 0.34 + 0.1 * abs(x), needles)
    elif ground == "mountains":
        _peaks(canvas, y, mix((122, 134, 158), SKY_COLOURS[sky][1], 0.25 if by_day else 0.5))
    elif ground == "city":
        _skyline(canvas, y, mix((150, 164, 186), SKY_COLOURS[sky][1], 0.2 if by_day else 0.6), sky)


def _peaks(canvas: Canvas, y: float, colour: RGB) -> None:
    """Mountains with snow on top, along the horizon."""
    for place, size in ((-0.72, 0.62), (0.62, 0.72), (-0.1, 0.46)):
        x, top, half = place * canvas.hx, y - size, size * 0.85
        canvas.add(
            f'<path d="M{x:.3f} {top:.3f}L{x + half:.3f} {y:.3f}L{x - half:.3f} {y:.3f}Z" fill="{code(colour)}"/>'
        )
        cap = 0.3
        left, right, low = x - half * cap, x + half * cap, top + size * cap
        zigzag = f"L{right:.3f} {low:.3f}L{x + half * 0.1:.3f} {low - 0.04:.3f}L{x - half * 0.1:.3f} {low + 0.02:.3f}"
        canvas.add(f'<path d="M{x:.3f} {top:.3f}{zigzag}L{left:.3f} {low:.3f}Z" fill="{code(lighter(colour, 0.75))}"/>')


def _skyline(canvas: Canvas, y: float, colour: RGB, sky: str) -> None:
    """Houses along the horizon, with lit windows when it is dark."""
    window = code((250, 226, 140) if sky != "day" else lighter(colour, 0.45))
    for x, height in ((-0.9, 0.42), (-0.62, 0.66), (-0.34, 0.5), (0.34, 0.56), (0.62, 0.74), (0.9, 0.46)):
        left = x * canvas.hx - 0.13
        shape = f'x="{left:.3f}" y="{y - height:.3f}" width="0.26" height="{height:.3f}"'
        canvas.add(f'<rect {shape} fill="{code(colour)}"/>')
        for row in range(int(height / 0.16)):
            for column in range(2):
                place = f'x="{left + 0.05 + 0.1 * column:.3f}" y="{y - height + 0.06 + 0.15 * row:.3f}"'
                canvas.add(f'<rect {place} width="0.06" height="0.07" fill="{window}"/>')


def _underwater(canvas: Canvas, rng: random.Random) -> float:
    """Water all over, sand below, weeds and bubbles."""
    canvas.band(-canvas.hy - 0.02, canvas.hy + 0.02, canvas.gradient((110, 206, 232), (24, 92, 158)))
    floor = 0.66 * canvas.hy
    canvas.hills(floor, 0.04, canvas.gradient(*GROUND_COLOURS["underwater"]), rng.uniform(0, 6), 2.4)
    green = code((44, 140, 96))
    for place in (-0.86, -0.7, 0.74, 0.9):
        x, top = place * canvas.hx, floor - 0.34 - 0.1 * abs(place)
        lower, upper = f"{x - 0.12:.3f} {floor - 0.1:.3f}", f"{x + 0.12:.3f} {top + 0.14:.3f}"
        bend = f"M{x:.3f} {floor + 0.12:.3f}C{lower} {upper} {x:.3f} {top:.3f}"
        canvas.add(f'<path d="{bend}" fill="none" stroke="{green}" stroke-width="0.06" stroke-linecap="round"/>')
    for _ in range(6):
        x, y = rng.uniform(-0.9, 0.9) * canvas.hx, rng.uniform(-0.9, 0.3) * canvas.hy
        canvas.ellipse(x, y, 0.035, 0.035, code((226, 246, 252)), 0.7)
    return canvas.hy  # nothing stands here: all things float


def _room(canvas: Canvas, where: Scene, rng: random.Random) -> float:
    floor = 0.42
    wall = rng.choice(((244, 228, 204), (214, 230, 236), (232, 222, 240)))
    canvas.band(-canvas.hy - 0.02, floor, code(wall))
    far, near = GROUND_COLOURS["room"]
    canvas.band(floor, canvas.hy + 0.02, canvas.gradient(far, near))
    canvas.band(floor - 0.05, floor, code((250, 248, 244)))
    x, y = -0.62 * canvas.hx, -0.55
    sky = SKY_COLOURS[where.sky or "day"]
    canvas.rect(x - 0.26, y - 0.26, 0.52, 0.52, code((250, 250, 248)))
    paint = canvas.gradient(*sky)
    for dx in (-0.22, 0.02):
        for dy in (-0.22, 0.02):
            canvas.rect(x + dx, y + dy, 0.2, 0.2, paint)
    return floor


def _stars(canvas: Canvas, rng: random.Random, count: int) -> None:
    for _ in range(count):
        x, y = rng.uniform(-canvas.hx, canvas.hx), rng.uniform(-canvas.hy, canvas.hy)
        canvas.ellipse(x, y, 0.016, 0.016, code(rgb("white")))


def _moon(canvas: Canvas, rng: random.Random) -> None:
    canvas.ellipse(rng.choice((-0.66, 0.66)) * canvas.hx, -0.68 * canvas.hy, 0.17, 0.17, code((250, 240, 200)))


def _planet(canvas: Canvas, rng: random.Random) -> None:
    side = rng.choice((-1, 1))
    paint = canvas.gradient((226, 150, 110), (150, 80, 110))
    canvas.ellipse(side * 0.7 * canvas.hx, 0.66 * canvas.hy, 0.24, 0.24, paint)


def _cloud(canvas: Canvas, x: float, y: float, size: float) -> None:
    for dx, dy, r in ((-0.9, 0.2, 0.6), (0.0, -0.15, 0.85), (0.9, 0.2, 0.6)):
        canvas.ellipse(x + dx * size, y + dy * size, r * size, r * size * 0.8, code((250, 252, 254)))
    canvas.ellipse(x, y + 0.42 * size, 1.4 * size, 0.4 * size, code((250, 252, 254)))


def _fir(canvas: Canvas, x: float, y: float, size: float, colour: RGB) -> None:
    for k in range(3):
        w, top = size * (0.3 + 0.14 * k), y - size * (1.9 - 0.55 * k)
        foot = top + size * 0.8
        d = f"M{x:.3f} {top:.3f}L{x + w:.3f} {foot:.3f}L{x - w:.3f} {foot:.3f}Z"
        canvas.add(f'<path d="{d}" fill="{code(colour)}"/>')


def abstract(canvas: Canvas, rng: random.Random) -> None:
    """Calm waves and discs: what an empty prompt gets, and one that holds no word the model knows."""
    families = (
        ((250, 232, 206), (244, 178, 132), (226, 112, 112), (140, 84, 138), (64, 66, 126)),
        ((226, 244, 240), (150, 216, 206), (84, 168, 190), (56, 108, 164), (40, 58, 112)),
        ((250, 240, 222), (238, 206, 150), (178, 190, 138), (104, 154, 138), (54, 96, 112)),
    )
    tones = rng.choice(families)
    canvas.band(-canvas.hy - 0.02, canvas.hy + 0.02, canvas.gradient(lighter(tones[0], 0.3), tones[1]))
    x, y = rng.uniform(-0.5, 0.5) * canvas.hx, -rng.uniform(0.3, 0.5) * canvas.hy
    canvas.ellipse(x, y, 0.34, 0.34, code(lighter(tones[0], 0.5)))
    phase = rng.uniform(0, 6)
    for k, tone in enumerate(tones[1:]):
        level = (-0.1 + 0.3 * k) * canvas.hy
        paint = canvas.gradient(lighter(tone, 0.12), darker(tone, 0.1))
        canvas.hills(level, 0.13 - 0.015 * k, paint, phase + 1.7 * k, 1.9 + 0.35 * k)
