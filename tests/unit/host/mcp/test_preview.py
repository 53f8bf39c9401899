"""Small pictures of pictures."""

from __future__ import annotations

import base64
import io
import os
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from hal_image.host.mcp import preview

if TYPE_CHECKING:
    from pathlib import Path


def noise(file: Path, side: int) -> str:
    Image.frombytes("RGB", (side, side), os.urandom(3 * side * side)).save(file)
    return str(file)


def sides(encoded: list[str]) -> list[tuple[int, int]]:
    opened = [Image.open(io.BytesIO(base64.b64decode(one))) for one in encoded]
    assert {picture.format for picture in opened} == {"JPEG"}
    return [picture.size for picture in opened]


def test_they_stay_small_whatever_is_in_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = noise(tmp_path / "noise.png", 640)
    shown = preview.previews([file] * 6)
    assert sides(shown) == [(256, 256)] * preview.MOST_PICTURES
    assert sum(map(len, shown)) <= preview.MOST_BYTES
    assert sides(preview.previews([file])) == [(512, 512)]
    monkeypatch.setattr(preview, "MOST_BYTES", 20_000)
    (tiny,) = preview.previews([file])
    assert len(tiny) <= 20_000
    assert max(sides([tiny])[0]) < 512


def test_a_small_picture_is_shown_as_large_as_it_is(tmp_path: Path) -> None:
    Image.new("RGBA", (40, 30), (255, 0, 0, 128)).save(tmp_path / "a.png")
    assert sides(preview.previews([str(tmp_path / "a.png")])) == [(40, 30)]


def test_what_is_gone_cannot_be_shown(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"gone\.png"):
        preview.previews([str(tmp_path / "gone.png")])
