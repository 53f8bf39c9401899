"""That the container is sealed: from the network, from the machine, and from what is secret."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.engine.containers import inside, inspect
from tests.world import QUICK, Hal, docker

pytestmark = pytest.mark.docker_only("containers")


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
    secrets = {"HF_TOKEN": "hf_hush", "AWS_SECRET_ACCESS_KEY": "hush hush", "HTTPS_PROXY": "http://u:hush@p"}
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
    picture = (lone_hal.cwd / "x.png").read_bytes()
    assert b"a prompt, hush" in picture
    assert not any(secret.encode() in picture for secret in secrets.values())
