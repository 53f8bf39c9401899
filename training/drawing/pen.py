"""What a drawing is made with: a pen that knows the colours and the style, and writes SVG.

Coordinates are those of the thing's own box: x from -1 (left) to 1 (right), y from -1 (top) to 1 (bottom, where it
stands). Fills are names: ``main`` is the thing's colour, ``light`` and ``dark`` its shades, everything else a colour or
material of the palette, or ``#rrggbb``.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from training.drawing.palette import RGB, code, darker, lighter, mix, rgb

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence

Style = Literal["shaded", "flat", "outline", "pixel", "watercolour"]
Mood = Literal["happy", "sad", "angry"]
Point = tuple[float, float]

OUTLINE = 0.042
"""Width of a line in the outline style, in units of a box that is as large as the picture."""


class Defs:
    """The gradients of one picture, each written once."""

    def __init__(self) -> None:
        self._gradients: dict[str, str] = {}

    def gradient(self, colour: RGB) -> str:
        """A paint that makes ``colour`` look lit from the upper left."""
        name = "g" + code(colour)[1:]
        if name not in self._gradients:
            stops = ((0.0, lighter(colour, 0.30)), (0.5, colour), (1.0, darker(colour, 0.26)))
            inner = "".join(f'<stop offset="{at}" stop-color="{code(c)}"/>' for at, c in stops)
            ends = 'x1="0.2" y1="0" x2="0.7" y2="1"'
            self._gradients[name] = f'<linearGradient id="{name}" {ends}>{inner}</linearGradient>'
        return f"url(#{name})"

    def __str__(self) -> str:
        return f"<defs>{''.join(self._gradients.values())}</defs>"


class Pen:
    """Draws one thing.

    Attributes:
        rng: for small differences between two drawings of the same thing; its use must not change what it is.
        mood: what a face shows.
    """

    def __init__(
        self,
        main: RGB,
        style: Style,
        defs: Defs,
        rng: random.Random,
        *,
        mood: Mood = "happy",
        scale: float = 1.0,
    ) -> None:
        self.rng = rng
        self.mood = mood
        self._colours = {"main": main, "light": lighter(main, 0.45), "dark": darker(main, 0.32)}
        self._style = style
        self._defs = defs
        self._line = OUTLINE / max(scale, 0.2) * (0.45 + 0.55 * scale)
        self._parts: list[str] = []

    @property
    def svg(self) -> str:
        """Everything drawn so far."""
        return "".join(self._parts)

    def colour(self, fill: str) -> RGB:
        """The sRGB behind the name of a fill."""
        return self._colours[fill] if fill in self._colours else rgb(fill)

    # -- areas ---------------------------------------------------------------------------------------------------

    def ellipse(self, x: float, y: float, rx: float, ry: float, fill: str = "main") -> None:
        """An ellipse around (x, y)."""
        self._area(f'<ellipse cx="{x:.3f}" cy="{y:.3f}" rx="{rx:.3f}" ry="{ry:.3f}"', fill, min(rx, ry))

    def circle(self, x: float, y: float, r: float, fill: str = "main") -> None:
        """A circle around (x, y)."""
        self.ellipse(x, y, r, r, fill)

    def rect(self, x0: float, y0: float, x1: float, y1: float, fill: str = "main", corner: float = 0.0) -> None:
        """An upright rectangle between two corners; ``corner`` is the radius of its corners."""
        corners = f' rx="{corner:.3f}" ry="{corner:.3f}"' if corner else ""
        size = f'x="{x0:.3f}" y="{y0:.3f}" width="{x1 - x0:.3f}" height="{y1 - y0:.3f}"'
        self._area(f"<rect {size}{corners}", fill, min(x1 - x0, y1 - y0) / 2)

    def polygon(self, points: Sequence[Point], fill: str = "main") -> None:
        """A closed figure with straight sides."""
        self._area(f'<path d="M{_joined(points, "L")}Z"', fill, _breadth(points))

    def blob(self, points: Sequence[Point], fill: str = "main") -> None:
        """A closed smooth curve through all ``points`` (Catmull-Rom)."""
        self._area(f'<path d="{_smooth(points, closed=True)}"', fill, _breadth(points))

    def path(self, d: str, fill: str = "main") -> None:
        """A closed figure written as SVG path data (M L C Q A Z), for what the others cannot do."""
        self._area(f'<path d="{d}"', fill, 1.0)

    # -- lines ---------------------------------------------------------------------------------------------------

    def line(self, points: Sequence[Point], width: float, fill: str = "main") -> None:
        """An open line with straight parts and round ends, ``width`` wide."""
        self._stroke(f"M{_joined(points, 'L')}", width, fill)

    def curve(self, points: Sequence[Point], width: float, fill: str = "main") -> None:
        """An open smooth line through all ``points``, with round ends."""
        self._stroke(_smooth(points, closed=False), width, fill)

    # -- parts that many drawings share --------------------------------------------------------------------------

    def eye(self, x: float, y: float, r: float) -> None:
        """A dark eye with a spark of light in it, and white around it where the thing itself is dark."""
        if self._style != "outline" and sum(self._colours["main"]) < 240:
            self._solid(f'<circle cx="{x:.3f}" cy="{y:.3f}" r="{r * 1.5:.3f}"', "white")
        self._solid(f'<circle cx="{x:.3f}" cy="{y:.3f}" r="{r:.3f}"', "ink")
        self._solid(f'<circle cx="{x + r * 0.3:.3f}" cy="{y - r * 0.35:.3f}" r="{r * 0.36:.3f}"', "white")

    def mouth(self, x: float, y: float, width: float, fill: str = "ink", line: float = 0.05) -> None:
        """A mouth ``width`` wide that shows the mood."""
        if fill == "ink" and self._style != "outline" and sum(self._colours["main"]) < 240:
            fill = "white"
        bend = {"happy": 0.34, "sad": -0.34, "angry": -0.16}[self.mood] * width
        end = y - bend / 2
        d = f"M{x - width / 2:.3f} {end:.3f}Q{x:.3f} {y + bend * 1.5:.3f} {x + width / 2:.3f} {end:.3f}"
        self._bare(d, line, self.colour(fill))

    def face(self, x: float, y: float, r: float, *, line: float | None = None) -> None:
        """Two eyes and a mouth that fill a round face of radius ``r``."""
        for side in (-1, 1):
            self.eye(x + side * 0.38 * r, y - 0.16 * r, 0.15 * r)
            if self.mood == "angry":
                brow = [(x + side * 0.62 * r, y - 0.52 * r), (x + side * 0.2 * r, y - 0.36 * r)]
                self._bare(f"M{_joined(brow, 'L')}", 0.09 * r, rgb("ink"))
        self.mouth(x, y + 0.38 * r, 0.62 * r, line=line if line is not None else 0.1 * r)

    @contextmanager
    def moved(
        self, x: float = 0.0, y: float = 0.0, *, scale: float = 1.0, angle: float = 0.0, mirror: bool = False
    ) -> Iterator[None]:
        """Draws what follows elsewhere: moved by (x, y), turned ``angle`` degrees clockwise, mirrored, and scaled."""
        sx = -scale if mirror else scale
        placed = f"translate({x:.3f} {y:.3f}) rotate({angle:.2f}) scale({sx:.3f} {scale:.3f})"
        self._parts.append(f'<g transform="{placed}">')
        try:
            yield
        finally:
            self._parts.append("</g>")

    # -- how the style shows -------------------------------------------------------------------------------------

    def _area(self, start: str, fill: str, breadth: float) -> None:
        colour = self.colour(fill)
        if self._style == "outline":
            # Small dark parts (eyes, buttons) stay filled: as rings they would be a blot.
            inside = colour if breadth < 0.07 else mix(colour, (255, 255, 255), 0.9)
            edge = f'stroke="{code(self._ink(fill))}" stroke-width="{self._line:.3f}" stroke-linejoin="round"'
            paint = f'fill="{code(inside)}" {edge}'
        elif self._style == "shaded":
            paint = f'fill="{self._defs.gradient(colour) if breadth >= 0.05 else code(colour)}"'
        elif self._style == "watercolour":
            wash, rim = mix(colour, (255, 255, 255), 0.16), mix(colour, (60, 60, 90), 0.12)
            edge = f'stroke="{code(rim)}" stroke-opacity="0.5" stroke-width="{self._line * 0.5:.3f}"'
            paint = f'fill="{code(wash)}" fill-opacity="0.86" {edge}'
        else:
            paint = f'fill="{code(colour)}"'
        self._parts.append(f"{start} {paint}/>")

    def _solid(self, start: str, fill: str) -> None:
        self._parts.append(f'{start} fill="{code(self.colour(fill))}"/>')

    def _bare(self, d: str, width: float, colour: RGB) -> None:
        """A line that is the same in all styles."""
        line = f'stroke="{code(colour)}" stroke-width="{width:.3f}" stroke-linecap="round"'
        self._parts.append(f'<path d="{d}" fill="none" {line}/>')

    def _stroke(self, d: str, width: float, fill: str) -> None:
        colour = self.colour(fill)
        start = f'<path d="{d}" fill="none" stroke-linecap="round" stroke-linejoin="round"'
        if self._style == "outline":
            wide = width > 2.2 * self._line  # of a thinner one nothing would be left between its two edges
            outer = width + self._line if wide else max(width, 0.7 * self._line)
            self._parts.append(f'{start} stroke="{code(self._ink(fill))}" stroke-width="{outer:.3f}"/>')
            if wide:
                inside = mix(colour, (255, 255, 255), 0.9)
                self._parts.append(f'{start} stroke="{code(inside)}" stroke-width="{width - self._line:.3f}"/>')
            return
        if self._style == "watercolour":
            colour = mix(colour, (255, 255, 255), 0.12)
        self._parts.append(f'{start} stroke="{code(colour)}" stroke-width="{width:.3f}"/>')

    def _ink(self, fill: str) -> RGB:
        return darker(self.colour("main" if fill in self._colours else fill), 0.45)


def _joined(points: Sequence[Point], command: str) -> str:
    return command.join(f"{x:.3f} {y:.3f}" for x, y in points)


def _breadth(points: Sequence[Point]) -> float:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(max(xs) - min(xs), max(ys) - min(ys)) / 2


def _smooth(points: Sequence[Point], *, closed: bool) -> str:
    count = len(points)
    parts = [f"M{points[0][0]:.3f} {points[0][1]:.3f}"]
    for i in range(count if closed else count - 1):
        p0 = points[(i - 1) % count] if closed or i else points[0]
        p1, p2 = points[i], points[(i + 1) % count]
        p3 = points[(i + 2) % count] if closed or i + 2 < count else points[-1]
        c1 = p1[0] + (p2[0] - p0[0]) / 6, p1[1] + (p2[1] - p0[1]) / 6
        c2 = p2[0] - (p3[0] - p1[0]) / 6, p2[1] - (p3[1] - p1[1]) / 6
        parts.append(f"C{_joined((c1, c2, p2), ' ')}")
    return "".join(parts) + ("Z" if closed else "")
