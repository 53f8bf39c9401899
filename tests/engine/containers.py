"""What Docker says of the containers that a test has started."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hal_image import container
from tests.world import docker

if TYPE_CHECKING:
    from tests.world import Hal


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
