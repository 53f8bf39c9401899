from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hal_image.errors import EnvironmentError_, ModelError
from hal_image.models import hot_cache
from hal_image.models.hot_cache import Copy, HotCache, Order, Wanted, evictions

if TYPE_CHECKING:
    from collections.abc import Callable

    Fill = Callable[..., dict[str, Copy]]

KEY = "k"
ANCIENT = {"a": 1.0, "b": 2.0, "c": 3.0}


def copies(**sizes: int) -> dict[str, Copy]:
    return {name: Copy(f"/{name}", size, 0, "") for name, size in sizes.items()}


@pytest.mark.parametrize(
    ("excess", "keep", "used", "expected"),
    [
        (0, "", ANCIENT, []),
        (-5, "", ANCIENT, []),
        (1, "", ANCIENT, ["a"]),
        (10, "", ANCIENT, ["a"]),
        (11, "", ANCIENT, ["a", "b"]),
        (30, "", ANCIENT, ["a", "b", "c"]),
        (31, "", ANCIENT, None),
        (1, "a", ANCIENT, ["b"]),
        (21, "a", ANCIENT, None),
        (1, "", {"a": 1.0, "c": 3.0}, ["b"]),  # never used, as far as anybody knows
    ],
)
def test_what_was_used_longest_ago_goes(
    excess: int, keep: str, used: dict[str, float], expected: list[str] | None
) -> None:
    assert evictions(copies(a=10, b=10, c=10), used, keep, excess) == expected


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    (folder / "vae").mkdir(parents=True)
    for name in "abc":
        (folder / "vae" / name).write_bytes(name.encode() * 1000)
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    (tmp_path / "hot").mkdir()
    return tmp_path / "hot"


@pytest.fixture
def events() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def fill(models_dir: Path, cache: Path, events: list[dict[str, Any]]) -> Fill:
    def do(*names: str, limit: int = 10_000, key: str = KEY, **used: float) -> dict[str, Copy]:
        wanted = tuple(
            Wanted(f"vae/{name}", f"/host/vae/{name}", hashlib.sha256(name.encode() * 1000).hexdigest())
            for name in names
        )
        order = Order(key, "m", limit, wanted, {f"{key}/vae/{name}": when for name, when in used.items()})
        return HotCache(cache, models_dir, events.append).fill(order)

    return do


def there(cache: Path) -> list[str]:
    names = (path.relative_to(cache).as_posix() for path in cache.rglob("*") if path.is_file())
    return sorted(name for name in names if name not in {hot_cache.INDEX, hot_cache.LOCK})


def test_a_file_is_copied_once(fill: Fill, cache: Path, events: list[dict[str, Any]]) -> None:
    first = fill("a")
    assert (cache / "k/vae/a").read_bytes() == b"a" * 1000
    assert first["k/vae/a"].sha256 == hashlib.sha256(b"a" * 1000).hexdigest()
    assert events[-1]["event"] == "hot_copied"
    events.clear()
    assert fill("a") == first
    assert events == []


def test_it_keeps_to_the_limit(fill: Fill, cache: Path) -> None:
    fill("a", "b", limit=2000)
    fill("c", limit=2000, a=2, b=1)
    assert there(cache) == ["k/vae/a", "k/vae/c"]
    fill("c", limit=1500, a=3)
    assert there(cache) == ["k/vae/c"]


def test_all_models_folders_share_it(fill: Fill, cache: Path) -> None:
    fill("a", limit=2000)
    fill("b", limit=2000, key="other")
    assert there(cache) == ["k/vae/a", "other/vae/b"]
    fill("c", limit=2000, key="other", b=1)
    assert there(cache) == ["other/vae/b", "other/vae/c"]


