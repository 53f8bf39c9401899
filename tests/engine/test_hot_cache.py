"""The hot cache with real Docker and real ComfyUI: what is copied, checked, read and thrown out."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from hal_image import container
from hal_image.host.docker import program
from tests import synthetic
from tests.world import QUICK, SD15, Hal, docker, identity, pixels

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.docker_only("the local engine reads models where they are")

MORE = {"first": "first.safetensors", "second": "second.safetensors"}
"""Two more models, each of one file as large as the other's."""


@pytest.fixture
def cold(lone_hal: Hal, tmp_path: Path) -> Iterator[Hal]:
    """The command line with models of its own and nothing in a hot cache, which is gone afterwards."""
    checkpoints = tmp_path / "models" / "checkpoints"
    checkpoints.mkdir(parents=True)
    for name in (SD15, *MORE.values()):
        synthetic.write_sd15(checkpoints / name)
    registry = yaml.safe_load(Path(lone_hal.environment["HAL_REGISTRY"]).read_text())
    for name, file in MORE.items():
        model = json.loads(json.dumps(registry["models"]["sd15"]))
        model["files"][0]["name"] = file
        model["files"][0]["bytes"] = (checkpoints / file).stat().st_size
        model["files"][0]["sha256"] = hashlib.sha256((checkpoints / file).read_bytes()).hexdigest()
        registry["models"][name] = model
    (tmp_path / "own.yaml").write_text(json.dumps(registry))
    for folder in (tmp_path, *tmp_path.parents):  # root's container is somebody else
        if folder.stat().st_uid == os.getuid() and folder.is_relative_to("/tmp/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    hal = Hal(
        {
            **lone_hal.environment,
            "HAL_MODELS_DIR": str(tmp_path / "models"),
            "HAL_REGISTRY": str(tmp_path / "own.yaml"),
            "HAL_HOT_CACHE": "1GB",
        },
        lone_hal.cwd,
    )
    before = set(volumes())
    yield hal
    hal("stop", "--force", code=None)
    for volume in set(volumes()) - before:
        if mine(volume):
            docker("volume", "rm", volume)


def volumes() -> list[str]:
    return docker("volume", "ls", "--quiet", "--filter", "name=hal8000-hot-").split()


def mine(volume: str) -> bool:
    """Whether a volume is of no other test run's: its containers would keep it."""
    return not docker("ps", "--all", "--quiet", "--filter", f"volume={volume}")


def draw(hal: Hal, *more: str, model: str = "first", code: int = 0) -> dict[str, Any]:
    quick = [*QUICK[2:], "-m", model]
    answer: dict[str, Any] = hal("-p", "x", *quick, "-o", "x.png", "--json", *more, code=code).json
    return answer


def inside(hal: Hal, code: str) -> Any:
    """What a piece of Python in the serving container prints, which is JSON."""
    name = hal.engine()["container"]["id"]
    return json.loads(docker("exec", name, container.PYTHON, "-c", f"import json, os, pathlib\n{code}"))


def hot(hal: Hal) -> dict[str, str]:
    """The names of the files in the cache, with their digests."""
    found: dict[str, str] = inside(
        hal,
        """
import hashlib
print(json.dumps({path.name: hashlib.sha256(path.read_bytes()).hexdigest()
                  for path in pathlib.Path("/hot").rglob("*.safetensors")}))
""",
    )
    return found


def source(hal: Hal, model: str) -> Path:
    return Path(hal.environment["HAL_MODELS_DIR"], "checkpoints", MORE[model])


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_model_is_copied_and_verified_once(cold: Hal, tmp_path: Path) -> None:
    (tmp_path / "docker").write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/log\nexec {program.require()} "$@"\n')
    (tmp_path / "docker").chmod(0o755)
    told = Hal({**cold.environment, "HAL_DOCKER": str(tmp_path / "docker")}, cold.cwd)
    run = told("-p", "x", *QUICK[2:], "-m", "first", "-o", "x.png", "--json")
    first = run.json["data"]["engine"]
    assert "is in the hot cache, verified" in run.err
    assert hot(cold) == {MORE["first"]: digest(source(cold, "first"))}
    (tmp_path / "log").unlink()
    again = draw(told)["data"]
    assert (identity(again["engine"]), again["engine"]["reused"]) == (identity(first), True)
    assert again["timings"]["prepare_s"] == 0
    called = [line.split()[0] for line in (tmp_path / "log").read_text().splitlines()]
    assert sorted(called) == ["exec", "image"], "nothing more than without a hot cache"


