"""Inputs that nobody would write, by hypothesis: whatever comes in, the tool ends with one clear word and no traceback.

The inputs are the same in every run, so that a failure here is one everywhere. ``HAL_FUZZ=20`` makes twenty times as
many, other ones in every run; what they find belongs into the test as an ``@example``.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TIMES = int(os.environ.get("HAL_FUZZ") or 1)
settings.register_profile(
    "fuzz",
    derandomize=TIMES == 1,
    database=None,
    deadline=None,  # a busy machine is no failure
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
settings.load_profile("fuzz")


@pytest.fixture(autouse=True)
def _own_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing of the real user's folders, a current directory of the test's own, and the signals as they were."""
    for name in [name for name in os.environ if name.startswith("HAL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HAL_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("HAL_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("HAL_REGISTRY", "")
    monkeypatch.setenv("HAL_DOCKER", str(tmp_path / "no-docker"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
