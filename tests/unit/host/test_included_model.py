from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hal_image.host import included_model
from hal_image.host.deadline import Deadline
from hal_image.host.render import Output
from hal_image.models import bundled_models
from hal_image.models.registry import default_registry_path, load_registry
from hal_image.models.store import resolve
from tests.synthetic.packing import reference, write_packed

if TYPE_CHECKING:
    from pathlib import Path

    from hal_image.models.types import Model

DOODLE = load_registry(default_registry_path()).models["doodle"]


@pytest.fixture(autouse=True)
def _package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package whose ``doodle`` knows three words."""
    monkeypatch.setattr(bundled_models, "FOLDER", tmp_path / "bundled")
    monkeypatch.setenv("HAL_STATE_DIR", str(tmp_path / "state"))
    words = {"schema_version": 1, "drawn": ["red", "cat"], "filler": ["a"]}
    bundled_models.words("doodle").parent.mkdir(parents=True)
    bundled_models.words("doodle").write_text(json.dumps(words), encoding="utf-8")


def warned(prompt: str, model: Model = DOODLE) -> list[dict[str, object]]:
    output = Output("generate", quiet=True)
    included_model.warn_of_unknown_words(model, prompt, output)
    return [warning.to_json() for warning in output.warnings]


def test_unknown_words_are_named() -> None:
    assert warned("a red cat") == []
    assert warned("a red Dragon, a dragon") == [
        {
            "code": "unknown_words",
            "message": "doodle does not know this word and draws without it: dragon",
            "details": {"words": ["dragon"]},
        }
    ]
    (warning,) = warned("a dragon and a motorcycle")
    assert warning["message"] == "doodle does not know these words and draws without them: dragon, and, motorcycle"


def test_many_unknown_words_are_counted() -> None:
    many = [f"word{letter}" for letter in "abcdefghijkl"]
    (warning,) = warned(" ".join(many))
    assert str(warning["message"]).endswith(": " + ", ".join(many[:10]) + " and 2 more")
    assert warning["details"] == {"words": many}
    more = [f"word{one}{other}" for one in "abcdefgh" for other in "abcdefgh"]
    assert warned(" ".join(more))[0]["details"] == {"words": more[:50], "count": 64}


def test_a_model_without_a_list_says_nothing() -> None:
    bundled_models.words("doodle").unlink()
    assert warned("dragon") == []


def test_writing_is_told_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = [{"key": "a", "dtype": "F16", "shape": [4], "parts": [{"from": "X"}]}]
    arrays = {"X": np.ones((1, 4), np.float16)}
    write_packed(bundled_models.weights("doodle"), arrays, plan)
    whole = reference(arrays, plan)
    file = DOODLE.files[0]._replace(bytes=len(whole), sha256=hashlib.sha256(whole).hexdigest())
    model = resolve(DOODLE._replace(files=(file,)), tmp_path / "models")
    where = tmp_path / "models" / "checkpoints" / file.name
    (found,) = included_model.lay_out(model, tmp_path / "models", Output("generate"), Deadline.after(60)).files
    assert (found.included, found.path) == (False, where)
    assert where.read_bytes() == whole
    assert capsys.readouterr().err == f"doodle comes with this tool: writing {where}\n"
    assert [path.suffix for path in (tmp_path / "state" / "locks").iterdir()] == [".lock"]
