"""The command that measures a model, with the drawing program in the model's place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from training import exam, measure

if TYPE_CHECKING:
    from pathlib import Path

    from training.exam import Question


def test_a_perfect_model_has_a_table_and_no_sheet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    measure.main(["--draw", "--limit", "3", str(tmp_path / "wrong.png")])
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split()[:3] == ["list", "right", "share"]
    assert [row.split()[:5] for row in rows] == [[name, "3", "of", "3", "100.0%"] for name in exam.LISTS]
    assert not (tmp_path / "wrong.png").exists()


def test_a_wrong_picture_is_counted_named_and_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def green(question: Question, seed: int, size: int) -> np.ndarray:
        return np.full((size, size, 3), (58, 164, 70), np.uint8)

    monkeypatch.setattr(measure, "by_drawing", green)
    measure.main(["--draw", "--list", "places", "--limit", "7", "--size", "128", str(tmp_path / "wrong.png")])
    _, row, *failures = capsys.readouterr().out.splitlines()
    assert row.split()[:5] == ["places", "0", "of", "7", "0.0%"]
    assert "count 7" in row
    assert [line.split(": ")[0].strip() for line in failures] == [question.prompt for question in exam.places()[:7]]
    assert "nothing on green" in failures[0]
    with Image.open(tmp_path / "wrong.png") as sheet:
        assert sheet.size == (6 * 128, 2 * 156)


def test_the_tool_is_called_as_a_user_would(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = tmp_path / "tool.py"
    stand_in.write_text(
        "import sys; from PIL import Image; given = dict(zip(sys.argv[1::2], sys.argv[2::2]))\n"
        "assert given['--prompt'] and given['--size'] == '64' and given['--seed'] == '1000'\n"
        "assert sys.argv[-4:] == ['--model', 'small', '--models-dir', 'there']\n"
        "Image.new('RGB', (64, 64), (1, 2, 3)).save(given['--output'])\n"
    )
    monkeypatch.setattr(measure, "TOOL", stand_in)
    image = measure.by_tool(exam.colours(1)[0], 1000, 64, ["--model", "small", "--models-dir", "there"])
    assert image.shape == (64, 64, 3)
    assert image[0, 0].tolist() == [1, 2, 3]


def test_a_tool_that_fails_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = tmp_path / "tool.py"
    stand_in.write_text("raise SystemExit(4)\n")
    monkeypatch.setattr(measure, "TOOL", stand_in)
    with pytest.raises(SystemExit, match="exit code 4"):
        measure.by_tool(exam.colours(1)[0], 1, 64, [])
