from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from hal_image.errors import EnvironmentError_
from hal_image.host.docker import commands
from hal_image.host.docker.commands import Container, Host

USER = Host(podman=False, rootless=False, uid=1000, gid=1001, memory_bytes=10 * 2**30, selinux=False)
CONTAINER = Container(
    name="hal8000-a-b",
    owner="a",
    key="b-docker",
    image="sha256:1",
    models_dir=Path("/models"),
    folder=Path("/state/engines/b-docker"),
    cpu=False,
    gpu="all",
    keep_alive_s=300.0,
)


def values(arguments: list[str], option: str) -> list[str]:
    return [arguments[index + 1] for index, word in enumerate(arguments) if word == option]


def test_everything_that_seals_it_is_there() -> None:
    arguments = commands.run(CONTAINER, USER)
    assert values(arguments, "--network") == ["none"]
    assert values(arguments, "--cap-drop") == ["ALL"]
    assert values(arguments, "--security-opt") == ["no-new-privileges"]
    assert values(arguments, "--user") == ["1000:1001"]
    assert values(arguments, "--pull") == ["never"]
    assert {"--read-only", "--rm", "--detach"} <= set(arguments)
    assert not {"--publish", "-p", "--privileged", "--volume", "-v", "--env", "-e", "--userns"} & set(arguments)
    assert values(arguments, "--mount") == [
        "type=bind,source=/models,target=/models,readonly",
        "type=bind,source=/state/engines/b-docker,target=/spool",
    ]
    assert arguments[arguments.index("sha256:1") :] == ["sha256:1", "serve", "--keep-alive", "300"]


@pytest.mark.parametrize(
    ("host", "user", "userns"),
    [
        (USER, "1000:1001", []),
        (USER._replace(uid=0, gid=0), "65532:65532", []),  # root's model code is nobody's
        (USER._replace(rootless=True), "0:0", []),  # which is the caller
        (USER._replace(podman=True, rootless=True), "1000:1001", ["keep-id"]),
        (USER._replace(podman=True), "1000:1001", []),
        (USER._replace(podman=True, uid=0, gid=0), "65532:65532", []),
    ],
)
def test_files_are_the_callers_whatever_the_engine(host: Host, user: str, userns: list[str]) -> None:
    arguments = commands.run(CONTAINER, host)
    assert values(arguments, "--user") == [user]
    assert values(arguments, "--userns") == userns
    uid, gid = user.split(":")
    assert f"/run/hal:rw,noexec,nosuid,nodev,mode=0700,uid={uid},gid={gid}" in values(arguments, "--tmpfs")


@pytest.mark.parametrize(
    ("cpu", "gpu", "podman", "expected"),
    [
        (True, "none", False, []),
        (False, "all", False, ["--gpus", "all"]),
        (False, "1", False, ["--gpus", '"device=1"']),
        (False, "0,2", False, ["--gpus", '"device=0,2"']),
        (False, "all", True, ["--device", "nvidia.com/gpu=all"]),
        (False, "0,2", True, ["--device", "nvidia.com/gpu=0", "--device", "nvidia.com/gpu=2"]),
    ],
)
def test_gpus(cpu: bool, gpu: str, podman: bool, expected: list[str]) -> None:
    arguments = commands.run(CONTAINER._replace(cpu=cpu, gpu=gpu), USER._replace(podman=podman))
    options = arguments[: arguments.index("sha256:1")]
    found = [
        word
        for index, word in enumerate(options)
        if word in {"--gpus", "--device"} or options[index - 1] in {"--gpus", "--device"}
    ]
    assert found == expected
    assert ("--cpu" in arguments) is cpu


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (USER, ["9216m"]),
        (USER._replace(memory_bytes=0), []),
        (USER._replace(rootless=True), []),
    ],
)
def test_memory(host: Host, expected: list[str]) -> None:
    assert values(commands.run(CONTAINER, host), "--memory") == expected


def test_selinux_lets_it_read_without_relabelling() -> None:
    arguments = commands.run(CONTAINER, USER._replace(selinux=True))
    assert values(arguments, "--security-opt") == ["no-new-privileges", "label=disable"]


@pytest.mark.parametrize(
    "path", ["/plain", "/a b", "/a,b", '/a"b', '/a","b', "/a:b", "/it's", "/ünï/模型", "/a=b", "/ä,'\":=", "/D:/x"]
)
def test_any_path_comes_out_of_the_csv_as_it_went_in(path: str) -> None:
    (fields,) = csv.reader([commands.bind(Path(path), "/models", read_only=True)])
    assert fields == ["type=bind", f"source={path}", "target=/models", "readonly"]


@pytest.mark.parametrize("path", [b"/a\nb", b"/a\rb", b"/ends in space ", b"/latin\xe9"])
def test_what_docker_cannot_be_told_is_refused(path: bytes) -> None:
    with pytest.raises(EnvironmentError_) as caught:
        commands.bind(Path(os.fsdecode(path)), "/models")
    assert caught.value.code == "docker_path_unusable"


def test_the_line_to_an_engine() -> None:
    assert commands.submit("name") == ["exec", "--interactive", "name", "/opt/hal/submit"]
    assert commands.submit("name", 5) == ["exec", "--interactive", "name", "/opt/hal/submit", "5"]


def test_the_hot_cache_is_read_only_for_the_engine() -> None:
    arguments = commands.run(CONTAINER._replace(hot=("hal8000-hot-a", "b")), USER)
    assert values(arguments, "--mount")[-1] == "type=volume,source=hal8000-hot-a,target=/hot,readonly"
    assert values(arguments, "--hot") == ["/hot/b"]


@pytest.mark.parametrize(("host", "user"), [(USER, "1000:1001"), (USER._replace(uid=0, gid=0), "65532:65532")])
def test_what_fills_the_hot_cache_is_sealed_as_the_engine_is(host: Host, user: str) -> None:
    arguments = commands.hot("sha256:1", "hal8000-hot-a", Path("/m"), host)
    assert values(arguments, "--network") == ["none"]
    assert values(arguments, "--cap-drop") == ["ALL"]
    assert values(arguments, "--security-opt") == ["no-new-privileges"]
    assert values(arguments, "--user") == [user]
    assert values(arguments, "--pull") == ["never"]
    assert {"--read-only", "--rm", "--interactive"} <= set(arguments)
    assert not {"--gpus", "--device", "--env", "--detach", "--label"} & set(arguments)
    assert values(arguments, "--mount") == [
        "type=bind,source=/m,target=/models,readonly",
        "type=volume,source=hal8000-hot-a,target=/hot",
    ]
    assert arguments[-2:] == ["sha256:1", "hot"]


def test_the_volume_says_whose_it_is() -> None:
    assert commands.make_volume("hal8000-hot-a", "a") == [
        "volume", "create", "--label", "hal8000.owner=a", "hal8000-hot-a",
    ]  # fmt: skip
