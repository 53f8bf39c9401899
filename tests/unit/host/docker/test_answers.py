"""What Docker and NVIDIA's tools say, as they were seen saying it: here and in public bug reports."""

from __future__ import annotations

import json

import pytest

from hal_image.errors import EnvironmentError_
from hal_image.host.docker import answers
from hal_image.host.docker.program import Answer

CREATE = "docker: Error response from daemon: failed to create task for container: failed to create shim task: OCI "
HOOK = (
    "runtime create failed: runc create failed: unable to start container process: error during container init: error "
    "running prestart hook #0: exit status 1, stdout: , stderr: Auto-detected mode as 'legacy'\n"
)


def failed(err: str, code: int = 125) -> Answer:
    return Answer(code, "", err)


@pytest.mark.parametrize(
    ("said", "code", "fix"),
    [
        (
            'docker: Error response from daemon: could not select device driver "" with capabilities: [[gpu]].',
            "docker_gpu_runtime_missing",
            "nvidia-container-toolkit",
        ),
        (
            "Error: setting up CDI devices: unresolvable CDI devices nvidia.com/gpu=all",
            "docker_gpu_runtime_missing",
            "nvidia-container-toolkit",
        ),
        (
            (
                f"{CREATE}{HOOK}nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.1, please "
                "update your driver to a newer version, or use an earlier cuda container: unknown."
            ),
            "gpu_driver_too_old",
            "update the NVIDIA driver",
        ),
        (f"{CREATE}{HOOK}nvidia-container-cli: device error: 7: unknown device: unknown.", "gpu_not_found", "--gpu"),
        (
            f"{CREATE}{HOOK}nvidia-container-cli: initialization error: nvml error: driver not loaded: unknown.",
            "gpu_unusable",
            "nvidia-smi",
        ),
        (
            (
                f"{CREATE}{HOOK}nvidia-container-cli: initialization error: WSL environment detected but no "
                "adapters were found: unknown."
            ),
            "gpu_not_found",
            "--gpu",
        ),
        (
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
            "docker_not_running",
            "start",
        ),
        (
            (
                "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: "
                'Get "http://%2Fvar%2Frun%2Fdocker.sock/v1.24/version": dial unix /var/run/docker.sock: connect: '
                "permission denied"
            ),
            "docker_permission",
            "docker",
        ),
        ("docker: Error response from daemon: mkdir /x: no space left on device.", "disk_full", "docker system df"),
        (
            (
                'docker: Error response from daemon: invalid mount config for type "bind": bind source path does not '
                "exist: /mnt/d/models."
            ),
            "docker_path_unusable",
            "share",
        ),
        ("docker: Error response from daemon: something new.", "docker_failed", "doctor"),
        ("", "docker_failed", "doctor"),
    ],
)
def test_failures_have_a_code_and_a_fix_of_one_line(said: str, code: str, fix: str) -> None:
    error = answers.failure(failed(said))
    assert (error.code, error.exit_code) == (code, 3)
    assert fix in error.hint
    assert "\n" not in error.message + error.hint


def test_what_is_not_known_is_passed_on() -> None:
    error = answers.failure(failed("first\ndocker: Error response from daemon: something new."))
    assert error.message == "Docker failed: docker: Error response from daemon: something new."
    assert "first" in error.details["docker"]


def test_the_programs_help_is_no_reason() -> None:
    said = "docker: Error response from daemon: something new.\n\nRun 'docker run --help' for more information"
    assert answers.failure(failed(said)).message == "Docker failed: docker: Error response from daemon: something new."


def test_a_name_that_is_taken() -> None:
    said = (
        'docker: Error response from daemon: Conflict. The container name "/hal8000-a-b" is already in use by '
        'container "1f". You have to remove (or rename) that container to be able to reuse that name.'
    )
    assert answers.is_name_taken(failed(said))
    assert not answers.is_name_taken(failed("docker: Error response from daemon: something new."))
    assert not answers.is_name_taken(Answer(0, "1f", ""))


def test_silence_is_told() -> None:
    assert "in time" in answers.failure(failed("", -9)).message


