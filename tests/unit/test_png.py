from __future__ import annotations

import io
import zlib

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from hal_image import png


def picture(**texts: str) -> bytes:
    info = PngInfo()
    for keyword, text in texts.items():
        info.add_text(keyword, text)
    stream = io.BytesIO()
    Image.radial_gradient("L").resize((40, 30)).convert("RGB").save(stream, "PNG", pnginfo=info)
    return stream.getvalue()


TEXTS = {"parameters": "a cube\nSteps: 1", "hal8000": '{"prompt": "立方体 🤖"}', "empty": "", "nul": "a\0b"}


def test_what_is_written_is_read_back() -> None:
    assert png.read_texts(png.with_texts(picture(), TEXTS)) == TEXTS


def test_others_read_it_too() -> None:
    with Image.open(io.BytesIO(png.with_texts(picture(), {k: v for k, v in TEXTS.items() if k != "nul"}))) as image:
        image.load()
        assert image.text["hal8000"] == TEXTS["hal8000"]
        assert image.text["parameters"] == TEXTS["parameters"]


def test_the_pixels_stay() -> None:
    before, after = picture(), png.with_texts(picture(), TEXTS)
    with Image.open(io.BytesIO(before)) as old, Image.open(io.BytesIO(after)) as new:
        assert old.tobytes() == new.tobytes()


def test_old_texts_go() -> None:
    assert png.read_texts(png.with_texts(picture(old="x"), {"new": "y"})) == {"new": "y"}


def test_compressed_texts_of_others_are_read() -> None:
    info = PngInfo()
    info.add_text("z", "Würfel", zip=True)
    info.add_itxt("i", "立方体", zip=True)
    stream = io.BytesIO()
    Image.new("L", (1, 1)).save(stream, "PNG", pnginfo=info)
    assert png.read_texts(stream.getvalue()) == {"z": "Würfel", "i": "立方体"}


def test_the_size() -> None:
    assert png.size(picture()) == (40, 30)


@pytest.mark.parametrize(
    "data", [b"", b"GIF89a", picture()[:-1], picture()[:50], picture()[:8], png.SIGNATURE + b"\xff" * 8]
)
def test_what_is_no_whole_png_is_refused(data: bytes) -> None:
    with pytest.raises(png.NotAPng) as caught:
        png.read_texts(data)
    assert caught.value.hint


def test_a_text_that_unpacks_to_too_much_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(png, "MAX_TEXT_BYTES", 1000)
    body = b"bomb\0\0" + zlib.compress(bytes(100_000))
    raw = picture()
    bomb = png.SIGNATURE + raw[8:33] + png._chunk(b"zTXt", body) + raw[33:]
    assert png.read_texts(bomb) == {}
