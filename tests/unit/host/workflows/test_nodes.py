from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

import pytest

from hal_image.errors import EnvironmentError_
from hal_image.host.deadline import Deadline
from hal_image.host.render import Output
from hal_image.host.workflows import nodes
from tests.unit.workflow.own.nodes import DEFINITIONS, TOLD

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAL_STATE_DIR", str(tmp_path / "state"))
    for name in ("HAL_COMFYUI_DIR", "HAL_ENGINE_PYTHON", "HAL_DOCKER_IMAGE"):
        monkeypatch.delenv(name, raising=False)


def test_what_was_told_is_known_from_then_on_for_that_comfyui(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert nodes.known() is None
    nodes._keep(TOLD)
    assert nodes.known() == DEFINITIONS
    (tmp_path / "nodes.py").write_text("")
    monkeypatch.setenv("HAL_COMFYUI_DIR", str(tmp_path))
    assert nodes.known() is None
    nodes._keep(TOLD)
    assert nodes.known() == DEFINITIONS
    (tmp_path / "nodes.py").write_text("changed")
    assert nodes.known() is None


@pytest.mark.parametrize(
    "raw", [b"", b"{}", b"[]", b'{"nodes": [], "cloud": []}', b'{"nodes": {"A": {}}, "cloud": []}']
)
def test_what_is_damaged_is_not_known(raw: bytes) -> None:
    nodes._keep(TOLD)
    nodes._file().write_bytes(raw)
    assert nodes.known() is None


def test_only_the_latest_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(nodes.KEPT + 2):
        monkeypatch.setenv("HAL_DOCKER_IMAGE", f"image:{number}")
        nodes._keep(TOLD)
    assert len(list((tmp_path / "state" / nodes.FOLDER).iterdir())) == nodes.KEPT
    assert nodes.known() == DEFINITIONS


def test_a_dry_run_asks_nobody(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentError_) as caught:
        nodes.ask(Namespace(dry_run=True), tmp_path, None, Output("generate", quiet=True), Deadline.after(None))
    assert caught.value.code == "nodes_unknown"
