"""A packed model as a file: whole, sparse, right, or not there at all."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

from hal_image.errors import EXIT_ENVIRONMENT, EXIT_MODEL, EnvironmentError_, ModelError, TimeoutError_
from hal_image.locking import try_lock
from hal_image.models import unpack
from hal_image.models.safetensors_header import read_header
from tests.synthetic.packing import quantised, reference, write_packed

if TYPE_CHECKING:
    from tests.synthetic.packing import Arrays

ROOT = Path(unpack.__file__).parents[2]


class Packed(NamedTuple):
    """A packed model and the checkpoint that it must become."""

    source: Path
    whole: bytes
    lock: Path

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.whole).hexdigest()

    def unpack(self, target: Path, **changes: Any) -> bool:
        options: dict[str, Any] = {"size": len(self.whole), "sha256": self.sha256, "lock": self.lock}
        return unpack.unpack(self.source, target, **{**options, **changes})


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    """37 MB, of which next to nothing is not zero."""
    folder = tmp_path_factory.mktemp("packed")
    values = np.random.default_rng(3).standard_normal((4, 256), dtype=np.float32)
    rows, scales = quantised(values)
    arrays: Arrays = {"X": rows, "X.scale": scales, "H": values[:1].astype(np.float16)}
    tokens = {"from": "X", "pick": [0, 1, 2, 3], "at": [7, 4000, 20_000, 49_000]}
    plan: list[dict[str, Any]] = [
        {"key": "norm", "dtype": "F32", "shape": [3], "fill": 1, "parts": []},
        {"key": "tokens", "dtype": "F16", "shape": [49408, 384], "parts": [tokens]},
        {"key": "bias", "dtype": "F16", "shape": [256], "parts": [{"from": "H"}]},
    ]
    write_packed(folder / "weights.safetensors", arrays, plan)
    return Packed(folder / "weights.safetensors", reference(arrays, plan), folder / "lock")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "models" / "checkpoints" / "x.safetensors"


def names(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())


# --- written


def test_the_checkpoint_is_numpys_and_the_folder_has_nothing_else(model: Packed, target: Path) -> None:
    assert model.unpack(target) is True
    assert target.read_bytes() == model.whole
    assert list(read_header(target).tensors) == ["norm", "tokens", "bias"]
    assert names(target) == ["x.safetensors"]


def test_zeros_take_no_room(model: Packed, target: Path) -> None:
    model.unpack(target)
    probe = target.with_name("probe")
    with probe.open("wb") as file:
        file.truncate(1 << 20)
    if probe.stat().st_blocks:
        pytest.skip("this file system has no holes")
    assert target.stat().st_size > 37_000_000
    assert target.stat().st_blocks * 512 < 200_000


def test_rights_are_those_of_any_new_file(model: Packed, target: Path) -> None:
    before = os.umask(0o027)
    try:
        model.unpack(target)
    finally:
        os.umask(before)
    assert target.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("kind", ["file", "link", "link to nowhere"])
def test_what_is_there_is_replaced_and_a_links_end_is_not_touched(model: Packed, target: Path, kind: str) -> None:
    target.parent.mkdir(parents=True)
    other = target.with_name("other")
    if kind != "link to nowhere":
        other.write_text("mine")
    if kind == "file":
        other.rename(target)
    else:
        target.symlink_to(other)
    model.unpack(target)
    assert not target.is_symlink()
    assert target.read_bytes() == model.whole
    if kind == "link":
        assert other.read_text() == "mine"


def test_what_is_there_with_the_right_size_is_left_alone(model: Packed, target: Path) -> None:
    # another process was quicker: that is what the second look under the lock is for
    target.parent.mkdir(parents=True)
    target.write_bytes(bytes(len(model.whole)))
    assert model.unpack(target) is False
    assert not any(target.read_bytes()[:100])


# --- not written


def test_another_digest_than_the_registrys(model: Packed, target: Path) -> None:
    with pytest.raises(ModelError) as raised:
        model.unpack(target, sha256="0" * 64)
    error = raised.value
    assert (error.code, error.exit_code) == ("bundled_model_damaged", EXIT_MODEL)
    assert "SHA-256" in error.message
    assert str(model.source) in error.message
    assert names(target) == []


def test_another_size_than_the_registrys(model: Packed, target: Path) -> None:
    with pytest.raises(ModelError, match=r"makes a file of 37,946,\d\d\d bytes, not 37") as raised:
        model.unpack(target, size=len(model.whole) + 1)
    assert raised.value.code == "bundled_model_damaged"
    assert names(target) == []


def test_a_package_without_the_weights(model: Packed, target: Path) -> None:
    with pytest.raises(ModelError, match="No such file") as raised:
        unpack.unpack(model.source.with_name("gone"), target, size=1, sha256="", lock=model.lock)
    assert raised.value.code == "bundled_model_damaged"


def failing(monkeypatch: pytest.MonkeyPatch, number: int, after: int) -> None:
    """Writing works ``after`` times and then fails."""
    real = os.pwrite
    left = iter(range(after))

    def pwrite(descriptor: int, data: bytes, place: int) -> int:
        if next(left, None) is None:
            raise OSError(number, os.strerror(number))
        return real(descriptor, data, place)

    monkeypatch.setattr(os, "pwrite", pwrite)


@pytest.mark.parametrize("after", [0, 3])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk(model: Packed, target: Path, monkeypatch: pytest.MonkeyPatch, number: int, after: int) -> None:
    target.parent.mkdir(parents=True)
    target.write_text("an older one")
    failing(monkeypatch, number, after)
    with pytest.raises(EnvironmentError_) as raised:
        model.unpack(target)
    error = raised.value
    assert (error.code, error.exit_code) == ("disk_full", EXIT_ENVIRONMENT)
    assert "--models-dir" in error.hint
    assert names(target) == ["x.safetensors"]
    assert target.read_text() == "an older one"


def test_a_full_disk_that_shows_when_it_is_flushed(
    model: Packed, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fsync(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(EnvironmentError_, match="No space left"):
        model.unpack(target)
    assert names(target) == []


def test_a_disk_that_takes_a_little_at_a_time(model: Packed, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda descriptor, data, place: real(descriptor, data[:100], place))
    model.unpack(target)
    assert target.read_bytes() == model.whole


def test_a_failure_of_the_disk(model: Packed, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, errno.EIO, 1)
    with pytest.raises(EnvironmentError_) as raised:
        model.unpack(target)
    assert raised.value.code == "models_dir_unwritable"
    assert names(target) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_rights(model: Packed, target: Path) -> None:
    target.parent.mkdir(parents=True)
    target.parent.chmod(0o500)
    with pytest.raises(EnvironmentError_) as raised:
        model.unpack(target)
    assert raised.value.code == "models_dir_unwritable"


def test_a_models_folder_that_is_read_only(model: Packed, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def read_only(path: Any, flags: int, mode: int = 0o777) -> int:
        if str(path).startswith(str(target.parent)):
            raise OSError(errno.EROFS, "Read-only file system")
        return real(path, flags, mode)

    monkeypatch.setattr(os, "open", read_only)
    with pytest.raises(EnvironmentError_, match="Read-only file system") as raised:
        model.unpack(target)
    assert (raised.value.code, raised.value.exit_code) == ("models_dir_unwritable", EXIT_ENVIRONMENT)
    assert "HAL_MODELS_DIR" in raised.value.hint


def test_a_file_in_place_of_the_folder(model: Packed, target: Path) -> None:
    target.parent.parent.write_text("not a folder")
    with pytest.raises(EnvironmentError_) as raised:
        model.unpack(target)
    assert raised.value.code == "models_dir_unwritable"


def test_an_interrupted_run_leaves_nothing(model: Packed, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(path: Path) -> str:
        assert len(names(target)) == 1  # the part, which is about to be read back
        raise KeyboardInterrupt

    monkeypatch.setattr(unpack, "sha256_of", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.unpack(target)
    assert names(target) == []


# --- several processes

CODE = """
import os, sys, time
from pathlib import Path
from hal_image.models import unpack
source, target, size, sha256, lock, pause = sys.argv[1:]
if pause:
    real = unpack.sha256_of
    def slow(path):
        Path(pause).touch()
        time.sleep(60)
        return real(path)
    unpack.sha256_of = slow
