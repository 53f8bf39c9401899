"""What becomes of a picture in each format: the pixels, and what it says of itself."""

from __future__ import annotations

import io
import json
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hal_image import png
from hal_image.errors import HalError
from hal_image.host import encoding, exif, metadata, picture_file
from hal_image.host.formats import FORMATS, Encoding, Format
from hal_image.host.picture import as_written
from hal_image.host.render import Output
from hal_image.png import NotAPng
from hal_image.workflow import Graph
from tests.unit.host.job_examples import FACTS, MODEL, REQUEST
from tests.unit.host.job_examples import picture as black

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hal_image.request import ImageRequest

OTHERS: tuple[Format, ...] = tuple(name for name in FORMATS if name != "png")


def colourful(mode: str = "RGB", size: tuple[int, int] = (40, 24)) -> bytes:
    """A PNG of soft colours, as pictures have them."""
    ramps = [Image.linear_gradient("L").rotate(90 * turn).resize(size) for turn in range(len(mode))]
    stream = io.BytesIO()
    Image.merge(mode, ramps).save(stream, "PNG")
    return stream.getvalue()


def pixels(raw: bytes) -> Image.Image:
    return Image.open(io.BytesIO(raw)).convert("RGB")


def distance(one: bytes, other: bytes) -> float:
    """Mean difference of a channel, 0..255."""
    pairs = zip(pixels(one).tobytes(), pixels(other).tobytes(), strict=True)
    differences = [abs(a - b) for a, b in pairs]
    return sum(differences) / len(differences)


def texts_of(request: ImageRequest) -> dict[str, str]:
    node = {"class_type": "CLIPTextEncode", "inputs": {"text": request.prompt}, "_meta": {"title": "Prompt"}}
    graph = Graph({"4": node}, "4")  # type: ignore[dict-item]
    return metadata.texts(request, MODEL, graph, {"kind": "local", **FACTS})


def written(texts: Mapping[str, str], name: Format, made: bytes | None = None) -> bytes:
    made = made or black()
    return png.with_texts(made, texts) if name == "png" else encoding.encode(made, texts, Encoding(name)).raw


prompts = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=60, deadline=None)
@given(prompt=prompts, negative=prompts)
def test_what_a_picture_says_comes_back_whole_from_every_format(name: Format, prompt: str, negative: str) -> None:
    request = REQUEST._replace(prompt=prompt, negative_prompt=negative)
    texts = texts_of(request)
    read = picture_file.read(written(texts, name))
    assert (read.format, read.width, read.height) == (name, 64, 64)
    assert read.json("hal8000") == json.loads(texts["hal8000"])
    assert read.json("prompt") == json.loads(texts["prompt"])
    assert read.texts["parameters"] == texts["parameters"]


@pytest.mark.parametrize("name", OTHERS)
def test_others_find_it_where_they_look(name: Format) -> None:
    texts = texts_of(REQUEST._replace(prompt="ein Würfel, 立方体 🤖"))
    found = Image.open(io.BytesIO(written(texts, name))).getexif()
    assert found[exif.MODEL] == "prompt:" + texts["prompt"]  # as ComfyUI's own nodes write it
    comment = found.get_ifd(exif.EXIF_IFD)[exif.USER_COMMENT]  # as A1111 has it through piexif
    assert comment == b"UNICODE\0" + texts["parameters"].encode("utf-16-be")


@pytest.mark.parametrize(
    ("comment", "text"),
    [
        (b"UNICODE\0" + "a red cube 🤖, big".encode("utf-16-le"), "a red cube 🤖, big"),
        (b"ASCII\0\0\0a red cube", "a red cube"),
        (b"\0" * 8 + "ein Würfel".encode(), "ein Würfel"),
        (b"a red cube, plain", "a red cube, plain"),
    ],
)
def test_comments_of_other_writers_are_read(comment: bytes, text: str) -> None:
    tags = Image.Exif()
    tags.get_ifd(exif.EXIF_IFD)[exif.USER_COMMENT] = comment
    stream = io.BytesIO()
    pixels(black()).save(stream, "JPEG", exif=tags)
    assert picture_file.read(stream.getvalue()).texts["parameters"] == text


def test_utf_8_in_a_tag_of_another_writer_is_read() -> None:
    tags = Image.Exif()
    tags[exif.MODEL] = 'prompt:{"1": "Würfel"}'.encode()
    stream = io.BytesIO()
    pixels(black()).save(stream, "WEBP", exif=tags)
    assert picture_file.read(stream.getvalue()).json("prompt") == {"1": "Würfel"}


