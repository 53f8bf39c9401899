from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.host.docker import names

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_names_are_of_one_user_state_directory_and_models_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def name(models: str) -> str:
        return names.container_name(names.key(tmp_path / models))

    first = name("a")
    assert first == name("a") == name("b/../a")
    assert first != name("b")
    monkeypatch.setenv("HAL_STATE_DIR", str(tmp_path / "other"))
    assert name("a") != first
