"""What the environment says of the hub. ``tests/engine/test_hub_client.py`` holds it to the library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal_image.models import hub as hubs

if TYPE_CHECKING:
    from pathlib import Path


def test_the_token_is_found_where_the_library_has_it(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(" hf_1\n", encoding="utf-8")
    for environment, token in [
        ({}, None),
        ({"HF_TOKEN_PATH": str(file)}, "hf_1"),
        ({"HF_HOME": str(tmp_path)}, "hf_1"),
        ({"HF_TOKEN": "hf_2", "HF_TOKEN_PATH": str(file)}, "hf_2"),
        ({"HUGGING_FACE_HUB_TOKEN": "hf_3"}, "hf_3"),
        ({"HF_TOKEN": "hf_2", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}, None),
    ]:
        assert hubs.from_environment({"XDG_CACHE_HOME": str(tmp_path / "no"), **environment}).token == token


def test_xet_is_used_unless_it_is_disabled() -> None:
    assert hubs.from_environment({}).xet is True
    assert hubs.from_environment({"HF_HUB_DISABLE_XET": "0"}).xet is True
    assert hubs.from_environment({"HF_HUB_DISABLE_XET": "yes"}).xet is False
