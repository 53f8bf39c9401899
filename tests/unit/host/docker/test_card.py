from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from hal_image.host.docker import card

if TYPE_CHECKING:
    from pathlib import Path

CARD = card.Card(
    settings=card.Settings("0.1.0", "/usr/bin/docker", "image:latest", "/models", cpu=False, gpu="all", uid=1000),
    name="hal8000-a-b",
    id="1f",
    image_id="sha256:1",
    vram_mb=24576,
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    card.write(tmp_path, CARD)
    assert card.read(tmp_path) == CARD
    assert [entry.name for entry in tmp_path.iterdir()] == [card.CARD_FILE]
    card.remove(tmp_path)
    assert card.read(tmp_path) is None
    card.remove(tmp_path)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"settings": {}}', '{"settings": 1}', "\xff"])
def test_a_damaged_card_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / card.CARD_FILE).write_text(text, encoding="latin-1")
    assert card.read(tmp_path) is None


def test_a_card_of_another_version_is_none(tmp_path: Path) -> None:
    card.write(tmp_path, CARD)
    kept = json.loads((tmp_path / card.CARD_FILE).read_text())
    (tmp_path / card.CARD_FILE).write_text(json.dumps({**kept, "later": 1}))
    assert card.read(tmp_path) is None


def test_a_folder_that_cannot_be_written_to_costs_nothing_but_time(tmp_path: Path) -> None:
    card.write(tmp_path / "nowhere", CARD)
    assert card.read(tmp_path / "nowhere") is None
