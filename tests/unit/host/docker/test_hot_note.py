from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from hal_image.host.docker import hot_note
from hal_image.models.hot_cache import Copy

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def models_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HAL_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "state").mkdir()
    for name, size in {"a": 10, "b": 20, "c": 30}.items():
        (tmp_path / name).write_bytes(bytes(size))
    return tmp_path


def copy(path: Path) -> Copy:
    return Copy(str(path), path.stat().st_size, path.stat().st_mtime_ns, "")


@pytest.mark.parametrize(
    ("limit", "fitting", "left_out"),
    [(60, "abc", ""), (59, "ab", "c"), (40, "ac", "b"), (9, "", "abc"), (0, "", "abc")],
)
def test_as_much_as_the_limit_allows(models_dir: Path, limit: int, fitting: str, left_out: str) -> None:
    order = "acb" if limit == 40 else "abc"
    found = hot_note.plan([(models_dir / name, None) for name in order], models_dir, limit)
    assert [wanted.path for wanted in found.fitting] == list(fitting)
    assert found.left_out == tuple(models_dir / name for name in left_out)


def test_a_model_is_hot_as_long_as_nothing_has_changed(models_dir: Path) -> None:
    wanted = hot_note.plan([(models_dir / "a", None)], models_dir, 100)
    known = {f"k/{name}": copy(models_dir / name) for name in "ab"}

    def is_hot(key: str = "k", limit: int = 100) -> bool:
        return hot_note.is_hot(known, key, wanted, models_dir, limit)

    assert is_hot()
    assert not is_hot(key="other"), "of another models folder"
    assert not is_hot(limit=29), "something has to go"
    os.utime(models_dir / "b", ns=(0, 0))
    assert not is_hot(), "an outdated copy, which ComfyUI could find in the place of another file of that name"
    del known["k/b"]
    assert is_hot()
    known["other/z"] = Copy("/gone", 1, 1, "")
    assert is_hot(), "what is not mounted is not looked at"
    (models_dir / "a").write_bytes(b"another")
    wanted = hot_note.plan([(models_dir / "a", None)], models_dir, 100)
    assert not is_hot()


def test_the_note(models_dir: Path) -> None:
    known = {"k/a": copy(models_dir / "a")}
    assert hot_note.read() == {}
    hot_note.write(known)
    assert hot_note.read() == known
    hot_note.remove()
    hot_note.remove()
    assert hot_note.read() == {}
