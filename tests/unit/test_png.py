from __future__ import annotations

import io
import struct
import tracemalloc
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


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def relabelled(data: bytes, width: int, height: int) -> bytes:
    """A picture whose header says another size, with a right check sum."""
    return data[:8] + chunk(b"IHDR", struct.pack(">II", width, height) + data[24:29]) + data[33:]


MODES = [("1", 0), ("L", 0), ("LA", 0), ("P", 0), ("P", 2), ("RGB", 0), ("RGBA", 0), ("I;16", 0)]


@pytest.mark.parametrize(("mode", "bits"), MODES)
@pytest.mark.parametrize("size", [(1, 1), (7, 5), (64, 1), (1, 64), (40, 30), (1001, 333)])
def test_pixels_are_counted(mode: str, bits: int, size: tuple[int, int]) -> None:
    stream = io.BytesIO()
    Image.new(mode, size).save(stream, "PNG", **({"bits": bits} if bits else {}))
    png.check_pixels(stream.getvalue())
    for more in (-1, 1):
        if size[1] + more:
            with pytest.raises(png.NotAPng, match="has fewer" if more == 1 else "has more"):
                png.check_pixels(relabelled(stream.getvalue(), size[0], size[1] + more))


# pixels of each row, pass after pass; Pillow writes none of these, but reads them
INTERLACED = {(1, 1): [1], (3, 2): [1, 1, 1, 3], (8, 8): [1, 1, 2, 2, 2, 4, 4, 4, 4, 4, 4, 8, 8, 8, 8]}


@pytest.mark.parametrize("size", INTERLACED)
def test_interlaced_pixels_are_counted(size: tuple[int, int]) -> None:
    raw = b"".join(bytes(1 + length) for length in INTERLACED[size])
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 1))
    data = png.SIGNATURE + header + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    with Image.open(io.BytesIO(data)) as image:
        image.load()
    png.check_pixels(data)
    with pytest.raises(png.NotAPng, match="has fewer"):
        png.check_pixels(data.replace(chunk(b"IDAT", zlib.compress(raw)), chunk(b"IDAT", zlib.compress(raw[:-1]))))


def test_a_size_that_no_data_could_have_is_not_counted_to() -> None:
    with pytest.raises(png.NotAPng, match="has fewer"):
        png.check_pixels(relabelled(picture(), 2**31 - 1, 2**31 - 1))


def test_a_bomb_takes_neither_memory_nor_time() -> None:
    bomb = zlib.compress(bytes(300_000_000), 9)
    lying = picture()[:33] + chunk(b"IDAT", bomb) + chunk(b"IEND", b"")
    tracemalloc.start()
    with pytest.raises(png.NotAPng, match="has more"):
        png.check_pixels(lying)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * png.PIECE_BYTES + 2 * len(bomb)


@pytest.mark.parametrize("fields", ["\3\2\0\0\0", "\x08\1\0\0\0", "\x08\2\1\0\0", "\x08\2\0\1\0", "\x08\2\0\0\2"])
def test_headers_that_none_may_have(fields: str) -> None:
    header = chunk(b"IHDR", struct.pack(">II", 40, 30) + fields.encode())
    with pytest.raises(png.NotAPng, match="header"):
        png.check_pixels(png.SIGNATURE + header + picture()[33:])


def test_pixels_that_cannot_be_unpacked() -> None:
    data = picture()
    start = data.index(b"IDAT")
    length = struct.unpack(">I", data[start - 4 : start])[0]
    spoiled = chunk(b"IDAT", b"\xff" * length)
    with pytest.raises(png.NotAPng, match="damaged"):
        png.check_pixels(data[: start - 4] + spoiled + data[start + 8 + length :])
