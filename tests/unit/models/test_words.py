from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from hal_image.errors import ModelError
from hal_image.models import bundled_models, words
from hal_image.models.types import Defaults, Model, ModelFile, Source

if TYPE_CHECKING:
    from pathlib import Path

KNOWN = words.Words(
    frozenset(
        {"cat", "cats", "red", "cube", "moon", "shirt", "1", "2", "3d", "robot", "4", "d", "café"}
        | {"ice cream", "ice cream cone", "polar bear", "hot air balloon", "t-rex", "semi-truck"}
    ),
    frozenset({"a", "an", "the", "of", "and", "it", "i", "on"}),
)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("", []),
        ("a red cat", []),
        ("A RED Cat", []),
        ("a dragon on the motorcycle, and the DRAGON", ["dragon", "motorcycle"]),
        ("red,cube;moon.robot!", []),
        ("red_cube/moon", []),
        ("zebra", ["zebra"]),
        # apostrophes
        ("the cat's cube", []),
        ("the cat\N{RIGHT SINGLE QUOTATION MARK}s cube", []),
        ("the cats' cube", []),
        ("it's the robot's", []),
        ("i'll, i'd, it'd", []),
        ("'red' \"cube\" `moon` 'cat", []),
        ("the dragon's moon", ["dragon"]),
        ("don't", ["don't"]),
        ("o'clock", ["o'clock"]),
        ("rock'n'roll", ["rock'n'roll"]),
        ("the t-shirt's moon", []),
        # hyphens
        ("a red-cat - the moon -- cube", []),
        ("a red-haired cat", ["haired"]),
        ("a t-shirt", []),
        ("t-rex", []),
        ("semi-truck, semi truck", []),
        ("semi", ["semi"]),
        ("x-ray", ["x-ray"]),
        ("-cat-", []),
        # several words
        ("ice cream", []),
        ("ice-cream", []),
        ("an ice  cream\ncone", []),
        ("ice", ["ice"]),
        ("ice, cream", ["ice", "cream"]),
        ("ice cream ice", ["ice"]),
        ("a polar cat, a polar bear", ["polar"]),
        ("the polar bear's moon", []),
        ("hot air cat", ["hot", "air"]),
        # digits: CLIP reads them one by one
        ("12 cats", []),
        ("17 cats", ["17"]),
        ("3d cube", []),
        ("4d cube", []),
        ("5d cube", ["5d"]),
        # ComfyUI's syntax
        ("(red:1.2) cube", []),
        ("((red:1.2) cube:0.9)", []),
        ("(red: 1.25)(cat:.5)(moon:-1)(cube:2.)", []),
        ("(ice:1.2) cream", []),
        ("(zebra:1.2)", ["zebra"]),
        (r"cat \(red\)", []),
        (r"cat \(red:7\)", ["7"]),
        ("cat:7", ["7"]),
        ("embedding:EasyNegative red", []),
        ("red, (embedding:bad-hands:1.1), embedding:x.pt, cat", []),
        ("myembedding:zebra", ["myembedding", "zebra"]),
        # other scripts
        ("a CAFÉ, cafe\N{COMBINING ACUTE ACCENT}", []),
        ("eine Katze, кошка, 猫", ["eine", "katze", "кошка", "猫"]),
        ("\N{CAT FACE} on the \N{FULL MOON SYMBOL}", ["\N{CAT FACE}", "\N{FULL MOON SYMBOL}"]),
        ("red \N{EM DASH} \N{LEFT DOUBLE QUOTATION MARK}cube\N{RIGHT DOUBLE QUOTATION MARK}", []),
        ("x" * 100_000, ["x" * 100_000]),
    ],
)  # fmt: skip
def test_unknown_words(prompt: str, expected: list[str]) -> None:
    assert words.unknown(prompt, KNOWN) == expected


def test_a_long_prompt_is_read_in_no_time() -> None:
    # patterns that go back and forth would take minutes
    for part in ("(", "a-", "'s", "embedding:", "ice ", ": 1", "x'"):
        words.unknown(part * 50_000, KNOWN)


def test_no_word_is_too_long_for_the_longest_entry() -> None:
    assert words.unknown("hot air balloon hot air balloon", KNOWN) == []
    assert words.unknown("cat", words.Words(frozenset(), frozenset())) == ["cat"]


# --- the file


def write(path: Path, **changes: Any) -> Path:
    content = {"schema_version": 1, "drawn": ["cat", "ice cream"], "filler": ["a"], **changes}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_a_list_is_read(tmp_path: Path) -> None:
    read = words.read(write(tmp_path / "words.json"))
    assert read == words.Words(frozenset({"cat", "ice cream"}), frozenset({"a"}))


def test_no_list_is_no_failure(tmp_path: Path) -> None:
    assert words.read(tmp_path / "words.json") is None


@pytest.mark.parametrize(
    "changes",
    [{"schema_version": 2}, {"drawn": None}, {"drawn": [1]}, {"filler": ["a", ["b"]]}, {"filler": 3}],
    ids=str,
)
def test_a_list_that_makes_no_sense(tmp_path: Path, changes: dict[str, Any]) -> None:
    path = write(tmp_path / "words.json", **changes)
    with pytest.raises(ModelError, match="list of words") as raised:
        words.read(path)
    assert raised.value.code == "bundled_model_damaged"
    path.write_text("{")
    with pytest.raises(ModelError, match="list of words"):
        words.read(path)


def test_the_list_is_that_of_the_models_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled_models, "FOLDER", tmp_path)
    write(tmp_path / "crayon" / "words.json", drawn=["sun"])
    hub = Source("o/r", "x.safetensors", None, None, gated=False)
    ours = Source(None, None, None, None, gated=False, bundled="crayon")
    file = ModelFile("checkpoint", "checkpoints", "x.safetensors", 1, "", "MIT", (hub,))
    model = Model("mine", "", "sd15", (file,), Defaults(64, 64, 1, 1.0, None, "euler", "normal"), 1, "")
    assert words.of_model(model) is None
    known = words.of_model(model._replace(files=(file._replace(sources=(hub, ours)),)))
    assert known is not None
    assert known.drawn == {"sun"}
