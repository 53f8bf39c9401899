"""build-image.sh with a stand-in for Docker: what it calls, when, and what it says when that fails."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "build-image.sh"
STAND_IN = r"""#!/bin/sh
cd "$STAND_IN"
echo "$*" >>calls
case "$1 ${2:-}" in
"info ") [ ! -e down ] || { cat down >&2; exit 1; } ;;
"buildx version") [ -e buildx ] ;;
"build --help") [ ! -e builtin ] || [ "$DOCKER_BUILDKIT" != 1 ] || echo "  --secret stringArray" ;;
"image inspect")
    case $4 in
    *inputs*) cat label 2>/dev/null ;;
    *.Size*) echo 5300000000 ;;
    *.Id*) [ -e label ] || exit 1; echo sha256:1234 ;;
    esac
    ;;
"build --tag")
    echo "$DOCKER_BUILDKIT" >builder
    for last; do :; done
    (cd "$OLDPWD/$last" && find . -type f | sort) >context
    [ ! -e broken ] || { cat broken; exit 1; }
    for word; do case $word in INPUTS=*) echo "${word#INPUTS=}" >label ;; esac; done
    ;;
"run --rm") cat selftest; [ ! -e failing ] ;;
esac
"""
PASSES = "ok    user: 10001:10001\nok    torch: 2.4.1+cu121, CUDA 12.1\n"


@dataclass(frozen=True)
class StandIn:
    folder: Path

    def __call__(self, *options: str, code: int = 0, **environment: str) -> str:
        """Runs the script; what it says."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HAL_", "PIP_"))}
        done = subprocess.run(
            [str(SCRIPT), *options],
            env={
                **kept,
                "HAL_DOCKER": str(self.folder / "docker"),
                "HAL_STATE_DIR": str(self.folder / "state"),
                "HAL_COMFYUI_GIT_URL": "file:///nowhere",
                "STAND_IN": str(self.folder),
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done
        return done.stdout + done.stderr

    def calls(self, first: str) -> list[str]:
        """The calls that begin so."""
        lines = (self.folder / "calls").read_text().splitlines() if (self.folder / "calls").exists() else []
        return [line for line in lines if line.startswith(first)]


@pytest.fixture
def build(tmp_path: Path) -> StandIn:
    (tmp_path / "docker").write_text(STAND_IN)
    (tmp_path / "docker").chmod(0o755)
    (tmp_path / "selftest").write_text(PASSES)
    return StandIn(tmp_path)


def test_it_builds_tests_and_says_so(build: StandIn) -> None:
    before = set((ROOT / "build").glob("image.*"))  # of builds that run beside us
    said = build()
    assert "ComfyUI's source: wheel" in said  # Git does not answer at file:///nowhere
    assert "sha256:1234, 5.30 GB" in said
    assert said.endswith("build-image: passed\n")
    (call,) = build.calls("build --tag")
    assert "--tag hal8000-image-gen:latest " in call
    assert "BASE_IMAGE=nvidia/cuda:12.1.1-base-ubuntu22.04@sha256:" in call
    for argument in ("LOCK=engine", "TORCH_VERSION=2.4.1", "CUDA_OF_TORCH=12.1", "HAL_COMFYUI_SOURCE=wheel"):
        assert f"--build-arg {argument} " in call
    (test,) = build.calls("run ")
    assert "--network none --read-only" in test
    assert test.endswith("sha256:1234 selftest")
    assert set((ROOT / "build").glob("image.*")) <= before, "the copy of the sources stays behind"


def test_an_unchanged_image_is_neither_built_nor_tested_again(build: StandIn) -> None:
    build()
    said = build()
    assert "nothing has changed" in said
    assert "has passed" in said
    assert (len(build.calls("build --tag")), len(build.calls("run "))) == (1, 1)


@pytest.mark.parametrize("option", [("--no-cache",), ("--base-image", "another"), ("--comfyui-source", "wheel")])
def test_it_builds_again_when_asked_to_or_something_is_else(build: StandIn, option: tuple[str, ...]) -> None:
    build()
    build(*option)
    assert len(build.calls("build --tag")) == 2


def test_a_test_that_failed_is_made_again(build: StandIn) -> None:
    (build.folder / "failing").touch()
    (build.folder / "selftest").write_text("FAIL  boot: too slow\n")
    said = build(code=3)
    assert "FAIL  boot: too slow" in said
    assert "hint: the lines that begin with FAIL" in said
    (build.folder / "failing").unlink()
    (build.folder / "selftest").write_text(PASSES)
    assert build().endswith("passed\n")
    assert (len(build.calls("build --tag")), len(build.calls("run "))) == (1, 2)


def test_another_torch_than_the_label_says_does_not_pass(build: StandIn) -> None:
    (build.folder / "selftest").write_text("ok    torch: 2.13.0+cpu, CUDA None\n")
    assert "another torch than its label says, 2.4.1 for CUDA 12.1" in build(code=3)


def test_options(build: StandIn, tmp_path: Path) -> None:
    (build.folder / "selftest").write_text("ok    torch: 2.9.1+cu128, CUDA 12.8\n")
    (tmp_path / "ca").write_text("a certificate")
    build(
        "--tag", "mine", "--cuda", "12.8", "--base-image", "debian:12", "--network", "host", "--comfyui-source", "git",
        "--ca-cert", str(tmp_path / "ca"),
    )  # fmt: skip
    (call,) = build.calls("build --tag")
    assert call.startswith("build --tag mine --network host ")
    for argument in ("BASE_IMAGE=debian:12", "LOCK=engine-cu128", "HAL_COMFYUI_SOURCE=git", "TORCH_VERSION=2.9.1"):
        assert f"--build-arg {argument} " in call
    assert "./ca.crt" in (build.folder / "context").read_text().splitlines()


def test_what_goes_to_the_builder(build: StandIn) -> None:
    build()
    sent = (build.folder / "context").read_text().splitlines()
    assert {"./Dockerfile", "./entrypoint.py", "./models.yaml", "./VERSION", "./hal_image/wire.py"} <= set(sent)
    assert "./ca.crt" not in sent
    assert not [name for name in sent if "__pycache__" in name or "/host/" in name or "/tests/" in name]


@pytest.mark.parametrize(("has", "expected"), [("none", "0"), ("buildx", "1"), ("builtin", "1")])
def test_the_builder(build: StandIn, has: str, expected: str) -> None:
    (build.folder / has).touch()
    build()
    assert (build.folder / "builder").read_text().strip() == expected


def test_a_password_is_in_no_list_of_processes(build: StandIn) -> None:
    said = build(
        PIP_INDEX_URL="https://me:secret@index.example.com/simple", https_proxy="http://me:secret@p.example.com"
    )
    (call,) = build.calls("build --tag")
    assert {"PIP_INDEX_URL", "https_proxy"} <= set(call.split())
    assert "secret" not in said + "".join(build.calls(""))


@pytest.mark.parametrize(
    ("output", "step", "hint"),
    [
        ("Step 4/52 : RUN pip\nSSLError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]'", "4/52 : RUN pip", "--ca-cert"),
        ("#9 [packages 3/4] RUN pip\n#9 1.2 No space left on device", "[packages 3/4] RUN pip", "disk is full"),
        ("Step 2/9 : FROM x\nGet https://registry-1: pull access denied for x", "2/9 : FROM x", "--base-image"),
        ("Step 3/9 : RUN pip\nTemporary failure in name resolution", "3/9 : RUN pip", "--network host"),
        ("Step 3/9 : RUN pip\nTHESE PACKAGES DO NOT MATCH THE HASHES", "3/9 : RUN pip", "PIP_INDEX_URL"),
        ("Step 3/9 : RUN x\nhint: do this\nTemporary failure resolving", "3/9 : RUN x", "hint: do this"),
        ("#9 [a 3/4] RUN x\n#8 [b 3/4] RUN y\n------\n > [a 3/4] RUN x:\n------\nboom", "[a 3/4]", "the lines above"),
        ("Step 3/9 : RUN x\n\033[91mhint: do this\n\033[0mThe command failed", "3/9 : RUN x", "hint: do this"),
        ("#9 [comfyui 3/4] RUN x\n#9 12.3 hint: do that", "[comfyui 3/4]", "hint: do that"),
        ("Step 3/9 : RUN x\nboom", "3/9 : RUN x", "the lines above say why"),
    ],
)  # fmt: skip
def test_a_build_that_fails_names_the_step_and_the_likely_fix(
    build: StandIn, output: str, step: str, hint: str
) -> None:
    (build.folder / "broken").write_text(output + "\n")
    *shown, failure, fix = build("--base-image", "x", code=3).splitlines()
    assert output.splitlines()[-1] in shown
    assert failure.startswith("build-image: the build failed at: ")
    assert step in failure
    assert hint in fix
    assert not build.calls("run ")


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        ("permission denied while trying to connect to the Docker daemon socket", "usermod -aG docker"),
        ("Cannot connect to the Docker daemon. Is the docker daemon running?", "systemctl start docker"),
    ],
)
def test_a_docker_that_does_not_answer(build: StandIn, answer: str, hint: str) -> None:
    (build.folder / "down").write_text(answer)
    assert hint in build(code=3)
    assert not build.calls("build --tag")


def test_no_docker(build: StandIn) -> None:
    assert "HAL_DOCKER" in build(code=3, HAL_DOCKER="/no/such/docker")


@pytest.mark.parametrize(
    "options",
    [
        ("--tags", "x"), ("x",), ("--tag",), ("--tag", ""), ("--cuda", "11.8"), ("--comfyui-source", "svn"),
        ("--ca-cert", "/no/such/file"),
    ],
)  # fmt: skip
def test_wrong_calls(build: StandIn, options: tuple[str, ...]) -> None:
    assert "hint: build-image.sh --help" in build(*options, code=2)
    assert not build.calls("")


def test_help(build: StandIn) -> None:
    told = build("--help")
    source = SCRIPT.read_text()
    for option in ("--tag", "--cuda", "--base-image", "--ca-cert", "--network", "--comfyui-source", "--no-cache"):
        assert f"\n  {option} " in told
        assert option in source.split("while [ $# -gt 0 ]")[1]
