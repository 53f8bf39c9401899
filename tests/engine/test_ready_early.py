"""What is done before the first picture is asked for, or while the engine boots for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hal_image import mounts
from tests.contract.answers import check_answer
from tests.world import QUICK

if TYPE_CHECKING:
    from tests.world import Hal


def test_serve_with_a_model_leaves_nothing_to_load_for_the_first_picture(lone_hal: Hal) -> None:
    served = lone_hal("serve", "--model", "sd15", "--json").json
    check_answer(served)
    assert (served["data"]["model"]["name"], served["data"]["engine"]["models_loaded"]) == ("sd15", True)
    assert list(lone_hal.cwd.iterdir()) == []
    assert [job for job in lone_hal("jobs", "--json").json["data"]["jobs"] if not job["delivered"]] == []
    made = lone_hal("-p", "a red cube", *QUICK, "-o", "x.png", "--json").json["data"]
    assert made["engine"]["reused"]
    assert made["timings"]["load_s"] == made["timings"]["boot_s"] == 0
    assert lone_hal("serve", "--model", "sd15").lines[0].endswith(", sd15 loaded"), "again, on an engine that runs"


@pytest.mark.parametrize(
    ("model", "code", "exit_code"), [("sd1.5", "unknown_model", 2), ("sd35-large", "model_missing", 4)]
)
@pytest.mark.local_only("no engine is asked for")
def test_serve_with_a_model_that_cannot_be_had_starts_nothing(
    lone_hal: Hal, model: str, code: str, exit_code: int
) -> None:
    error = lone_hal("serve", "--model", model, "--offline", "--json", code=exit_code).json["error"]
    assert error["code"] == code
    assert lone_hal.engines() == []


@pytest.mark.local_only("what an engine in a container says is with Docker; it reads in the same way")
def test_models_are_read_while_the_engine_boots(lone_hal: Hal, models_dir: Path) -> None:
    mount = mounts.mount_here(models_dir)
    assert mount is not None
    assert not mount.remark, "the tests' folder is on a disk of this machine"
    lone_hal("-p", "a red cube", *QUICK, "-o", "x.png")
    log = Path(lone_hal.engine()["folder"], "engine.log")
    assert "MB of models ahead" in lone_hal.wait_for(log.read_text)
