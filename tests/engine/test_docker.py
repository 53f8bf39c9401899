"""What is peculiar to the Docker engine: that it is sealed, whose its files are, and what becomes of containers."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hal_image import container
from hal_image.host.docker import program
from hal_image.start import MODULES
from tests import synthetic
from tests.contract import schemas
from tests.engine.conftest import QUICK, SD15, SLOW, Hal, docker, identity

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.docker_only("containers")

OTHER_UID = 1234
ODD = 'mod els, "quoted": it\'s 模型'
"""A folder's name with everything that a command line or Docker's own syntax could trip over."""


def containers(hal: Hal) -> list[str]:
    """Ids of all containers that serve or served this ``hal``'s state directory, whatever their state."""
    state = str(Path(hal.environment["HAL_STATE_DIR"]).resolve())
    every = docker("ps", "--all", "--quiet", "--no-trunc", "--filter", "label=hal8000.owner").split()
    inspected = json.loads(docker("container", "inspect", *every)) if every else []
    return [one["Id"] for one in inspected if f"{state}/" in json.dumps(one["HostConfig"])]


def inspect(engine: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(docker("container", "inspect", engine["container"]["id"]))[0]
    return found


def inside(engine: dict[str, Any], code: str) -> Any:
    """What a piece of Python in the container prints, which is JSON."""
    answer = docker("exec", engine["container"]["id"], container.PYTHON, "-c", f"import json, os\n{code}")
    return json.loads(answer)


# -- sealed -----------------------------------------------------------------------------------------------------------


def test_it_is_sealed_as_docker_sees_it(hal: Hal) -> None:
    hal("serve")
    found = inspect(hal.engine())
    host = found["HostConfig"]
    assert host["NetworkMode"] == "none"
    assert not host["PortBindings"]
    assert not found["NetworkSettings"]["Ports"]
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert host["Privileged"] is False
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["AutoRemove"] is True
    assert host["PidsLimit"] > 0
    assert host["Memory"] > 2**30
    assert not host["Devices"]
    assert found["Config"]["User"].split(":")[0] not in {"", "0", "root"}
    mounts = {mount["Destination"]: mount["RW"] for mount in found["Mounts"]}
    assert mounts == {"/models": False, "/spool": True}


def test_it_is_sealed_as_it_sees_itself(hal: Hal) -> None:
    hal("serve")
    seen = inside(
        hal.engine(),
        """
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
def writable(path):
    try:
        open(path, "w").close()
    except OSError:
        return False
    return True
listening = [line.split()[1].split(":")[0] for name in ("tcp", "tcp6")
             for line in list(open(f"/proc/net/{name}"))[1:] if line.split()[3] == "0A"]
print(json.dumps({
    "uid": os.getuid(), "caps": [status[name].strip() for name in ("CapEff", "CapPrm", "CapBnd", "CapInh")],
    "no_new_privileges": status["NoNewPrivs"].strip(), "seccomp": status["Seccomp"].strip(),
    "network": os.listdir("/sys/class/net"), "listening": listening,
    "writable": [path for path in ("/x", "/opt/x", "/etc/x", "/models/x", "/tmp/x", "/spool/x") if writable(path)],
    "socket": oct(os.stat("/run/hal/engine.sock").st_mode & 0o777),
}))
os.unlink("/spool/x")
""",
    )
    assert seen["uid"] != 0
    assert {int(mask, 16) for mask in seen["caps"]} == {0}
    assert (seen["no_new_privileges"], seen["seccomp"]) == ("1", "2")
    assert seen["network"] == ["lo"]
    assert set(seen["listening"]) == {"0100007F"}  # 127.0.0.1
    assert seen["writable"] == ["/tmp/x", "/spool/x"]
    assert seen["socket"] == "0o600"


def test_nothing_secret_gets_in_or_out(lone_hal: Hal) -> None:
    secrets = {"HF_TOKEN": "hf_hush", "AWS_SECRET_ACCESS_KEY": "hush", "HTTPS_PROXY": "http://u:hush@p"}
    with_secrets = Hal({**lone_hal.environment, **secrets}, lone_hal.cwd)
    with_secrets("-p", "a prompt, hush", *QUICK, "-o", "x.png")
    engine = lone_hal.engine()
    told = [
        docker("container", "inspect", engine["container"]["id"]),
        docker("logs", engine["container"]["id"]),
        docker("top", engine["container"]["id"]),
        (Path(engine["folder"]) / "comfyui.log").read_text(errors="replace"),
        json.dumps(inside(engine, "print(json.dumps(dict(os.environ)))")),
    ]
    assert told[0]
    for text in told:
        assert "hush" not in text


# -- whose files ------------------------------------------------------------------------------------------------------


@pytest.fixture
def as_other_user(lone_hal: Hal, tmp_path: Path) -> Iterator[Hal]:
    """The command line of a user who may use Docker and nothing else."""
    if os.getuid() != 0:
        pytest.skip("only root can become another user")
    group = Path("/var/run/docker.sock").stat().st_gid
    become = ("setpriv", f"--reuid={OTHER_UID}", f"--regid={OTHER_UID}", f"--groups={group}")
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and folder.is_relative_to("/tmp/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    home = tmp_path / "home"
    home.mkdir()
    site = tmp_path / "site"  # the tests' own packages may be in a folder that only root can open
    for module in MODULES:
        spec = importlib.util.find_spec(module)
        assert spec is not None
        assert spec.origin is not None
        shutil.copytree(Path(spec.origin).parent, site / module)
    check = "import sys, yaml; sys.exit(sys.version_info < (3, 10))"
    environment = {**os.environ, "PYTHONPATH": str(site)}
    pythons = [sys.executable, "/usr/bin/python3"]
    tried = [subprocess.run([*become, one, "-c", check], env=environment, check=False).returncode for one in pythons]
    if 0 not in tried:
        pytest.skip(f"another user cannot run any of {pythons}")
    models = home / "models" / "checkpoints"
    models.mkdir(parents=True)
    synthetic.write_sd15(models / SD15)
    (models / SD15).chmod(0o600)
    subprocess.run(["chown", "-R", f"{OTHER_UID}:{OTHER_UID}", str(home), str(lone_hal.cwd)], check=True)
    registry = home / "fit.yaml"
    shutil.copy(lone_hal.environment["HAL_REGISTRY"], registry)
    registry.chmod(0o644)
    changed = {
        "HOME": str(home), "HAL_STATE_DIR": str(home / "state"), "HAL_MODELS_DIR": str(models.parent),
        "HAL_REGISTRY": str(registry), "DOCKER_CONFIG": str(home / "docker"),
        "PYTHONPATH": str(site),
    }  # fmt: skip
    hal = Hal({**lone_hal.environment, **changed}, lone_hal.cwd, prefix=become, python=pythons[tried.index(0)])
    yield hal
    hal("stop", "--force", code=None)


def test_everything_belongs_to_the_caller(as_other_user: Hal) -> None:
    # The model is readable by its owner only, as a download with a strict umask is.
    run = as_other_user("-p", "x", *QUICK, "-o", "sub/x.png", "--json")
    engine = as_other_user.engine()
    assert inspect(engine)["Config"]["User"] == f"{OTHER_UID}:{OTHER_UID}"
    assert inside(engine, "print(json.dumps(os.getuid()))") == OTHER_UID
    written = [Path(run.json["data"]["images"][0]["path"]), *Path(engine["folder"]).rglob("*")]
    assert len(written) > 5
    assert {path.lstat().st_uid for path in written} == {OTHER_UID}


def test_root_itself_does_not_run_model_code(lone_hal: Hal, models_dir: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root sees this")
    lone_hal("-p", "x", *QUICK, "-o", "x.png")
    assert (lone_hal.cwd / "x.png").stat().st_uid == 0
    engine = lone_hal.engine()
    assert inside(engine, "print(json.dumps(os.getuid()))") != 0
    private = models_dir / "checkpoints" / SD15
    private.chmod(0o600)
    try:
        error = lone_hal("-p", "x", *QUICK, "-o", "x.png", "--json", code=4).json["error"]
    finally:
        private.chmod(0o644)
    assert error["code"] == "model_unreadable"


# -- one container ----------------------------------------------------------------------------------------------------


def test_serve_ps_and_stop_show_the_container(lone_hal: Hal) -> None:
    served = lone_hal("serve", "--json").json
    shown = lone_hal("ps", "--json").json
    made = lone_hal("-p", "x", *QUICK, "-o", "x.png", "--json").json
    stopped = lone_hal("stop", "--json").json
    for answer in (served, shown, made, stopped):
        schemas.strict("result").validate(answer)
    places = [
        served["data"]["engine"]["container"], shown["data"]["engines"][0]["container"],
        made["data"]["engine"]["container"], stopped["data"]["stopped"][0]["container"],
    ]  # fmt: skip
    assert all(place == places[0] for place in places)
    assert places[0]["name"].startswith("hal8000-")
    assert containers(lone_hal) == []
    assert lone_hal("ps", "--json").json["data"] == {"engines": []}


def test_one_shot_leaves_nothing(lone_hal: Hal) -> None:
    lone_hal("-p", "x", *QUICK, "-o", "x.png", "--keep-alive", "0")
    assert containers(lone_hal) == []
    failing = ("-p", "x", "-m", "sd15", "--size", "64", "--steps", "400", "-o", "y.png", "--keep-alive", "0")
    lone_hal(*failing, "--timeout", "5", code=5)
    assert containers(lone_hal) == []


def test_one_shot_that_is_interrupted_leaves_nothing(lone_hal: Hal) -> None:
    process = lone_hal.start("-p", "x", *SLOW, "-o", "x.png", "--keep-alive", "0")
    lone_hal.wait_until_busy()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert containers(lone_hal) == []


def test_one_shots_at_once_make_their_pictures_one_after_the_other(lone_hal: Hal) -> None:
    # Each ends the container that another may just be reaching.
    calls = [lone_hal.start("-p", "x", *QUICK, "-o", f"{index}.png", "--keep-alive", "0") for index in range(3)]
    said = [call.communicate(timeout=200)[1] for call in calls]
    assert [call.returncode for call in calls] == [0, 0, 0], said
    assert sorted(path.name for path in lone_hal.cwd.glob("*.png")) == ["0.png", "1.png", "2.png"]
    lone_hal.wait_for(lambda: containers(lone_hal) == [], 20)


def test_an_interrupt_leaves_the_container_warm(lone_hal: Hal) -> None:
    process = lone_hal.start("-p", "x", *SLOW, "-o", "x.png")
    engine = lone_hal.wait_until_busy()
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    again = lone_hal("-p", "x", *QUICK, "-o", "x.png", "--json").json["data"]
    assert again["engine"]["reused"] is True
    assert identity(again["engine"]) == identity(engine)
    assert again["timings"]["boot_s"] == 0


def test_an_interrupt_while_it_starts_leaves_one_that_the_next_call_uses(lone_hal: Hal) -> None:
    process = lone_hal.start("-p", "x", *QUICK, "-o", "x.png")
    lone_hal.wait_for(lambda: containers(lone_hal), 30)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    (first,) = containers(lone_hal)
    engine = lone_hal("-p", "x", *QUICK, "-o", "x.png", "--json").json["data"]["engine"]
    assert (identity(engine), engine["reused"]) == (first, True)


def test_a_container_killed_while_it_works_is_named(lone_hal: Hal) -> None:
    process = lone_hal.start("-p", "x", *SLOW, "-o", "x.png", "--json")
    engine = lone_hal.wait_until_busy()
    docker("kill", engine["container"]["id"])
    out, _ = process.communicate(timeout=60)
    error = json.loads(out)["error"]
    assert (process.returncode, error["code"], error["retryable"]) == (1, "engine_lost", True)
    assert engine["container"]["name"] in error["message"]
    assert Path(error["details"]["log"]).is_file()
    again = lone_hal("-p", "x", *QUICK, "-o", "x.png", "--json").json["data"]["engine"]
    assert identity(again) != identity(engine)
    assert containers(lone_hal) == [identity(again)]


def test_a_container_removed_between_calls_is_replaced(lone_hal: Hal) -> None:
    first = lone_hal("-p", "x", *QUICK, "-o", "x.png", "--json").json["data"]["engine"]
    docker("rm", "--force", first["container"]["id"])
    second = lone_hal("-p", "x", *QUICK, "-o", "x.png", "--json").json["data"]["engine"]
    assert (second["reused"], identity(second) != identity(first)) == (False, True)


def test_a_stopped_process_in_a_container_is_not_waited_for(lone_hal: Hal) -> None:
    first = lone_hal("-p", "x", *QUICK, "-o", "x.png", "--json").json["data"]["engine"]
    docker("pause", first["container"]["id"])
    assert lone_hal.engine()["state"] == "no answer"
    schemas.strict("result").validate(lone_hal("ps", "--json").json)
    lone_hal("stop", "--force")
    assert containers(lone_hal) == []


def test_leftovers_are_swept(lone_hal: Hal) -> None:
    engine = lone_hal("-p", "x", *QUICK, "-o", "x.png", "--json").json["data"]["engine"]
    labels = inspect(lone_hal.engine())["Config"]["Labels"]
    own = [f"--label=hal8000.owner={labels['hal8000.owner']}", f"--label=hal8000.key={labels['hal8000.key']}"]
    docker("rm", "--force", engine["container"]["id"])
    image = engine["container"]["image_id"]
    folder = Path(lone_hal.environment["HAL_STATE_DIR"]) / "engines" / labels["hal8000.key"]
    mount = f"--volume={folder}:/spool"
    created = docker("create", "--name", engine["container"]["name"], mount, *own, image)
    other = docker("create", mount, own[0], "--label=hal8000.key=00000000-docker", image)
    assert set(containers(lone_hal)) == {created, other}
    second = lone_hal("-p", "x", *QUICK, "-o", "x.png", "--json").json["data"]["engine"]
    assert containers(lone_hal) == [identity(second)]


# -- other settings ---------------------------------------------------------------------------------------------------


@pytest.fixture
def retagged(lone_hal: Hal, tmp_path: Path) -> Iterator[tuple[Hal, str]]:
    """The command line with a name of its own for the image, and another image to give that name to."""
    tag = f"hal8000-test-retagged:{os.getpid()}"
    docker("tag", lone_hal.environment["HAL_DOCKER_IMAGE"], tag)
    (tmp_path / "Dockerfile").write_text(f"FROM {tag}\nLABEL another=one\n")
    other = docker("build", "--quiet", "--file", str(tmp_path / "Dockerfile"), str(lone_hal.cwd))
    hal = Hal({**lone_hal.environment, "HAL_DOCKER_IMAGE": tag}, lone_hal.cwd)
    yield hal, other
    hal("stop", "--force", code=None)
    docker("image", "rm", "--force", tag, other)


def test_an_image_built_anew_replaces_the_container(retagged: tuple[Hal, str]) -> None:
    hal, other = retagged
    first = hal("-p", "x", *QUICK, "-o", "x.png", "--json").json["data"]["engine"]
    docker("tag", other, hal.environment["HAL_DOCKER_IMAGE"])
    run = hal("-p", "x", *QUICK, "-o", "x.png", "--json")
    second = run.json["data"]["engine"]
    assert "built anew" in run.err
    assert (second["reused"], second["container"]["image_id"]) == (False, other)
    assert containers(hal) == [identity(second)] != [identity(first)]


def test_other_settings_replace_the_container_after_its_jobs(retagged: tuple[Hal, str], lone_hal: Hal) -> None:
    by_tag, _ = retagged
    process = lone_hal.start("-p", "x", *SLOW[:-1], "25", "-o", "slow.png")
    first = lone_hal.wait_until_busy()
    second = by_tag("-p", "x", *QUICK, "-o", "x.png", "--json").json["data"]["engine"]
    process.communicate(timeout=120)
    assert process.returncode == 0
    assert (lone_hal.cwd / "slow.png").is_file()
    assert second["reused"] is False
    assert containers(lone_hal) == [identity(second)] != [identity(first)]


# -- folders ----------------------------------------------------------------------------------------------------------


def test_any_folder_name_works(lone_hal: Hal, models_dir: Path) -> None:
    odd = lone_hal.cwd / ODD
    shutil.copytree(models_dir, odd / "models", ignore=shutil.ignore_patterns("*flux*", "*sd*_*"))
    odd.chmod(0o755)
    hal = Hal({**lone_hal.environment, "HAL_STATE_DIR": str(odd / "state")}, lone_hal.cwd)
    try:
        run = hal("-p", "x", *QUICK, "-o", f"{ODD}/out.png", "--models-dir", f"{ODD}/models", "--json")
        assert run.json["data"]["images"][0]["path"] == str(odd / "out.png")
        assert hal.engine()["models_dir"] == str(odd / "models")
    finally:
        hal("stop", "--force")


def test_a_link_out_of_the_models_folder_is_told(lone_hal: Hal, models_dir: Path, tmp_path: Path) -> None:
    mine = tmp_path / "models"
    (mine / "checkpoints").mkdir(parents=True)
    (mine / "checkpoints" / SD15).symlink_to(models_dir / "checkpoints" / SD15)
    error = lone_hal("-p", "x", *QUICK, "-o", "x.png", "--models-dir", str(mine), "--json", code=4).json["error"]
    assert error["code"] == "model_outside"
    assert containers(lone_hal) == []


def test_a_missing_models_folder_is_ours_not_roots(as_other_user: Hal) -> None:
    new = Path(as_other_user.environment["HOME"]) / "new" / "models"
    as_other_user("serve", "--models-dir", str(new))
    assert new.stat().st_uid == OTHER_UID


# -- what can be wrong ------------------------------------------------------------------------------------------------


def test_a_missing_image_is_told_with_the_command_that_builds_it(lone_hal: Hal) -> None:
    hal = Hal({**lone_hal.environment, "HAL_DOCKER_IMAGE": "hal8000-test-nothing:here"}, lone_hal.cwd)
    error = hal("-p", "x", *QUICK, "-o", "x.png", "--json", code=3).json["error"]
    assert error["code"] == "docker_image_missing"
    assert "./build-image.sh --tag hal8000-test-nothing:here" in error["hint"]


def test_an_engine_that_does_not_run_is_told(lone_hal: Hal) -> None:
    hal = Hal({**lone_hal.environment, "DOCKER_HOST": f"unix://{lone_hal.cwd}/none.sock"}, lone_hal.cwd)
    error = hal("-p", "x", *QUICK, "-o", "x.png", "--json", code=3).json["error"]
    assert error["code"] == "docker_not_running"


def test_without_a_gpu_a_model_that_is_not_fit_wants_to_be_asked_for(lone_hal: Hal) -> None:
    hal = Hal({**lone_hal.environment, "HAL_REGISTRY": "", "CUDA_VISIBLE_DEVICES": ""}, lone_hal.cwd)
    error = hal("-p", "x", *QUICK, "-o", "x.png", "--json", code=3).json["error"]
    assert error["code"] == "gpu_missing"
    assert "--cpu" in error["hint"]
    assert containers(lone_hal) == []
    assert hal("-p", "x", *QUICK, "-o", "x.png", "--cpu", "--json").json["data"]["engine"]["device"] == "cpu"


def test_a_gpu_that_docker_cannot_hand_out_is_told_before_anything_is_loaded(lone_hal: Hal, tmp_path: Path) -> None:
    if "nvidia" in docker("info", "--format", "{{json .Runtimes}}"):
        pytest.skip("this Docker can hand out GPUs")
    launcher = tmp_path / "with_gpu.py"
    launcher.write_text(
        f"import sys\nsys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
        "from hal_image.host.engines import docker\nfrom hal_image.host.main import main\n"
        "docker.nvidia_present = lambda: True\nsys.exit(main(sys.argv[1:]))\n"
    )
    hal = Hal(lone_hal.environment, lone_hal.cwd, launcher)
    error = hal("-p", "x", *QUICK, "-o", "x.png", "--json", code=3).json["error"]
    assert error["code"] == "docker_gpu_runtime_missing"
    assert containers(lone_hal) == []


def test_auto_takes_the_container_where_there_is_an_image(lone_hal: Hal) -> None:
    auto = Hal({**lone_hal.environment, "HAL_ENGINE": "auto"}, lone_hal.cwd)
    for reused in (False, True):
        engine = auto("-p", "x", *QUICK, "-o", "x.png", "--json").json["data"]["engine"]
        assert (engine["kind"], engine["reused"]) == ("docker", reused)
    assert program.find() is not None


# -- Docker itself ----------------------------------------------------------------------------------------------------


class PrivateDocker:
    """A Docker engine of the test's own, since nobody else's may be restarted.

    Args:
        folder: where it has its data and its socket, at a short path.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = f"unix://{folder}/d.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [
            "dockerd", "--data-root", str(self.folder / "data"), "--exec-root", str(self.folder / "exec"),
            "--host", self.address, "--pidfile", str(self.folder / "pid"), "--bridge", "none", "--iptables=false",
        ]  # fmt: skip
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        end = time.monotonic() + 60
        while program.run(program.require(), ["--host", self.address, "version"]).code != 0:
            assert time.monotonic() < end, (self.folder / "log").read_text()[-2000:]
            time.sleep(0.2)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)
            self._process = None


@pytest.fixture
def private_docker(lone_hal: Hal) -> Iterator[PrivateDocker]:
    if os.getuid() != 0 or shutil.which("dockerd") is None:
        pytest.skip("a Docker engine of the test's own needs root and dockerd")
    with tempfile.TemporaryDirectory(prefix="hal-dockerd-", ignore_cleanup_errors=True) as folder:
        if shutil.disk_usage(folder).free < 15e9:
            pytest.skip("a second copy of the image needs 15 GB")
        private = PrivateDocker(Path(folder))
        private.start()
        try:
            image = lone_hal.environment["HAL_DOCKER_IMAGE"]
            with subprocess.Popen([program.require(), "save", image], stdout=subprocess.PIPE) as save:
                load = [program.require(), "--host", private.address, "load"]
                subprocess.run(load, stdin=save.stdout, stdout=subprocess.DEVNULL, check=True)
            yield private
        finally:
            private.stop()


def test_a_restart_of_docker_is_survived(lone_hal: Hal, private_docker: PrivateDocker) -> None:
    environment = {**lone_hal.environment, "DOCKER_HOST": private_docker.address}
    hal = Hal(environment, lone_hal.cwd)
    first = hal("-p", "x", *QUICK, "-o", "x.png", "--json").json["data"]["engine"]
    private_docker.stop()
    assert hal("-p", "x", *QUICK, "-o", "x.png", "--json", code=3).json["error"]["code"] == "docker_not_running"
    assert hal.engines() == []
    private_docker.start()
    second = hal("-p", "x", *QUICK, "-o", "x.png", "--json").json["data"]["engine"]
    assert (second["reused"], identity(second) != identity(first)) == (False, True)
    hal("stop", "--force")
