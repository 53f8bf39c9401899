from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from hal_image.host import init_pixels

WHITE = (255, 255, 255)
NONE = (0, 0, 0, 0)


def gradient(width: int = 64, height: int = 48) -> Image.Image:
    """Every pixel is another colour."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return Image.fromarray(np.stack([x * 3, y * 5, (x + y) * 2], axis=-1).astype(np.uint8))


def box(size: tuple[int, int], where: tuple[int, int, int, int]) -> Image.Image:
    mask = Image.new("L", size, 0)
    mask.paste(255, where)
    return mask


def array(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(int)


def test_what_is_transparent_lies_on_white() -> None:
    image = Image.new("RGBA", (3, 1), (10, 20, 30, 255))
    image.putpixel((1, 0), (10, 20, 30, 0))
    image.putpixel((2, 0), (0, 0, 0, 51))
    colours = init_pixels.colours(image)
    assert [colours.getpixel((x, 0)) for x in range(3)] == [(10, 20, 30), WHITE, (204, 204, 204)]


def test_a_mask_by_brightness() -> None:
    image = Image.new("RGB", (4, 1))
    for x, value in enumerate((0, 5, 128, 250)):
        image.putpixel((x, 0), (value,) * 3)
    assert array(init_pixels.mask(image)).tolist() == [[0, 0, 128, 255]]


def test_a_mask_by_transparency_whatever_its_colours() -> None:
    image = Image.new("RGBA", (3, 1), (255, 255, 255, 255))
    image.putpixel((1, 0), (255, 255, 255, 0))
    image.putpixel((2, 0), (0, 0, 0, 128))
    assert array(init_pixels.mask(image)).tolist() == [[0, 255, 127]]


def test_an_alpha_channel_that_hides_nothing_says_nothing() -> None:
    image = box((2, 1), (1, 0, 2, 1)).convert("RGBA")
    assert array(init_pixels.mask(image)).tolist() == [[0, 255]]


def test_a_picture_of_the_right_size_is_not_touched() -> None:
    assert init_pixels.fitted(gradient(), (64, 48)).tobytes() == gradient().tobytes()


def test_a_picture_is_scaled_to_cover_and_cut_in_the_middle() -> None:
    wide = Image.new("RGB", (300, 100), "red")
    wide.paste("blue", (100, 0, 200, 100))
    fitted = init_pixels.fitted(wide, (50, 50))
    assert fitted.size == (50, 50)
    assert array(fitted)[:, 6:-6].reshape(-1, 3).tolist() == [[0, 0, 255]] * (50 * 38)


def test_room_at_the_sides_has_the_colours_of_the_edge() -> None:
    margins = (8, 16, 24, 0)
    whole = array(init_pixels.extended(gradient(), margins))
    expected = np.pad(array(gradient()), ((16, 0), (8, 24), (0, 0)), mode="edge")
    assert whole.tolist() == expected.tolist()


@pytest.mark.parametrize("margins", [NONE, (8, 0, 0, 0), (8, 16, 24, 32)])
def test_the_start_has_the_picture_in_it_as_it_is(margins: tuple[int, int, int, int]) -> None:
    whole = init_pixels.begun(gradient(), margins)
    left, top, right, bottom = margins
    assert whole.size == (64 + left + right, 48 + top + bottom)
    assert whole.crop((left, top, left + 64, top + 48)).tobytes() == gradient().tobytes()


@pytest.mark.parametrize("feather", [0, 1, 2, 3, 5, 8, 16, 31])
def test_a_mask_reaches_no_farther_than_its_feather(feather: int) -> None:
    size = (160, 160)
    changed = array(init_pixels.changes(size, box(size, (64, 64, 96, 96)), NONE, feather))
    outside = np.ones(size, dtype=bool)
    outside[64 - feather : 96 + feather, 64 - feather : 96 + feather] = False
    assert changed[outside].max() == 0
    assert changed[80, 80] > 190
    if not feather:
        assert changed.tolist() == array(box(size, (64, 64, 96, 96))).tolist()


def test_a_feathered_edge_falls_from_new_to_kept() -> None:
    size = (128, 32)
    row = array(init_pixels.changes(size, box(size, (0, 0, 64, 32)), NONE, 8))[16]
    assert all(np.diff(row) <= 0)
    assert (row[:56] == 255).all()
    assert (row[72:] == 0).all()
    assert 100 < row[63] < 155


@pytest.mark.parametrize("feather", [0, 1, 8, 40])
@pytest.mark.parametrize("margins", [(8, 0, 0, 0), (64, 8, 0, 16), (64, 64, 64, 64)])
def test_what_is_added_is_new_and_the_picture_stays(margins: tuple[int, int, int, int], feather: int) -> None:
    changed = array(init_pixels.changes((64, 48), None, margins, feather))
    left, top, right, bottom = margins
    assert changed.shape == (48 + top + bottom, 64 + left + right)
    assert changed[top : top + 48, left : left + 64].max() == 0
    for side in (changed[:, :1], changed[:1] if top else None, changed[-1:] if bottom else None):
        assert side is None or (side == 255).all()
    assert (changed[:, : max(left - feather, 1)] == 255).all()


def test_added_room_runs_into_the_pictures_edge() -> None:
    row = array(init_pixels.changes((64, 48), None, (64, 0, 0, 0), 16))[24]
    assert all(np.diff(row) <= 0)
    assert (row[:48] == 255).all()
    assert row[63] == 15
    assert row[55] == 135


def test_a_mask_that_goes_up_to_added_room_has_no_seam_there() -> None:
    size = (64, 48)
    changed = array(init_pixels.changes(size, box(size, (32, 0, 64, 48)), (0, 0, 64, 0), 8))
    assert (changed[:, 48:] == 255).all()
    assert (changed[:, :24] == 0).all()


def test_every_cell_with_a_change_in_it_is_sampled() -> None:
    changed = Image.new("L", (64, 48), 0)
    changed.putpixel((0, 0), 1)
    changed.putpixel((31, 40), 255)
    cells = array(init_pixels.cells(changed))
    assert cells.shape == (6, 8)
    assert np.argwhere(cells).tolist() == [[0, 0], [5, 3]]
    assert set(cells.ravel().tolist()) == {0, 255}


def test_a_mask_takes_its_pictures_size() -> None:
    mask = init_pixels.stretched(box((10, 10), (0, 0, 5, 10)), (100, 20))
    assert mask.size == (100, 20)
    assert (array(mask)[:, :40] == 255).all()
    assert (array(mask)[:, 60:] == 0).all()


def test_black() -> None:
    assert init_pixels.is_black(Image.new("L", (4, 4), 0))
    assert not init_pixels.is_black(box((4, 4), (0, 0, 1, 1)))


def test_a_png_has_nothing_in_it_but_its_pixels() -> None:
    image = gradient()
    image.info["comment"] = "made elsewhere"
    raw = init_pixels.png(image)
    with Image.open(io.BytesIO(raw)) as read:
        assert read.tobytes() == gradient().tobytes()
        assert read.info == {}
