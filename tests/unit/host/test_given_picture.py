from __future__ import annotations

import hashlib
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image, PngImagePlugin

from hal_image.errors import UsageError
from hal_image.host import given_file, given_picture
from hal_image.host.render import Output

if TYPE_CHECKING:
    from hal_image.host.given_picture import Given

RED, BLUE = (255, 0, 0), (0, 0, 255)
TURNED_RIGHT = 6
"""EXIF orientation: the camera was held upright, and the sensor's rows are the picture's columns."""


def read(path: Path) -> Given:
    return given_picture.read(str(path), "--init-image", Output("generate", quiet=True))


def half(mode: str = "RGB") -> Image.Image:
    """16x8, red on the left and blue on the right."""
    image = Image.new("RGB", (16, 8), RED)
    image.paste(BLUE, (8, 0, 16, 8))
    return image.convert(mode)


@pytest.mark.parametrize("suffix", ["png", "webp", "bmp", "tiff", "ppm", "gif"])
def test_formats_without_loss_give_the_same_pixels(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    options: dict[str, Any] = {"lossless": True} if suffix == "webp" else {}
    half().save(path, **options)
    given = read(path)
    assert given.image.convert("RGB").tobytes() == half().tobytes()
    assert given.file == (str(path), hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.mark.parametrize("suffix", ["jpg", "avif"])
def test_formats_with_loss_are_read(tmp_path: Path, suffix: str) -> None:
    half().save(tmp_path / f"x.{suffix}")
    red, green, blue = read(tmp_path / f"x.{suffix}").image.getpixel((2, 4))  # type: ignore[misc]
    assert red > 180
    assert max(green, blue) < 90


@pytest.mark.parametrize("mode", ["P", "L", "LA", "RGBA", "CMYK", "1", "YCbCr", "I;16", "I", "F"])
def test_every_mode_becomes_colours(tmp_path: Path, mode: str) -> None:
    image = Image.new("L", (4, 4), 255).convert("L" if mode in {"I;16", "I", "F"} else mode)
    if mode == "I;16":
        image = Image.new("I;16", (4, 4), 65535)
    elif mode in {"I", "F"}:
        image = image.convert(mode)
    path = tmp_path / "x.tiff"
    image.save(path)
    given = read(path)
    assert given.image.mode in {"RGB", "RGBA"}
    assert given.image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (128, 0), (257, 1), (32896, 128), (65535, 255)])
def test_16_bits_become_8(tmp_path: Path, value: int, expected: int) -> None:
    image = Image.new("I;16", (2, 1), 65535)
    image.putpixel((0, 0), value)
    image.save(tmp_path / "x.png")
    assert read(tmp_path / "x.png").image.getpixel((0, 0)) == (expected,) * 3


@pytest.mark.parametrize(("value", "expected"), [(0.0, 0), (0.5, 128), (1.0, 255)])
def test_real_numbers_up_to_1_are_shares(tmp_path: Path, value: float, expected: int) -> None:
    image = Image.new("F", (2, 1), 1.0)
    image.putpixel((0, 0), value)
    image.save(tmp_path / "x.tiff")
    assert read(tmp_path / "x.tiff").image.getpixel((0, 0)) == (expected,) * 3


def test_a_picture_is_turned_as_its_exif_data_say(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = TURNED_RIGHT
    half().save(tmp_path / "x.png", exif=exif)
    image = read(tmp_path / "x.png").image
    assert image.size == (8, 16)
    assert (image.getpixel((4, 0)), image.getpixel((4, 15))) == (RED, BLUE)


def test_of_an_animation_the_first_picture_is_used_and_that_is_told(tmp_path: Path) -> None:
    half().save(tmp_path / "x.gif", save_all=True, append_images=[Image.new("RGB", (16, 8), (0, 255, 0))])
    output = Output("generate", quiet=True)
    given = given_picture.read(str(tmp_path / "x.gif"), "--mask", output)
    assert given.image.convert("RGB").tobytes() == half().tobytes()
    (warning,) = output.warnings
    assert warning.code == "input_has_frames"
    assert warning.details == {"path": str(tmp_path / "x.gif"), "frames": 2}


def test_the_second_picture_that_phones_put_into_a_jpeg_is_no_animation(tmp_path: Path) -> None:
    half().save(tmp_path / "x.jpg", format="MPO", save_all=True, append_images=[half()])
    output = Output("generate", quiet=True)
    given_picture.read(str(tmp_path / "x.jpg"), "--mask", output)
    assert output.warnings == []


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def huge_png() -> bytes:
    """100 000 x 100 000 pixels, as it says."""
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def png_bytes(tmp_path: Path, **options: Any) -> bytes:
    half().save(tmp_path / "whole.png", **options)
    return (tmp_path / "whole.png").read_bytes()


def test_files_that_are_no_pictures(tmp_path: Path) -> None:
    whole = png_bytes(tmp_path)
    contents = {
        "empty": b"",
        "text": b"a red cube",
        "cut": whole[: len(whole) - 30],
        "header": whole[:20],
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 16 8\n",  # Pillow would run ghostscript
    }
    for name, content in contents.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(UsageError) as caught:
            read(path)
        assert (name, caught.value.code) == (name, "input_not_a_picture")
        assert str(path) in caught.value.message
        assert caught.value.hint


def test_text_in_a_png_that_unpacks_without_end(tmp_path: Path) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("comment", "x" * 100_000_000, zip=True)
    (tmp_path / "x.png").write_bytes(png_bytes(tmp_path, pnginfo=texts))
    with pytest.raises(UsageError) as caught:
        read(tmp_path / "x.png")
    assert caught.value.code == "input_not_a_picture"


def test_pictures_with_more_pixels_than_memory(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(huge_png())
    with pytest.raises(UsageError) as caught:
        read(tmp_path / "x.png")
    assert caught.value.code == "input_too_large"


def test_large_pictures_of_cameras_are_no_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow warns of pictures above its limit, up to twice of it, and warnings are errors here."""
    half().save(tmp_path / "x.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert read(tmp_path / "x.png").image.size == (16, 8)


def test_what_has_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(given_file, "PICTURE_BYTES", 1000)
    with pytest.raises(UsageError) as caught:
        read(Path("/dev/zero"))
    assert caught.value.code == "input_too_large"


@pytest.mark.parametrize("name", ["missing.png", "folder", "x" * 300, "nul\0"])
def test_files_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError) as caught:
        read(tmp_path / name)
    assert caught.value.code == "input_unreadable"
    assert caught.value.message.startswith("--init-image: cannot read /")
