from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from hal_image.host.contact_sheet import BACKGROUND, MAX_SIDE, Labels, Layout, draw, labels, layout

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def write(folder: Path, sizes: Sequence[tuple[int, int]]) -> list[Path]:
    """Pictures of noise, so that no two pixels are alike by chance."""
    noise = np.random.default_rng(0)
    files = []
    for number, (width, height) in enumerate(sizes):
        files.append(folder / f"{number}.png")
        Image.fromarray(noise.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(files[-1])
    return files


def shown(raw: bytes) -> np.ndarray:
    """A sheet as uint8 [height, width, 3]."""
    with Image.open(io.BytesIO(raw)) as image:
        return np.asarray(image.convert("RGB"))


def cells(sheet: np.ndarray, plan: Layout) -> list[np.ndarray]:
    return [sheet[place.y : place.y + place.height, place.x : place.x + place.width] for place in plan.places]


def is_empty(part: np.ndarray) -> bool:
    return part.size == 0 or bool((part == np.array(BACKGROUND, np.uint8)).all())


def by_letters(text: str, font: int) -> float:
    return len(text) * font / 2


def test_every_picture_is_on_it_pixel_by_pixel(tmp_path: Path) -> None:
    files = write(tmp_path, [(96, 64)] * 6)
    raw, plan = draw(files, labels(["steps 4", "steps 8", "steps 12"], ["cfg 1", "cfg 7"]))
    sheet = shown(raw)
    assert sheet.shape[:2] == (plan.height, plan.width)
    assert plan.scale == 1.0
    for file, cell in zip(files, cells(sheet, plan), strict=True):
        assert (cell == shown(file.read_bytes())).all()
    assert [place.x for place in plan.places[:3]] == [place.x for place in plan.places[3:]]
    assert [place.y for place in plan.places] == [plan.places[0].y] * 3 + [plan.places[3].y] * 3


def test_nothing_but_labels_is_beside_them(tmp_path: Path) -> None:
    raw, plan = draw(write(tmp_path, [(96, 64)] * 4), labels(["a", "b"], ["c", "d"]))
    sheet = shown(raw).copy()
    for cell in cells(sheet, plan):
        cell[:] = BACKGROUND
    top = plan.places[0].y
    assert not is_empty(sheet[:top, plan.left :])
    assert not is_empty(sheet[top:, : plan.left])
    assert is_empty(sheet[:top, : plan.left])
    assert is_empty(sheet[top:, plan.left :]), "between and below the pictures"


def test_each_label_is_beside_its_own(tmp_path: Path) -> None:
    files = write(tmp_path, [(96, 64)] * 4)
    written, plan = draw(files, labels(["a", "b"], ["c", "dd"]))
    for left_out, at in (
        (labels(["a", " "], ["c", "dd"]), (slice(0, plan.places[0].y), slice(plan.places[1].x, plan.width))),
        (labels(["a", "b"], [" ", "dd"]), (slice(0, plan.places[2].y), slice(0, plan.left))),
    ):
        other, _ = draw(files, left_out)
        before, after = shown(written).copy(), shown(other).copy()
        assert not is_empty(before[at])
        assert is_empty(after[at])
        before[at] = after[at] = 0
        assert (before == after).all()


def test_one_key_has_its_labels_above_each_picture(tmp_path: Path) -> None:
    files = write(tmp_path, [(64, 64)] * 10)
    said = labels([f"seed {seed}" for seed in range(10)], [])
    assert (said.columns, said.rows) == (4, 3)
    raw, plan = draw(files, said)
    sheet = shown(raw)
    assert plan.left == 0
    for file, cell, place in zip(files, cells(sheet, plan), plan.places, strict=True):
        assert (cell == shown(file.read_bytes())).all()
        assert not is_empty(sheet[place.y - plan.line : place.y, place.x : place.x + place.width])
    assert labels(["a"] * 8, []).columns == 8
    assert labels(["a"] * 100, ["b"]).columns == 100, "rows that mean something stay"


def test_pictures_of_several_sizes_keep_their_proportions_and_are_centred(tmp_path: Path) -> None:
    files = write(tmp_path, [(64, 64), (128, 32)])
    raw, plan = draw(files, labels(["64x64", "128x32"], []))
    small, wide = plan.places
    assert (small.width, small.height, wide.width, wide.height) == (64, 64, 128, 32)
    assert (small.y + 32, wide.x - small.x - 32) == (wide.y + 16, 64 + plan.gap)
    assert all(
        (cell == shown(file.read_bytes())).all() for file, cell in zip(files, cells(shown(raw), plan), strict=True)
    )


def test_what_would_be_too_large_is_made_smaller_by_one_scale(tmp_path: Path) -> None:
    files = write(tmp_path, [(200, 100)] * 6)
    raw, plan = draw(files, labels(["a", "b", "c"], ["1", "2"]), most=400)
    sheet = shown(raw)
    assert max(sheet.shape) <= 400
    assert 0.4 < plan.scale < 1
    for file, cell in zip(files, cells(sheet, plan), strict=True):
        with Image.open(file) as image:
            size = (cell.shape[1], cell.shape[0])
            assert size == (int(200 * plan.scale), int(100 * plan.scale))
            expected = np.asarray(image.convert("RGB").resize(size, Image.Resampling.LANCZOS))
        assert (cell == expected).all()


@pytest.mark.parametrize(
    ("count", "size", "columns"),
    [(1, (16384, 16384), 1), (1000, (1024, 1024), 1), (1000, (1024, 1024), 1000), (1000, (64, 16384), 25),
     (1, (16, 16), 1), (1000, (16, 16), 32), (900, (16384, 16), 30)],
)  # fmt: skip
def test_no_sheet_is_larger_than_that(count: int, size: tuple[int, int], columns: int) -> None:
    said = Labels(columns, ["a label of some length"] * columns, ["another " * 20] * -(-count // columns))
    plan = layout([size] * count, said, by_letters)
    assert max(plan.width, plan.height) <= MAX_SIDE
    for place in plan.places:
        assert min(place.width, place.height) >= 1
        assert place.x >= plan.left
        assert place.x + place.width <= plan.width
        assert place.y + place.height <= plan.height
    alone = layout([size] * count, labels(["a label"] * count, []), by_letters)
    assert max(alone.width, alone.height) <= MAX_SIDE


def test_cells_do_not_overlap() -> None:
    sizes = [(64 + 8 * (index % 5), 32 + 16 * (index % 3)) for index in range(35)]
    for said in (labels(["x"] * 7, ["y"] * 5), labels(["long label"] * 35, [])):
        taken: set[tuple[int, int]] = set()
        for place in layout(sizes, said, by_letters).places:
            own = {(place.x + x, place.y + y) for x in range(place.width) for y in range(place.height)}
            assert not own & taken
            taken |= own


def test_a_label_that_does_not_fit_is_cut_and_stays_within_its_column(tmp_path: Path) -> None:
    files = write(tmp_path, [(400, 100)] * 2)
    raw, plan = draw(files, labels(["w" * 200, " "], []), most=300)
    top = shown(raw)[: plan.places[0].y]
    assert not is_empty(top[:, : plan.gap + plan.cell[0]])
    assert is_empty(top[:, plan.gap + plan.cell[0] :])


def test_small_pictures_have_room_for_their_labels(tmp_path: Path) -> None:
    raw, plan = draw(write(tmp_path, [(16, 16)] * 2), labels(["scheduler karras", "b"], []))
    assert plan.cell[0] > 60
    assert shown(raw).shape[1] > 2 * 60


def test_a_picture_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"gone\.png"):
        draw([tmp_path / "gone.png"], labels(["a"], []))


def test_pictures_of_ours_may_be_larger_than_pillow_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    _, plan = draw(write(tmp_path, [(64, 64)]), labels(["a"], []))
    assert plan.scale == 1.0
    assert Image.MAX_IMAGE_PIXELS == 100
