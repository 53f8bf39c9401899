"""What ``given_picture`` reads is tested there."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image, ImageCms

from hal_image import png
from hal_image.errors import UsageError
from hal_image.host.picture_to_enlarge import PictureToEnlarge, read
from hal_image.host.render import Output

if TYPE_CHECKING:
    from pathlib import Path

RED, SIZE = (200, 30, 40), (6, 4)


def taken(path: Path) -> PictureToEnlarge:
    return read(str(path), Output("upscale", quiet=True))


def opened(raw: bytes) -> Image.Image:
    return Image.open(io.BytesIO(raw))


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_a_picture_becomes_a_png(tmp_path: Path, suffix: str) -> None:
    Image.new("RGB", SIZE, RED).save(tmp_path / f"x.{suffix}")
    given = taken(tmp_path / f"x.{suffix}")
    assert (given.file.path, given.width, given.height, given.alpha) == (str(tmp_path / f"x.{suffix}"), *SIZE, False)
    shown = opened(given.raw)
    assert (shown.format, shown.mode, shown.size) == ("PNG", "RGB", SIZE)
    pixel: Any = shown.getpixel((3, 2))
    assert max(abs(one - other) for one, other in zip(pixel, RED, strict=True)) <= 3


@pytest.mark.parametrize(("mode", "colour"), [("RGBA", (*RED, 120)), ("LA", (90, 120))])
def test_transparency_is_kept(tmp_path: Path, mode: str, colour: Any) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (None, srgb):
        Image.new(mode, SIZE, colour).save(tmp_path / "x.png", icc_profile=profile)
        given = taken(tmp_path / "x.png")
        assert given.alpha
        assert opened(given.raw).mode == "RGBA"
        assert opened(given.raw).getchannel("A").getextrema() == (120, 120)


def test_colours_with_a_profile_are_brought_to_those_that_comfyui_reckons_with(tmp_path: Path) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    other = srgb.replace(b"rXYZ", b"----").replace(b"gXYZ", b"rXYZ").replace(b"----", b"gXYZ")  # red is what is green
    shown: dict[str, Any] = {}
    for name, profile in {"none": None, "srgb": srgb, "other": other, "damaged": b"no profile"}.items():
        Image.new("RGB", SIZE, RED).save(tmp_path / f"{name}.png", icc_profile=profile)
        picture = opened(taken(tmp_path / f"{name}.png").raw)
        assert "icc_profile" not in picture.info
        shown[name] = picture.getpixel((0, 0))
    assert shown["none"] == shown["srgb"] == shown["damaged"] == RED
    red, green, _ = shown["other"]
    assert green > red


def test_what_a_png_says_of_itself_is_read(tmp_path: Path) -> None:
    Image.new("RGB", SIZE).save(tmp_path / "x.png")
    texts = {"parameters": "a cube", "prompt": "{}"}
    (tmp_path / "x.png").write_bytes(png.with_texts((tmp_path / "x.png").read_bytes(), texts))
    given = taken(tmp_path / "x.png")
    assert given.texts == texts
    assert png.read_texts(given.raw) == {}
    Image.new("RGB", SIZE).save(tmp_path / "x.jpg")
    assert taken(tmp_path / "x.jpg").texts == {}


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_text("a text")
    with pytest.raises(UsageError) as raised:
        taken(tmp_path / "x.png")
    assert raised.value.code == "input_not_a_picture"
    assert raised.value.message.startswith("IMAGE: ")
