from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image, ImageCms

from hal_image import png
from hal_image.errors import UsageError
from hal_image.host import given_picture
from hal_image.host.given_picture import read
from hal_image.request import MAX_SIDE

if TYPE_CHECKING:
    from pathlib import Path

RED, SIZE = (200, 30, 40), (6, 4)


def opened(raw: bytes) -> Image.Image:
    return Image.open(io.BytesIO(raw))


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tiff", "bmp", "gif"])
def test_a_picture_of_every_usual_format_becomes_a_png(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"x.{suffix}"
    Image.new("RGB", SIZE, RED).save(file)
    given = read(str(file))
    assert (given.path, given.width, given.height, given.alpha) == (file, *SIZE, False)
    assert given.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    shown = opened(given.raw)
    assert (shown.format, shown.mode, shown.size) == ("PNG", "RGB", SIZE)
    pixel: Any = shown.getpixel((3, 2))
    assert max(abs(one - other) for one, other in zip(pixel, RED, strict=True)) <= 3


@pytest.mark.parametrize(("mode", "colour"), [("RGBA", (*RED, 120)), ("LA", (90, 120)), ("P", None)])
def test_transparency_is_kept(tmp_path: Path, mode: str, colour: Any) -> None:
    image = Image.new(mode, SIZE, colour if colour is not None else 0)
    image.save(tmp_path / "x.png", **({"transparency": 0} if mode == "P" else {}))
    given = read(str(tmp_path / "x.png"))
    assert given.alpha
    assert opened(given.raw).mode == "RGBA"
    assert opened(given.raw).getchannel("A").getextrema() == ((0, 0) if mode == "P" else (120, 120))


def test_it_is_turned_as_its_exif_says(tmp_path: Path) -> None:
    image = Image.new("RGB", SIZE, RED)
    exif = image.getexif()
    exif[0x0112] = 6  # turned by a quarter
    image.save(tmp_path / "x.jpg", exif=exif)
    given = read(str(tmp_path / "x.jpg"))
    assert (given.width, given.height) == SIZE[::-1]
    assert 0x0112 not in opened(given.raw).getexif()


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (257 * 100, 100), (65535, 255)])
def test_sixteen_bits_become_eight(tmp_path: Path, value: int, expected: int) -> None:
    Image.new("I;16", SIZE, value).save(tmp_path / "x.png")
    assert opened(read(str(tmp_path / "x.png")).raw).getpixel((0, 0)) == (expected,) * 3


def test_only_the_first_of_several_frames_is_taken(tmp_path: Path) -> None:
    frames = [Image.new("RGB", SIZE, colour) for colour in (RED, (0, 0, 255))]
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:])
    assert opened(read(str(tmp_path / "x.gif")).raw).getpixel((0, 0)) == RED


def test_colours_with_a_profile_are_brought_to_those_that_comfyui_reckons_with(tmp_path: Path) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    other = srgb.replace(b"rXYZ", b"----").replace(b"gXYZ", b"rXYZ").replace(b"----", b"gXYZ")  # red is what is green
    shown: dict[str, Any] = {}
    for name, profile in {"none": None, "srgb": srgb, "other": other, "damaged": b"no profile"}.items():
        Image.new("RGB", SIZE, RED).save(tmp_path / f"{name}.png", icc_profile=profile)
        picture = opened(read(str(tmp_path / f"{name}.png")).raw)
        assert "icc_profile" not in picture.info
        shown[name] = picture.getpixel((0, 0))
    assert shown["none"] == shown["srgb"] == shown["damaged"] == RED
    red, green, _ = shown["other"]
    assert green > red


def test_what_a_png_says_of_itself_is_read(tmp_path: Path) -> None:
    Image.new("RGB", SIZE).save(tmp_path / "x.png")
    texts = {"parameters": "a cube", "prompt": "{}"}
    (tmp_path / "x.png").write_bytes(png.with_texts((tmp_path / "x.png").read_bytes(), texts))
    given = read(str(tmp_path / "x.png"))
    assert given.texts == texts
    assert png.read_texts(given.raw) == {}


def test_what_is_no_picture_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.effect_noise((64, 64), 50).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:-1000])
    (tmp_path / "text.png").write_text("a text")
    (tmp_path / "empty.png").touch()
    Image.new("1", (MAX_SIDE + 1, 1)).save(tmp_path / "long.png")
    monkeypatch.setattr(given_picture, "MAX_BYTES", 10_000)
    (tmp_path / "large.png").write_bytes(b"x" * 10_001)
    says = {
        "cut": "no picture", "text": "no picture", "empty": "no picture", "long": "16385x1", "large": "larger",
        "missing": "No such file",
    }  # fmt: skip
    for name, reason in says.items():
        with pytest.raises(UsageError) as raised:
            read(str(tmp_path / f"{name}.png"))
        assert raised.value.code == "image_unreadable"
        assert reason in raised.value.message
        assert "PNG, JPEG" in raised.value.hint
