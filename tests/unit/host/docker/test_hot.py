"""Filling the hot cache, with a script in the place of Docker that says what the container would."""

from __future__ import annotations

import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hal_image import paths
from hal_image.errors import HalError, ModelError, TimeoutError_, UsageError
from hal_image.host.deadline import Deadline
from hal_image.host.docker import hot, hot_note
from hal_image.host.engines import EngineRequest
from hal_image.host.engines.docker import hot_limit
from hal_image.host.render import Output
from hal_image.models import usage, verified
from hal_image.models.hot_cache import Copy

if TYPE_CHECKING:
    from collections.abc import Callable

    Container = Callable[..., hot.Filling]

NEVER = Deadline.after(None)
STAND_IN = """\
#!{python}
import json, sys, time
if sys.argv[1] == "info":
    print("{{}}")
    sys.exit()
with open(__file__ + ".order", "w") as order:
    order.write(sys.stdin.readline())
for event in {events!r}:
    print(json.dumps(event), flush=True)
time.sleep({pause})
sys.stderr.write({words!r})
sys.exit({code})
"""


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAL_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.delenv("HAL_HOT_CACHE", raising=False)


@pytest.fixture
def container(tmp_path: Path) -> Container:
    (tmp_path / "a").write_bytes(b"abc")

    def make(*events: dict[str, Any], pause: float = 0, words: str = "", code: int = 0) -> hot.Filling:
        script = tmp_path / "docker"
        script.write_text(
            STAND_IN.format(python=sys.executable, events=list(events), pause=pause, words=words, code=code)
        )
        script.chmod(0o755)
        wanted = hot_note.plan([(tmp_path / "a", "0" * 64)], tmp_path, 100)
        return hot.Filling(str(script), "IMAGE", "hal8000-hot-x", tmp_path, "k", "m", wanted, 100)

    return make


def test_what_has_come_is_remembered(container: Container, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "a"
    copied = {"event": "hot_copied", "source": str(source), "bytes": 3, "sha256": "1" * 64}
    copy = Copy(str(source), 3, source.stat().st_mtime_ns, "1" * 64)
    output = Output("generate")
    filling = container(
        {"event": "hot_copying", "source": str(source), "bytes": 3, "done": 1},
        copied,
        {"event": "hot_no_room", "source": "/m/b", "bytes": 2_000_000_000, "free": 1_000_000_000},
        {"event": "hot_end", "files": {"k/a": copy._asdict()}},
    )
    usage.touch([source])
    hot.fill(filling, output, NEVER)
    hot.fill(filling, output, NEVER)
    assert hot_note.read() == {"k/a": copy}
    assert verified.digest(verified.read(), source) == "1" * 64
    assert [warning.code for warning in output.warnings] == ["hot_cache_full"] * 2
    assert "copying a (0.00 GB) into the hot cache" in capsys.readouterr().err
    order = json.loads((tmp_path / "docker.order").read_text())
    assert order["files"] == [{"path": "a", "source": str(source), "sha256": "0" * 64}]
    assert (order["key"], order["model"], order["limit_bytes"]) == ("k", "m", 100)
    assert order["used"]["k/a"] == pytest.approx(time.time(), abs=60)


def test_a_failure_is_told_and_nothing_is_believed(container: Container) -> None:
    error = ModelError("a is damaged", code="model_corrupt").to_json()
    refused = partial(container, {"event": "hot_failed", "error": error}, code=4)
    silent = partial(container, words="docker: no space left on device", code=125)
    for make, code in ((refused, "model_corrupt"), (silent, "disk_full")):
        paths.make_state_dir()
        hot_note.write({"k/a": Copy("/a", 3, 1, "")})
        with pytest.raises(HalError) as caught:
            hot.fill(make(), Output("generate"), NEVER)
        assert caught.value.code == code
        assert hot_note.read() == {}


def test_a_deadline_ends_it(container: Container) -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError_):
        hot.fill(container(pause=60), Output("generate"), Deadline.after(1.0))
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("option", "variable", "expected"),
    [(None, None, 0), (None, "2GB", 2_000_000_000), (5, "2GB", 5), (0, "2GB", 0), (5, None, 5), (None, "", 0)],
)
def test_the_option_goes_before_the_variable(
    monkeypatch: pytest.MonkeyPatch, option: int | None, variable: str | None, expected: int
) -> None:
    if variable is not None:
        monkeypatch.setenv("HAL_HOT_CACHE", variable)
    assert hot_limit(EngineRequest(Path("/m"), False, None, 1.0, False, None, option)) == expected


def test_a_variable_that_is_no_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAL_HOT_CACHE", "much")
    with pytest.raises(UsageError, match="HAL_HOT_CACHE is 'much'"):
        hot_limit(EngineRequest(Path("/m"), False, None, 1.0, False, None))
