"""A restart of Docker itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hal_image.host.docker import program
from tests.world import QUICK, Hal, identity

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.docker_only("containers")


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
            # a Docker engine without a bridge takes away the one that there is, which is the other engine's
            "unshare", "--net",
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
