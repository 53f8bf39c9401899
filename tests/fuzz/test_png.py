from __future__ import annotations

import io
import json
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from hal_image import png
from tests.fuzz.inputs import call, check, texts, times, values

KEYWORDS = ("hal8000", "prompt", "parameters", "Comment", "")


def plain() -> bytes:
    stream = io.BytesIO()
    Image.radial_gradient("L").resize((20, 10)).convert("RGB").save(stream, "PNG")
    return stream.getvalue()


PLAIN = plain()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunks(*chunks: bytes) -> bytes:
    """A good picture with more chunks behind its header."""
    return PLAIN[:33] + b"".join(chunks) + PLAIN[33:]


deep = st.sampled_from(['{"a":' * 5000 + "1" + "}" * 5000, "[" * 100_000, '{"a":' + "9" * 5000 + "}"])
bodies = texts | values.map(json.dumps) | deep
text_chunks = st.builds(
    lambda keyword, text, form, tail: {
        "tEXt": chunk(b"tEXt", keyword.encode() + b"\0" + text),
        "zTXt": chunk(b"zTXt", keyword.encode() + b"\0\0" + zlib.compress(text) + tail),
        "cut": chunk(b"zTXt", keyword.encode() + b"\0\0" + zlib.compress(text)[:-3]),
        "iTXt": chunk(b"iTXt", keyword.encode() + b"\0\0\0\0\0" + text),
        "packed": chunk(b"iTXt", keyword.encode() + b"\0\1\0xx\0\xff\0" + zlib.compress(text)),
        "odd": chunk(b"iTXt", keyword.encode() + tail + text),
        "lie": struct.pack(">I", len(text)) + b"tEXt" + text[:-1] + tail,
    }[form],
    st.sampled_from(KEYWORDS),
    bodies.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=40),
    st.sampled_from(["tEXt", "zTXt", "cut", "iTXt", "packed", "odd", "lie"]),
    st.binary(max_size=9),
)


@times(1500)
@given(st.lists(text_chunks, max_size=4))
def test_texts_that_lie(chunks: list[bytes]) -> None:
    data = with_chunks(*chunks)
    try:
        found = png.read_texts(data)
    except png.NotAPng as error:
        assert error.hint
        return
    assert png.read_texts(png.with_texts(PLAIN, found)).keys() == found.keys()


@times(1500)
@given(st.data())
def test_pictures_that_are_spoiled(data: st.DataObject) -> None:
    raw = bytearray(with_chunks(chunk(b"tEXt", b"parameters\0a cube")))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place] = data.draw(st.integers(0, 255))
    del raw[data.draw(st.integers(0, len(raw)) | st.just(len(raw))) :]
    spoiled = bytes(raw)
    for read in (png.size, png.read_texts, png.check_pixels, lambda raw: png.with_texts(raw, {"a": "b"})):
        try:
            read(spoiled)
        except png.NotAPng as error:
            assert error.hint


@times(700)
@given(st.lists(text_chunks, max_size=3), st.sampled_from([[], ["--json"]]))
@example([chunk(b"tEXt", b"parameters\0\x1b[31mred\r\n\x9bx")], [])
@example([chunk(b"iTXt", b'hal8000\0\0\0\0\0{"request": {"prompt": "\\u001b[2J\\u202e", "\\u001b]0;x": 1}}')], [])
@example([chunk(b"tEXt", b'hal8000\0{"request": {"seed": NaN}}')], ["--json"])
@example([chunk(b"tEXt", b'hal8000\0{"request": 5, "model": {"files": [1, {"name": []}]}}')], [])
def test_info(chunks: list[bytes], flag: list[str]) -> None:
    Path("x.png").write_bytes(with_chunks(*chunks))
    said = call(["info", "x.png", *flag])
    Path("x.png").unlink()
    check(said, flag)
    if not flag:
        for line in said.out.decode("utf-8", "surrogateescape").split("\n"):
            assert all(c.isprintable() or "\udc80" <= c <= "\udcff" for c in line)


@pytest.mark.parametrize("size", [(0, 1), (1, 0), (2**31, 1), (2**32 - 1, 2**32 - 1)])
def test_a_header_that_lies(size: tuple[int, int]) -> None:
    lying = png.SIGNATURE + chunk(b"IHDR", struct.pack(">II", *size) + b"\x08\2\0\0\0") + PLAIN[33:]
    with pytest.raises(png.NotAPng):
        png.size(lying)


def test_info_of_a_picture_that_lies_about_its_size() -> None:
    texts = chunk(b"tEXt", b"parameters\0a cube")
    lying = png.SIGNATURE + chunk(b"IHDR", struct.pack(">II", 2000, 1000) + b"\x08\2\0\0\0") + texts + PLAIN[33:]
    Path("x.png").write_bytes(lying)
    said = call(["info", "x.png", "--json"])
    check(said, ["--json"])
    assert (said.code, json.loads(said.out)["error"]["code"]) == (1, "not_a_png")
    Path("x.png").unlink()


def test_many_bombs_are_no_more_than_one() -> None:
    bombs = [chunk(b"zTXt", b"bomb%d\0\0" % number + zlib.compress(bytes(40_000_000), 1)) for number in range(8)]
    texts = png.read_texts(with_chunks(*bombs))
    assert sum(len(text) for text in texts.values()) <= png.MAX_TEXT_BYTES


def test_a_wrong_check_sum_is_not_made_right() -> None:
    raw = bytearray(PLAIN)
    raw[60] ^= 1
    with pytest.raises(png.NotAPng):
        png.with_texts(bytes(raw), {})
