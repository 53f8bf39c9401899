from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from hal_image import mounts
from hal_image.engine import read_ahead
from hal_image.engine.read_ahead import SPARE_BYTES, ReadAhead, files_of, worth_reading
from hal_image.mounts import Mount

if TYPE_CHECKING:
    from pathlib import Path

DISK = Mount("/dev/sda1", "/", "ext4", "rw")
WINDOWS = Mount("D:\\", "/mnt/d", "9p", "rw,aname=drvfs;path=D:\\")


@pytest.fixture
def models(tmp_path: Path) -> Path:
    for name in ("hot/checkpoints/a.safetensors", "models/checkpoints/a.safetensors", "models/vae/sub/b.safetensors"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 1000)
    return tmp_path


def graph(*names: object) -> dict[str, Any]:
    return {str(number): {"class_type": "Loader", "inputs": {"name": name}} for number, name in enumerate(names)}


def folders(models: Path) -> list[Path]:
    return [models / "hot/checkpoints", models / "models/checkpoints", models / "models/vae"]


def test_the_files_of_a_graph_are_those_that_comfyui_opens(models: Path) -> None:
    wanted = graph("sub/b.safetensors", "a.safetensors", "gone.safetensors", 7, ["1", 0], "a.safetensors", "a.txt")
    assert files_of(wanted, folders(models)) == [
        models / "models/vae/sub/b.safetensors",
        models / "hot/checkpoints/a.safetensors",
    ]


@pytest.mark.parametrize(
    "hostile", ["../vae/sub/b.safetensors", "x\0.safetensors", "n" * 5000 + ".safetensors", "/etc/x.safetensors"]
)
def test_a_name_that_leads_elsewhere_is_no_file(models: Path, hostile: str) -> None:
    assert files_of(graph(hostile), folders(models)) == []


@pytest.mark.parametrize("broken", [{"1": None}, {"1": {"inputs": None}}, {"1": {}}])
def test_what_is_no_graph_names_none(models: Path, broken: dict[str, Any]) -> None:
    assert files_of(broken, folders(models)) == []


def test_only_what_fits_into_memory_is_read(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounts, "mount_here", lambda path: DISK)
    files = files_of(graph("a.safetensors", "sub/b.safetensors"), folders(models))
    assert worth_reading(files, SPARE_BYTES + 2000) == files
    assert worth_reading(files, SPARE_BYTES + 1999) == files[:1]
    assert worth_reading(files, SPARE_BYTES) == []
    assert worth_reading(files, None) == []


@pytest.mark.parametrize("mount", [WINDOWS, Mount("host:/x", "/x", "nfs4", "rw"), None])
def test_a_disk_of_another_machine_is_left_alone(
    models: Path, monkeypatch: pytest.MonkeyPatch, mount: Mount | None
) -> None:
    monkeypatch.setattr(mounts, "mount_here", lambda path: mount)
    assert worth_reading([models / "models/checkpoints/a.safetensors"], 2 * SPARE_BYTES) == []


def test_the_first_job_of_each_boot_is_read_for(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounts, "mount_here", lambda path: DISK)
    monkeypatch.setattr(read_ahead, "available_memory", lambda: 2 * SPARE_BYTES)
    told: list[str] = []
    ahead = ReadAhead(folders(models), told.append)

    def begin(name: str) -> list[str]:
        ahead.begin(graph(name))
        for thread in threading.enumerate():
            if thread.name == "read ahead":
                thread.join()
        return [line.split(" in ")[0] for line in told]

    assert begin("gone.safetensors") == []
    assert begin("a.safetensors") == [], "there was a job before it"
    ahead.booted()
    assert begin("a.safetensors") == ["read 0 MB of models ahead"]


def test_memory_is_told_by_the_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = tmp_path / "meminfo"
    monkeypatch.setattr(read_ahead, "MEMORY", told)
    assert read_ahead.available_memory() is None
    told.write_text("MemTotal: 9 kB\nMemAvailable:    5 kB\n")
    assert read_ahead.available_memory() == 5120
