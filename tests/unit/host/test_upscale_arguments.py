from __future__ import annotations

import pytest

from hal_image.errors import UsageError
from hal_image.host.arguments import parse
from hal_image.host.upscale_arguments import AskedUpscale
from hal_image.request import Hires


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("2", AskedUpscale(2, None)),
        ("4:4x-UltraSharp", AskedUpscale(4, "4x-UltraSharp")),
        ("2:/a:b/c.safetensors", AskedUpscale(2, "/a:b/c.safetensors")),
        ("2:lanczos", AskedUpscale(2, "lanczos")),
    ],
)
def test_upscale(text: str, asked: AskedUpscale) -> None:
    assert parse(["-p", "x", "--upscale", text], "hal").upscale == asked
    assert parse(["batch", "-", f"--upscale={text}"], "hal").upscale == asked
    assert str(asked) == text


@pytest.mark.parametrize(
    ("text", "asked"), [("1.5", Hires(1.5, 0.5)), ("2:0.3", Hires(2.0, 0.3)), ("4:1", Hires(4.0, 1.0))]
)
def test_hires(text: str, asked: Hires) -> None:
    assert parse(["-p", "x", "--hires", text], "hal").hires == asked


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["-p", "x", "--upscale", "3"], "'3' is no scale; give 2 or 4"),
        (["-p", "x", "--upscale", "2.0"], "no scale"),
        (["-p", "x", "--upscale", "x4plus"], "no scale"),
        (["-p", "x", "--upscale", ":x"], "no scale"),
        (["-p", "x", "--upscale", "2:"], "the name of the upscale model is missing"),
        (["-p", "x", "--hires", "1"], "1 is no larger size"),
        (["-p", "x", "--hires", "0.5"], "out of range"),
        (["-p", "x", "--hires", "4.1"], "out of range"),
        (["-p", "x", "--hires", "nan"], "out of range"),
        (["-p", "x", "--hires", "2:"], "'' is no number"),
        (["-p", "x", "--hires", "2:0"], "out of range"),
        (["-p", "x", "--hires", "2:1.1"], "out of range"),
        (["upscale", "x.png", "--scale", "8"], "'8' is no scale"),
        (["upscale", "x.png", "--upscaler", ""], "missing"),
        (["upscale"], "IMAGE"),
    ],
)
def test_what_cannot_be_meant_is_refused(words: list[str], says: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse(words, "hal")
    assert raised.value.code == "usage"
    assert says in raised.value.message


def test_the_command_enlarges_twice_unless_told() -> None:
    options = parse(["upscale", "x.png"], "hal")
    assert (options.image, options.scale, options.upscaler, options.output) == ("x.png", 2, None, None)