def test_two_failures_do_not_share_their_details() -> None:
    first, second = (answers.failure(failed(f"no space left on device: {name}")) for name in "ab")
    assert first.details != second.details


@pytest.mark.parametrize(
    "said",
    [
        "Error response from daemon: no such image: x: No such image: x:latest",
        "Error: No such image: x",
        "Error: inspecting object: x: image not known",
    ],
)
def test_an_image_that_is_not_there(said: str) -> None:
    with pytest.raises(EnvironmentError_) as caught:
        answers.image(failed(said, 1), "x", "./build-image.sh --tag x")
    assert caught.value.code == "docker_image_missing"
    assert "./build-image.sh --tag x" in caught.value.hint


def test_a_daemon_that_is_not_there_is_no_missing_image() -> None:
    with pytest.raises(EnvironmentError_) as caught:
        answers.image(
            failed("Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?"), "x", ""
        )
    assert caught.value.code == "docker_not_running"


def test_facts_of_an_image() -> None:
    labels = {"hal8000.version": "0.1.0", "hal8000.cuda": "12.1"}
    image = answers.image(Answer(0, json.dumps({"id": "sha256:1", "labels": labels}), ""), "x", "")
    assert (image.id, image.tool_version, image.cuda) == ("sha256:1", "0.1.0", (12, 1))
    bare = answers.image(Answer(0, '{"id": "sha256:2", "labels": null}', ""), "x", "")
    assert (bare.tool_version, bare.cuda) == (None, ())


@pytest.mark.parametrize("out", ["", "nonsense", "[]", "null"])
def test_an_answer_that_is_none(out: str) -> None:
    with pytest.raises(EnvironmentError_) as caught:
        answers.engine(Answer(0, out, ""))
    assert caught.value.code == "docker_failed"


def test_engines() -> None:
    docker = {"MemTotal": 25276510208, "SecurityOptions": ["name=seccomp,profile=default"], "ServerVersion": "20.10.24"}
    found = answers.engine(Answer(0, json.dumps(docker), ""))
    assert (found.podman, found.rootless, found.memory_bytes) == (False, False, 25276510208)
    docker["SecurityOptions"] = ["name=seccomp,profile=builtin", "name=rootless", "name=cgroupns"]
    assert answers.engine(Answer(0, json.dumps(docker), "")).rootless
    podman = {
        "host": {"memTotal": 100, "security": {"rootless": True}, "distribution": {"distribution": "fedora"}},
        "version": {"Version": "4.9.4"},
    }
    assert answers.engine(Answer(0, json.dumps(podman), "")) == answers.Engine(
        podman=True, rootless=True, memory_bytes=100, version="4.9.4", system="fedora"
    )


def test_a_program_that_answers_without_its_engine() -> None:
    text = json.dumps({"ServerErrors": ["Cannot connect to the Docker daemon at unix:///var/run/docker.sock."]})
    with pytest.raises(EnvironmentError_) as caught:
        answers.engine(Answer(0, text, ""))
    assert caught.value.code == "docker_not_running"


def test_containers() -> None:
    out = "1f\thal8000-a-b\trunning\tb-docker\n2f\thal8000-a-c\texited\tc-docker\nnonsense"
    assert answers.containers(Answer(0, out, "")) == [
        answers.Found("1f", "hal8000-a-b", "running", "b-docker"),
        answers.Found("2f", "hal8000-a-c", "exited", "c-docker"),
    ]
    assert answers.containers(Answer(0, "", "")) == []


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("12.1", (12, 1)),
        ("12.8.1", (12, 8, 1)),
        ("535.104.05", (535, 104, 5)),
        ("unknown", ()),
        ("", ()),
        ("12.x", (12,)),
    ],
)
def test_numbers(version: str, expected: tuple[int, ...]) -> None:
    assert answers.numbers(version) == expected


@pytest.mark.parametrize(
    ("said", "gone"),
    [
        ("container a ended (Error response from daemon: No such container: a)", True),
        ('Error: no container with name or ID "a" found: no such container', True),
        ("container a ended (exit code 137)", False),
        ("Cannot connect to the Docker daemon", False),
    ],
)
def test_a_container_that_is_gone(said: str, gone: bool) -> None:
    assert answers.is_gone(said) is gone
