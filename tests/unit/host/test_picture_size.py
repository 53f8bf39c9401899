from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hal_image.errors import UsageError
from hal_image.host.arguments import parse
from hal_image.host.picture_size import following
from hal_image.models.registry import default_registry_path, load_registry

if TYPE_CHECKING:
    from hal_image.host.picture_size import Margins, Size

MODELS = load_registry(default_registry_path()).models
NONE = (0, 0, 0, 0)


def size(model: str, picture: Size, *arguments: str, margins: Margins = NONE) -> Size:
    return following(parse(["-p", "x", *arguments], "hal"), MODELS[model], picture, margins)


@pytest.mark.parametrize(
    ("model", "picture", "expected"),
    [
        ("sd15", (512, 512), (512, 512)),
        ("sd15", (64, 72), (64, 72)),
        ("sd15", (512, 768), (512, 768)),  # usual for that model
        ("sd15", (1024, 1024), (512, 512)),
        ("sdxl", (1024, 1024), (1024, 1024)),
        ("sdxl", (4000, 3000), (1184, 888)),
        ("flux", (4000, 3000), (1184, 880)),
        ("sd15", (509, 333), (512, 336)),
        ("sd15", (1, 1), (16, 16)),
        ("sd15", (100_000, 1), (16384, 16)),
    ],
)
def test_the_pictures_own_size_or_the_models_area(model: str, picture: Size, expected: Size) -> None:
    assert size(model, picture) == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--size", "256x128"), (256, 128)),
        (("-W", "256"), (256, 192)),
        (("-H", "96"), (128, 96)),
        (("-W", "256", "-H", "64"), (256, 64)),
    ],
)
def test_a_size_that_is_asked_for(arguments: tuple[str, ...], expected: Size) -> None:
    assert size("sd15", (400, 300), *arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [((), (64, 64)), (("--size", "256x128"), (192, 104)), (("-W", "192"), (128, 128)), (("-H", "96"), (72, 72))],
)
def test_a_size_that_is_asked_for_has_what_is_added_in_it(arguments: tuple[str, ...], expected: Size) -> None:
    assert size("sd15", (64, 64), *arguments, margins=(24, 8, 40, 16)) == expected


@pytest.mark.parametrize(
    ("model", "margins", "arguments", "hint"),
    [
        ("sd15", (100, 0, 0, 0), (), "use 96 or 104"),
        ("flux", (0, 0, 8, 0), (), "use 0 or 16"),
        ("sd15", (16384, 0, 0, 0), (), "add less"),
        ("sd15", (64, 0, 64, 0), ("--size", "128x64"), "the size is that of the whole: give a larger one, or none"),
    ],
)
def test_what_cannot_be_added(model: str, margins: Margins, arguments: tuple[str, ...], hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        size(model, (64, 64), *arguments, margins=margins)
    assert caught.value.code == "outpaint_invalid"
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("arguments", "code"), [(("--size", "100"), "size_invalid"), (("--size", "64", "-W", "64"), "size_twice")]
)
def test_sizes_are_checked_as_without_a_picture(arguments: tuple[str, ...], code: str) -> None:
    with pytest.raises(UsageError) as caught:
        size("sd15", (64, 64), *arguments)
    assert caught.value.code == code