def test_comfyui_reads_the_copy(cold: Hal) -> None:
    def drawn(*more: str) -> bytes:
        answer = draw(cold, "--seed", "1", *more)
        cold("stop")  # so that the next one reads the file
        return pixels(answer["data"]["images"][0]["path"])

    whole = drawn()
    path = source(cold, "first")
    info, raw = path.stat(), path.read_bytes()
    header = 8 + int.from_bytes(raw[:8], "little")
    path.write_bytes(raw[:header] + bytes(len(raw) - header))
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))  # zeros, which nobody can tell from outside
    assert drawn() == whole
    assert drawn("--hot-cache", "0") != whole


def test_calls_at_once_copy_once(cold: Hal) -> None:
    cold("serve")
    calls = [cold.start("-p", "x", *QUICK[2:], "-m", "first", "-o", f"{index}.png") for index in range(3)]
    said = [call.communicate(timeout=200)[1].decode() for call in calls]
    assert [call.returncode for call in calls] == [0, 0, 0], said
    assert sum("is in the hot cache, verified" in text for text in said) == 1, said
    assert set(hot(cold)) == {MORE["first"]}


def test_the_least_recently_used_makes_room(cold: Hal) -> None:
    size = source(cold, "first").stat().st_size
    limit = ("--hot-cache", f"{size * 1.5 / 1e6}MB")
    draw(cold, *limit)
    draw(cold, *limit, model="second")
    assert set(hot(cold)) == {MORE["second"]}
    both = ("--hot-cache", f"{size * 2.5 / 1e6}MB")
    draw(cold, *both)
    draw(cold, *both, model="second")
    assert set(hot(cold)) == set(MORE.values())
    draw(cold, *both)  # so that the second is the one that was used longest ago
    draw(cold, *limit)
    assert set(hot(cold)) == {MORE["first"]}


def test_a_model_larger_than_the_limit_is_read_where_it_is(cold: Hal) -> None:
    answer = draw(cold, "--hot-cache", "0.01MB")
    assert [warning["code"] for warning in answer["warnings"]] == ["hot_cache_too_small"]
    assert hot(cold) == {}


def test_a_changed_source_is_copied_anew(cold: Hal) -> None:
    draw(cold, model="sd15")
    path = Path(cold.environment["HAL_MODELS_DIR"], "checkpoints", SD15)
    before = digest(path)
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    draw(cold, model="sd15")
    assert hot(cold) == {SD15: digest(path)} != {SD15: before}
    path.unlink()
    draw(cold)
    assert set(hot(cold)) == {MORE["first"]}


def test_a_damaged_source_is_refused(cold: Hal) -> None:
    path = source(cold, "first")
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    error = draw(cold, code=4)["error"]
    assert error["code"] == "model_corrupt"
    assert str(path) in error["message"]
    assert "models verify first" in error["hint"]
    assert hot(cold) == {}
    cold("models", "verify", "first", code=None)  # which remembers it as it is
    warnings = draw(cold)["warnings"]
    assert [warning["code"] for warning in warnings] == ["model_digest_differs"]
    assert hot(cold) == {MORE["first"]: digest(path)}


def test_the_copies_are_the_containers_and_it_cannot_write_them(cold: Hal) -> None:
    draw(cold)
    seen = inside(
        cold,
        """
(file,) = pathlib.Path("/hot").rglob("*.safetensors")
def refused(path):
    try:
        open(path, "r+b").close()
    except OSError:
        return True
    return False
read_only = os.statvfs("/hot").f_flag & os.ST_RDONLY
print(json.dumps({"own": file.stat().st_uid == os.getuid(), "refused": refused(file), "mount": read_only}))
""",
    )
    assert seen == {"own": True, "refused": True, "mount": 1}


def test_switching_it_off_replaces_the_container(cold: Hal) -> None:
    first = draw(cold)["data"]["engine"]
    second = draw(cold, "--hot-cache", "0")["data"]["engine"]
    assert (second["reused"], identity(second) != identity(first)) == (False, True)
    mounts = json.loads(docker("container", "inspect", second["container"]["id"]))[0]["Mounts"]
    assert {mount["Destination"] for mount in mounts} == {"/models", "/spool"}


def test_a_volume_that_was_removed_is_filled_anew(cold: Hal) -> None:
    draw(cold)
    mounts = json.loads(docker("container", "inspect", cold.engine()["container"]["id"]))[0]["Mounts"]
    (volume,) = [mount["Name"] for mount in mounts if mount["Destination"] == "/hot"]
    assert docker("volume", "inspect", "--format", '{{index .Labels "hal8000.owner"}}', volume)
    told = {check["name"]: check["found"] for check in cold("doctor", "--json", code=None).json["data"]["checks"]}
    assert volume in told["hot cache"]
    cold("stop")
    docker("volume", "rm", volume)
    draw(cold)
    assert set(hot(cold)) == {MORE["first"]}