def test_what_has_no_room_in_a_jpeg_is_left_out_the_least_important_first() -> None:
    for length, left_out in ((1_000, ()), (20_000, ("prompt",)), (25_000, ("prompt", "parameters"))):
        texts = texts_of(REQUEST._replace(prompt="x " * (length // 2)))
        made = encoding.encode(black(), texts, Encoding("jpeg"))
        assert made.left_out == left_out
        assert picture_file.read(made.raw).texts.keys() == texts.keys() - set(left_out)
        for name in ("webp", "avif"):
            whole = encoding.encode(black(), texts, Encoding(name))
            assert (whole.left_out, picture_file.read(whole.raw).texts.keys()) == ((), texts.keys())
    book = encoding.encode(black(), texts_of(REQUEST._replace(prompt="x" * 70_000)), Encoding("jpeg"))
    assert book.left_out == ("prompt", "parameters", "hal8000")


def test_lossless_keeps_every_pixel_and_quality_decides_how_near_it_comes() -> None:
    made = colourful()
    lossless = encoding.encode(made, {}, Encoding("webp", None, lossless=True)).raw
    assert pixels(lossless).tobytes() == pixels(made).tobytes()
    for name in OTHERS:
        low, high = (encoding.encode(made, {}, Encoding(name, quality)).raw for quality in (5, 95))
        assert len(low) < len(high)
        assert 0 < distance(high, made) < distance(low, made)
        default = encoding.encode(made, {}, Encoding(name)).raw
        assert default == encoding.encode(made, {}, Encoding(name, 90)).raw


def test_a_picture_with_transparency_becomes_each() -> None:
    for name in OTHERS:
        with Image.open(io.BytesIO(encoding.encode(colourful("RGBA"), {}, Encoding(name)).raw)) as made:
            assert made.mode == ("RGB" if name == "jpeg" else "RGBA")


def test_a_picture_of_a_hundred_megapixels_is_no_bomb() -> None:
    stream = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(stream, "PNG")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = picture_file.read(encoding.encode(stream.getvalue(), {}, Encoding("jpeg", 1)).raw)
    assert (made.width, made.height) == (10_000, 10_000)


def refused(code: str, made: bytes) -> None:
    with pytest.raises(HalError) as caught:
        encoding.encode(made, {}, Encoding("webp"))
    assert caught.value.hint
    assert caught.value.code == code


def test_what_is_wrong_is_said() -> None:
    refused("picture_too_large", colourful(size=(16384, 1)))
    damaged = bytearray(colourful())
    damaged[-40] ^= 0xFF
    for made in (bytes(damaged), colourful()[:-30], b"GIF89a"):
        refused("not_a_png", made)


def test_an_encoder_that_gives_up_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def give_up(*_: object, **__: object) -> None:
        raise OSError("encoding failed")

    monkeypatch.setattr(Image.Image, "save", give_up)
    refused("format_unavailable", black())


@pytest.mark.parametrize("name", OTHERS)
def test_a_file_that_is_cut_off_or_damaged_is_read_or_refused(name: Format) -> None:
    whole = written(texts_of(REQUEST), name, colourful())
    cut = [whole[:end] for end in (0, 4, 20, 60, 200, len(whole) // 2)]
    for raw in [*cut, *(whole[:place] + b"\xff" + whole[place + 1 :] for place in range(20, 400, 7))]:
        with suppress(NotAPng):
            assert picture_file.read(raw).format == name


def test_a_finished_png_becomes_another_format_and_what_is_lost_does_not_come_back() -> None:
    told = Output("wait", quiet=True)
    texts = texts_of(REQUEST)
    whole = png.with_texts(colourful(), texts)
    assert as_written(whole, Encoding(), told) == whole
    jpeg = as_written(whole, Encoding("jpeg"), told)
    assert picture_file.read(jpeg).texts == texts
    with pytest.raises(HalError) as caught:
        as_written(jpeg, Encoding(), told)
    assert caught.value.code == "output_invalid"
    assert ".jpeg" in caught.value.hint
    as_written(png.with_texts(colourful(), texts_of(REQUEST._replace(prompt="x " * 10_000))), Encoding("jpeg"), told)
    assert [(warning.code, warning.details) for warning in told.warnings] == [
        ("metadata_cut", {"left_out": ["prompt"]})
    ]
