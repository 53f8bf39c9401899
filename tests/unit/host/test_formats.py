from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import features

from hal_image.errors import HalError
from hal_image.host import formats, output
from hal_image.host.arguments import parse
from hal_image.host.formats import PNG, Encoding
from hal_image.host.output import PictureFacts
from hal_image.host.render import Output
from tests.unit.host.job_examples import REQUEST

if TYPE_CHECKING:
    import argparse

FACTS = [PictureFacts(seed=7, number=1, model="sdxl", date="20260102-030405")]


def options(*words: str) -> argparse.Namespace:
    return parse(["-p", "x", *words], "hal")


def of(name: str | None, *words: str) -> Encoding:
    return formats.of_file(options(*words), None if name is None else Path(name))


def refused(code: str, function: Any, *arguments: Any) -> None:
    with pytest.raises(HalError) as caught:
        function(*arguments)
    assert caught.value.hint
    assert caught.value.code == code


def test_the_suffix_says_the_format_in_any_case() -> None:
    names = ("a.png", "a.PNG", "a", "a.WebP", "a.JPG", "a.jpeg", "a.avif", "a.b.webp")
    found = [of(name).format for name in names]
    assert found == ["png", "png", "png", "webp", "jpeg", "jpeg", "avif", "webp"]


def test_what_has_no_suffix_is_what_was_asked_for() -> None:
    assert of(None) == of("robot") == PNG
    assert of(None, "--format", "jpeg") == of("robot", "--format", "jpeg") == Encoding("jpeg")


def test_a_name_and_a_format_that_say_two_things() -> None:
    refused("output_invalid", of, "a.png", "--format", "webp")
    assert of("a.JPG", "--format", "jpeg") == Encoding("jpeg")


def test_quality_and_lossless() -> None:
    assert of("a.webp", "--quality", "80") == Encoding("webp", 80)
    assert of("a.webp", "--quality", "80", "--lossless") == Encoding("webp", None, lossless=True)
    assert of("a.png", "--lossless") == PNG
    for name in ("a.jpg", "a.avif"):
        refused("lossless_impossible", of, name, "--lossless")
    for wrong in ("0", "101", "x"):
        refused("usage", options, "--quality", wrong)


def test_avif_that_this_machine_cannot_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "check", lambda _feature: None)
    refused("format_unavailable", of, "a.avif")
    assert of("a.webp").format == "webp"


@pytest.mark.parametrize(
    ("name", "words", "reason"),
    [
        ("a.png", ("--quality", "80"), "quality: PNG keeps every pixel"),
        ("a.webp", ("--quality", "80", "--lossless"), "quality: --lossless keeps every pixel"),
        ("a.webp", ("--quality", "80"), None),
        ("a.png", ("--lossless",), None),
    ],
)
def test_a_quality_that_changes_nothing_is_told(name: str, words: tuple[str, ...], reason: str | None) -> None:
    told = Output("generate", quiet=True)
    formats.check_pictures(of(name, *words), options(*words), [REQUEST], told)
    assert [(warning.code, warning.message) for warning in told.warnings] == (
        [("parameter_without_effect", reason)] if reason else []
    )


def test_a_picture_that_is_too_large_for_its_format_is_refused_before_it_is_made() -> None:
    told = Output("generate", quiet=True)
    large = REQUEST._replace(width=16384)
    refused("picture_too_large", formats.check_pictures, Encoding("webp"), options(), [REQUEST, large], told)
    for name in ("png", "jpeg", "avif"):
        formats.check_pictures(Encoding(name), options(), [large], told)
    for name in ("jpeg", "avif"):
        refused("picture_too_large", formats.check_size, name, 8, 65536)


def test_names_that_are_made_up_end_as_the_format_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for asked in (None, "webp"):
        made_up = [output.plan(name, FACTS, no_clobber=False, asked_format=asked) for name in (None, "new/")]
        suffix = ".webp" if asked else ".png"
        assert [file.name for (file,) in made_up] == [f"hal8000-20260102-030405-7{suffix}"] * 2
    (file,) = output.plan("x.JPG", FACTS, no_clobber=False, asked_format="webp")
    assert file.name == "x.JPG"


def test_a_suffix_that_is_no_format_names_those_that_are() -> None:
    with pytest.raises(HalError) as caught:
        output.plan("x.gif", FACTS, no_clobber=False)
    assert caught.value.code == "output_invalid"
    assert "x.png" in caught.value.hint
    assert all(suffix in caught.value.hint for suffix in formats.SUFFIXES)
