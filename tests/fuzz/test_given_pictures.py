"""Pictures that are given, spoiled in every way: they are read, or refused in one clear line."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hal_image.errors import UsageError
from hal_image.host import given_picture
from hal_image.host.given_picture import FORMATS
from hal_image.host.render import Output
from tests.fuzz.inputs import times

if TYPE_CHECKING:
    from collections.abc import Iterator

OUTPUT = Output("generate", quiet=True)


def whole(kind: str) -> bytes:
    stream = io.BytesIO()
    Image.radial_gradient("L").resize((20, 10)).convert("RGB").save(stream, kind)
    return stream.getvalue()


WHOLE = {kind: whole(kind) for kind in FORMATS}


@pytest.fixture(autouse=True, scope="module")
def little_memory() -> Iterator[None]:
    """A size that was spoiled may be any; what is below the limit is really decoded."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = 1_000_000
    yield
    Image.MAX_IMAGE_PIXELS = before


@times(1500)
@given(st.data())
def test_pictures_that_are_spoiled(data: st.DataObject) -> None:
    raw = bytearray(WHOLE[data.draw(st.sampled_from(FORMATS))])
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, min(len(raw), 200) - 1) | st.integers(0, len(raw) - 1))
        raw[place] = data.draw(st.integers(0, 255))
    del raw[data.draw(st.integers(0, len(raw)) | st.just(len(raw))) :]
    file = Path("spoiled.png")
    file.write_bytes(raw)
    try:
        image = given_picture.read(str(file), "--init-image", OUTPUT).image
    except UsageError as error:
        assert error.code in {"input_not_a_picture", "input_too_large"}
        assert error.hint
    else:
        assert image.mode in {"RGB", "RGBA"}
        assert len(image.tobytes()) == image.width * image.height * len(image.mode)
    finally:
        file.unlink()