print(unpack.unpack(Path(source), Path(target), size=int(size), sha256=sha256, lock=Path(lock)))
"""


def process(model: Packed, target: Path, pause: Path | None = None) -> subprocess.Popen[str]:
    """Another process that does it; with ``pause`` it makes that file and stops before the end."""
    arguments = [str(model.source), str(target), str(len(model.whole)), model.sha256, str(model.lock)]
    command = [sys.executable, "-c", CODE, *arguments, "" if pause is None else str(pause)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(path: Path) -> None:
    end = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_of_several_processes_one_writes(model: Packed, target: Path) -> None:
    processes = [process(model, target) for _ in range(3)]
    answers = [one.communicate(timeout=60) for one in processes]
    assert sorted(out.strip() for out, _ in answers) == ["False", "False", "True"], answers
    assert target.read_bytes() == model.whole
    assert names(target) == ["x.safetensors"]


def test_what_a_killed_run_left_is_removed_and_its_work_done_again(model: Packed, target: Path, tmp_path: Path) -> None:
    killed = process(model, target, tmp_path / "paused")
    wait_for(tmp_path / "paused")
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=30)
    (left,) = names(target)
    assert left.startswith(".x.safetensors.part-")
    assert model.unpack(target) is True
    assert names(target) == ["x.safetensors"]
    assert target.read_bytes() == model.whole


def test_what_somebody_with_another_lock_still_writes_is_left_alone(
    model: Packed, target: Path, tmp_path: Path
) -> None:
    # two state directories, one models folder: each makes its own, and the last one stays
    other = process(model._replace(lock=tmp_path / "other lock"), target, tmp_path / "paused")
    try:
        wait_for(tmp_path / "paused")
        assert model.unpack(target) is True
        assert len(names(target)) == 2
    finally:
        other.kill()
        other.communicate(timeout=30)


def test_waiting_is_told_and_has_an_end(model: Packed, target: Path, tmp_path: Path) -> None:
    lock = try_lock(tmp_path / "lock")
    assert lock is not None
    told: list[int | None] = []
    with lock, pytest.raises(TimeoutError_):
        model.unpack(target, lock=tmp_path / "lock", on_wait=told.append, timeout=0.05)
    assert told == [os.getpid()]
    assert not target.exists()


def test_one_that_waited_for_a_failure_does_it_itself(model: Packed, target: Path, tmp_path: Path) -> None:
    lock = try_lock(tmp_path / "lock")
    assert lock is not None
    threading.Timer(0.1, lock.release).start()
    assert model.unpack(target, lock=tmp_path / "lock") is True
