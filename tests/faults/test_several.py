"""Several pictures of one job: memory that does not suffice for them, and what is kept when something breaks."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hal_image.host import metadata, picture_file
from tests.faults.calls import comfyui_of, names, running_job
from tests.faults.copies import copy, with_program
from tests.world import LIMIT_S, Hal, environment_for, pixels

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.local_only("the engine is the same in a container")

SMALL = ("-p", "x", "--model", "sd15", "--size", "64", "--steps", "2", "--seed", "5")
SOME_SECONDS = ("-p", "x", "--model", "sd15", "--size", "128", "--steps", "30", "--seed", "5")
BATCHES = "hal_image/engine/comfyui_batches.py"
FULL = """        if latent["samples"].shape[0] > 2:
            import torch
            raise torch.cuda.OutOfMemoryError("Allocation on device 0 would exceed allowed memory.")
        with batches.sampling(seeds):
"""


def changed(folder: Path, *changes: tuple[str, str, str]) -> Path:
    """A copy of the tool in which texts of files are others."""
    program = copy(folder)
    for name, before, after in changes:
        text = (folder / name).read_text(encoding="utf-8")
        assert text.count(before) == 1, f"{before!r} is not in {name} any more"
        (folder / name).write_text(text.replace(before, after), encoding="utf-8")
    return program


@pytest.fixture
def own_hal(request: pytest.FixtureRequest, models_dir: Path, tmp_path: Path) -> Iterator[Hal]:
    """The command line with a state directory of the test's own, to be run from a copy."""
    (tmp_path / "cwd").mkdir()
    hal = Hal(environment_for(request, "local", models_dir, tmp_path / "state"), tmp_path / "cwd")
    yield hal
    hal("stop", "--force", code=None)


def batch_of(path: Path) -> Any:
    own = picture_file.read(path.read_bytes()).json(metadata.KEYWORD)
    assert own is not None
    return own.get("batch", {}).get("seeds")


def test_what_does_not_fit_is_tried_again_by_halves(own_hal: Hal, tmp_path: Path) -> None:
    program = changed(tmp_path / "tool", (BATCHES, "        with batches.sampling(seeds):\n", FULL))
    hal = with_program(own_hal, program)
    answer = hal(*SMALL, "--count", "5", "--batch-size", "4", "-o", "x.png", "--json").json
    (warning,) = [one for one in answer["warnings"] if one["code"] == "batch_halved"]
    assert "4 pictures at once were too many, and 2 are tried: out of memory in KSampler" in warning["message"]
    paths = [hal.cwd / f"x-{number}.png" for number in range(1, 6)]
    assert [batch_of(path) for path in paths] == [[5, 6], [5, 6], [7, 8], [7, 8], None]
    hal(*SMALL, "--count", "5", "--batch-size", "2", "-o", "y.png")
    assert [pixels(path) for path in paths] == [pixels(hal.cwd / f"y-{number}.png") for number in range(1, 6)]
    assert hal.engine()["boots"] == 1
    hal("stop")
    own_hal(*SMALL, "--count", "3", "--batch-size", "3", "-o", "z.png")  # with room for all
    own_hal("stop")
    again = hal("--from-image", "z-2.png", "-o", "again.png", "--json").json
    (differs,) = [one["details"]["differs"] for one in again["warnings"] if one["code"] == "remake_differs"]
    assert differs == [{"what": "the number of pictures sampled at once", "then": 3, "now": 1}]


def test_a_card_takes_as_many_as_it_has_room_for(own_hal: Hal, tmp_path: Path) -> None:
    # a processor that is taken for a card, for which ComfyUI's estimate says that it has room for three
    program = changed(
        tmp_path / "tool",
        (BATCHES, "count = room(", "count = 3 or room("),
        ("hal_image/engine/batches.py", 'return (status.device or "cpu").startswith("cuda")', "return True"),
    )
    hal = with_program(own_hal, program)
    answer = hal(*SMALL, "--count", "7", "--hires", "1.5", "-o", "x.png", "--json").json
    assert not {one["code"] for one in answer["warnings"]} & {"batch_halved"}
    paths = [hal.cwd / f"x-{number}.png" for number in range(1, 8)]
    assert [batch_of(path) for path in paths] == [[5, 6, 7]] * 3 + [[8, 9, 10]] * 3 + [None]
    hal(*SMALL, "--count", "7", "--hires", "1.5", "--batch-size", "3", "-o", "y.png")
    assert [pixels(path) for path in paths] == [pixels(hal.cwd / f"y-{number}.png") for number in range(1, 8)]


@pytest.fixture
def mended(hal: Hal) -> Iterator[None]:
    """Has ComfyUI run again for those who share the engine."""
    yield
    hal(*SMALL, "-o", "mended.png")


def started(hal: Hal, *options: str) -> Any:
    """A call that has brought the first of its pictures."""
    hal("serve")
    process = hal.start(*SOME_SECONDS, "--count", "4", "-o", "x.png", "--jsonl", *options)
    assert process.stdout is not None
    for line in process.stdout:
        if b'"saved"' in line:
            return process
    raise AssertionError(process.communicate())


@pytest.mark.usefixtures("mended")
@pytest.mark.skipif(os.getuid() != 0, reason="a signal for another's process needs root")
def test_comfyui_is_killed_and_what_is_there_stays(hal: Hal) -> None:
    hal("serve")
    output = Path(hal.engine()["folder"]) / "output"
    of_others = set(output.glob("*"))
    process = started(hal)
    os.kill(comfyui_of(hal, hal.engine()), signal.SIGKILL)
    out, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 1
    assert b'"comfyui_crashed"' in out.splitlines()[-1]
    assert 1 <= len(names(hal.cwd)) < 4
    assert set(output.glob("*")) <= of_others


@pytest.mark.usefixtures("mended")
@pytest.mark.skipif(os.getuid() != 0, reason="a signal for another's process needs root")
def test_what_was_made_for_a_call_that_is_gone_is_brought_by_wait(hal: Hal) -> None:
    process = started(hal)
    process.kill()
    process.communicate()
    job = running_job(hal)
    (hal.cwd / "x-1.png").unlink()  # it is on record as brought
    output = Path(hal.engine()["folder"]) / "output" / job
    hal.wait_for(lambda: len([*output.glob("*.png")]) > 1)
    os.kill(comfyui_of(hal, hal.engine()), signal.SIGKILL)
    waited = hal("wait", job, "--json", code=1)
    assert waited.json["error"]["code"] == "comfyui_crashed"
    images = waited.json["data"]["images"]
    assert 2 <= len(images) < 4
    assert [image["seed"] for image in images] == [5, 6, 7][: len(images)]
    assert "x-2.png" in names(hal.cwd)


def test_another_caller_does_not_wait_for_all_of_them(hal: Hal) -> None:
    process = started(hal)
    hal(*SMALL, "-o", "other.png")
    assert process.poll() is None
    assert len(names(hal.cwd)) < 5, "the other picture was made in between"
    out, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, err
    assert b'"queued"' in out
    assert names(hal.cwd) == ["other.png", "x-1.png", "x-2.png", "x-3.png", "x-4.png"]
