"""Whose the container and its files are."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hal_image.start import MODULES
from tests import synthetic
from tests.engine.containers import inside, inspect
from tests.world import QUICK, SD15, Hal

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.docker_only("containers")

OTHER_UID = 1234


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


def test_a_missing_models_folder_is_ours_not_roots(as_other_user: Hal) -> None:
    new = Path(as_other_user.environment["HOME"]) / "new" / "models"
    as_other_user("serve", "--models-dir", str(new))
    assert new.stat().st_uid == OTHER_UID
