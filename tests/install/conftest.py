from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from hal_image.install.venvs import VenvPlan
from tests.install.index import Index, make_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGE = "haltestpackage"


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A state directory of the test's own."""
    for name in os.environ:
        if name.startswith("HAL_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HAL_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Index]:
    """The only index that pip knows of."""
    for name in os.environ:
        if name.startswith("PIP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_RETRIES", "0")
    server = Index(tmp_path / "wheels")
    monkeypatch.setenv("PIP_INDEX_URL", server.url)
    yield server
    server.close()


@pytest.fixture
def plan(index: Index, tmp_path: Path) -> VenvPlan:
    """A venv with one tiny package in it."""
    digest = make_wheel(index.folder, PACKAGE, {f"{PACKAGE}.py": "ANSWER = 42\n"})
    lock = tmp_path / "test.txt"
    lock.write_text(f"# a comment\n{PACKAGE}==1.0 \\\n    --hash=sha256:{digest}\n")
    return VenvPlan("test", "the test", lock, tmp_path / "state" / "venvs" / "test-cp3-0", 0)
