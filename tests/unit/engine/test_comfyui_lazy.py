"""Modules that wait for their first use, on small ones. With ComfyUI: ``tests/engine/test_lean_boot.py``."""

from __future__ import annotations

import importlib
import sys
import threading
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from hal_image.engine import comfyui_lazy
from hal_image.engine.comfyui_lazy import LazyFinder, LazyModule, execute, used

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES = {
    "slow/__init__.py": "import slow_log\nslow_log.told.append('slow')\nANSWER = 42\nclass Thing:\n    pass\n",
    "slow/part.py": "import slow\nANSWER = slow.ANSWER\n",
    "broken.py": "import slow_log\nif not slow_log.told:\n    raise ImportError('not yet')\nANSWER = 1\n",
    "swaps.py": (
        "import sys, types\nsys.modules[__name__] = types.ModuleType(__name__)\n"
        "sys.modules[__name__].ANSWER = 'of the new one'\n"
    ),
    "wide/__init__.py": "import slow_log\nslow_log.told.append('wide')\nfrom wide.part import Thing\nOTHER = 1\n",
    "wide/part.py": "class Thing:\n    def __init__(self, name='thing'):\n        self.name = name\n",
    "waiting.py": (
        "import slow_log, time\ntime.sleep(0.1)\nslow_log.told.append('waiting')\ntime.sleep(0.1)\nANSWER = 'whole'\n"
    ),
    "relies.py": "pass\n",
    "slow_log.py": "told = []\n",
}


@pytest.fixture(autouse=True)
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What has been executed, in the order of that."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", [LazyFinder(), *sys.meta_path])
    monkeypatch.setattr(comfyui_lazy, "LAZY", frozenset({"slow", "broken", "swaps", "waiting", "nowhere"}))
    monkeypatch.setattr(comfyui_lazy, "PROXIES", {"wide": {"Thing": "wide.part", "Moved": "wide.elsewhere"}})
    monkeypatch.setattr(comfyui_lazy, "OPEN", frozenset({"wide"}))
    monkeypatch.setattr(comfyui_lazy, "WAKES", {"slow": ("relies",)})
    importlib.invalidate_caches()
    log: list[str] = importlib.import_module("slow_log").told
    yield log
    for name in {file.partition(".")[0].partition("/")[0] for file in FILES}:
        for module in [loaded for loaded in sys.modules if loaded == name or loaded.startswith(f"{name}.")]:
            del sys.modules[module]


def test_a_lazy_module_is_executed_at_the_first_name_and_an_ordinary_one_then(told: list[str]) -> None:
    slow = importlib.import_module("slow")
    assert isinstance(slow, LazyModule)
    assert not hasattr(slow, "__wrapped__")
    assert slow.__file__
    assert told == []
    assert slow.ANSWER == 42
    assert told == ["slow"]
    assert type(slow) is ModuleType
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        slow.nothing  # noqa: B018
    assert told == ["slow"]


def test_a_package_is_executed_before_what_is_in_it(told: list[str]) -> None:
    importlib.import_module("slow")
    assert importlib.import_module("slow.part").ANSWER == 42
    assert told == ["slow"]


def test_one_that_fails_says_why_and_is_executed_anew(told: list[str]) -> None:
    broken = importlib.import_module("broken")
    for _ in range(2):
        with pytest.raises(ImportError, match="not yet"):
            broken.ANSWER  # noqa: B018
    told.append("now")
    assert broken.ANSWER == 1


def test_one_that_is_not_there_is_missed_at_once() -> None:
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("nowhere")


def test_one_that_puts_another_in_its_place() -> None:
    swaps = importlib.import_module("swaps")
    assert swaps.ANSWER == "of the new one"
    assert sys.modules["swaps"] is not swaps
    assert swaps.ANSWER == "of the new one"


def test_an_import_that_relies_on_one_executes_it(told: list[str]) -> None:
    importlib.import_module("slow")
    importlib.import_module("relies")
    assert told == ["slow"]


def test_several_by_name_as_far_as_they_were_imported(told: list[str]) -> None:
    importlib.import_module("slow")
    execute(["slow", "swaps"])
    assert told == ["slow"]
    assert "swaps" not in sys.modules


def test_threads_wait_until_it_is_whole(told: list[str]) -> None:
    waiting = importlib.import_module("waiting")
    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.append(waiting.ANSWER)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["whole"] * 4
    assert told == ["waiting"]


def test_a_class_of_an_open_package_stands_for_the_real_one_and_leaves_the_package(told: list[str]) -> None:
    wide = importlib.import_module("wide")
    proxy = wide.Thing
    assert "wide.part" not in sys.modules
    thing = proxy("one")
    real = sys.modules["wide.part"].Thing
    assert type(thing) is real
    assert isinstance(thing, proxy)
    assert issubclass(real, proxy)
    assert type("Sub", proxy.__mro_entries__(()), {}).__mro__[1] is real
    assert used(proxy) is real
    assert used(real) is real
    assert wide.Thing is real
    assert told == []
    assert wide.OTHER == 1
    assert told == ["wide"]


def test_a_class_that_another_version_has_elsewhere_is_asked_of_the_package(told: list[str]) -> None:
    moved = importlib.import_module("wide").Moved
    with pytest.raises(AttributeError, match="Moved"):
        moved()
    assert told == ["wide"]