@pytest.mark.parametrize("how", ["bytes", "time", "gone", "copy gone", "copy cut off"])
def test_what_has_changed_is_not_used_any_more(fill: Fill, cache: Path, models_dir: Path, how: str) -> None:
    fill("a")
    source = models_dir / "vae" / "a"
    if how == "bytes":
        source.write_bytes(b"longer" * 1000)
    elif how == "time":
        os.utime(source, ns=(0, 0))
    elif how == "gone":
        source.unlink()
    elif how == "copy gone":
        (cache / "k/vae/a").unlink()
    else:
        (cache / "k/vae/a").write_bytes(b"a")
    assert list(fill("b")) == ["k/vae/b"]
    assert there(cache) == ["k/vae/b"]


def test_what_a_kill_left_is_removed(fill: Fill, cache: Path) -> None:
    fill("a")
    for left in ("k/vae/.b.part", "k/vae/b", "index.json.7"):
        (cache / left).write_bytes(b"half")
    fill("a")
    assert there(cache) == ["k/vae/a"]
    (cache / hot_cache.INDEX).write_text("{")
    assert list(fill("a")) == ["k/vae/a"]


def test_another_file_than_the_digest_says_is_refused(fill: Fill, cache: Path, models_dir: Path) -> None:
    fill("b")
    (models_dir / "vae" / "a").write_bytes(b"b" * 1000)
    with pytest.raises(ModelError) as caught:
        fill("a")
    assert caught.value.code == "model_corrupt"
    assert "/host/vae/a" in caught.value.message
    assert "models verify m" in caught.value.hint
    assert there(cache) == ["k/vae/b"]


def test_a_file_that_nobody_knows_gets_its_own_digest(models_dir: Path, cache: Path) -> None:
    order = Order(KEY, "m", 10_000, (Wanted("vae/a", "/host/a", None),), {})
    found = HotCache(cache, models_dir, lambda _: None).fill(order)
    assert found["k/vae/a"].sha256 == hashlib.sha256(b"a" * 1000).hexdigest()


def test_a_file_that_cannot_be_read_is_named(models_dir: Path, cache: Path) -> None:
    order = Order(KEY, "m", 10_000, (Wanted("vae/z", "/host/z", None),), {})
    with pytest.raises(ModelError) as caught:
        HotCache(cache, models_dir, lambda _: None).fill(order)
    assert caught.value.code == "model_unreadable"


def test_a_volume_that_takes_nothing(models_dir: Path, cache: Path) -> None:
    order = Order(KEY, "m", 10_000, (Wanted("vae/a", "/host/a", None),), {})
    (cache / hot_cache.INDEX).mkdir(parents=True)
    with pytest.raises(EnvironmentError_) as caught:
        HotCache(cache, models_dir, lambda _: None).fill(order)
    assert caught.value.code == "hot_cache_failed"
    assert "doctor" in caught.value.hint


def test_a_full_disk_is_no_failure(
    fill: Fill, cache: Path, events: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hot_cache, "RESERVE_BYTES", 1 << 62)
    assert fill("a") == {}
    assert [event["event"] for event in events] == ["hot_no_room"]
    monkeypatch.setattr(hot_cache, "RESERVE_BYTES", 0)
    replace = Path.replace

    def full(self: Path, target: Path) -> Path:
        if target.name == "a":
            raise OSError(errno.ENOSPC, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", full)
    assert list(fill("a", "b")) == ["k/vae/b"]
    assert there(cache) == ["k/vae/b"]


def test_a_folder_that_cannot_be_used_is_told(models_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentError_):
        HotCache(tmp_path / "file", models_dir, lambda _: None).fill(Order(KEY, "m", 1, (), {}))


def test_a_file_that_is_still_written_is_told(
    fill: Fill, cache: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hot_cache, "TELL_EVERY_S", 0)

    def write_on(event: dict[str, Any]) -> None:
        with (models_dir / "vae" / "a").open("ab") as file:
            file.write(b"more")

    order = Order(KEY, "m", 10_000, (Wanted("vae/a", "/host/a", None),), {})
    with pytest.raises(ModelError) as caught:
        HotCache(cache, models_dir, write_on).fill(order)
    assert (caught.value.code, caught.value.retryable) == ("model_changed", True)
    assert there(cache) == []
